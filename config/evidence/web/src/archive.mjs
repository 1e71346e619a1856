// The container of an evidence package: a ZIP file of which every single byte is determined by what it holds.
//
// Reads as config/evidence/archive.py does, step by step: each check at the same moment, so that the first thing found is
// the same. Nothing is held in memory but one window of the file and the list of what was read.
// Source: PKWARE APPNOTE.TXT 6.3.10, sections 4.3 to 4.5.

import { ascii, isAscii, joined, same, utf8 } from "./bytes.mjs";
import { crc32 } from "./digests.mjs";
import { NotGenuine } from "./refusal.mjs";

export const PACKAGE = "package";
const WINDOW_BYTES = 4 * (1 << 20);
const NAME_BYTES_MAX = 200;
const FILES_MAX = 1_000_000;
const NAME = /^(?:[a-z0-9][a-z0-9._-]*\/)*[a-z0-9][a-z0-9._-]*$/;
const [LOCAL, CENTRAL, END, END64, LOCATOR64] = [0x04034b50, 0x02014b50, 0x06054b50, 0x06064b50, 0x07064b50];
const DATE = 0x0021;
const [FULL32, FULL16] = [2 ** 32 - 1, 2 ** 16 - 1];
const LOCAL_BYTES = 30;

/** A file of the person's, read front to back through a window. */
export class Source {
  /** `progress` hears of bytes done and bytes in all. */
  constructor(blob, progress) {
    this.blob = blob;
    this.progress = progress;
    this.at = 0;
    this.window = new Uint8Array(0);
    this.begins = 0;
  }

  /** At most `length` bytes from here, fewer only at the end of the window or of the file. */
  async some(length) {
    if (this.at < this.begins || this.at >= this.begins + this.window.length) {
      this.begins = this.at;
      this.progress(this.at, this.blob.size);
      this.window = new Uint8Array(await this.blob.slice(this.at, this.at + WINDOW_BYTES).arrayBuffer());
    }
    const from = this.at - this.begins;
    const found = this.window.subarray(from, from + length);
    this.at += found.length;
    return found;
  }

  /** Exactly `length` bytes from here, fewer only at the end of the file. */
  async exactly(length) {
    const parts = [];
    for (let left = length; left > 0; ) {
      const part = await this.some(left);
      if (part.length === 0) {
        break;
      }
      parts.push(part);
      left -= part.length;
    }
    return parts.length === 1 ? parts[0] : joined(...parts);
  }
}

/** The files of an archive in order, as `{name, sizeBytes, blocks}`; blocks that were not taken are skipped. */
export async function* read(source) {
  const files = [];
  const names = new Set();
  for (let stored; (stored = await next(source, names)) !== null; ) {
    if (files.length >= FILES_MAX) {
      throw new NotGenuine(PACKAGE, "it holds too many files");
    }
    const body = new Body(source, stored);
    yield { name: stored.name, sizeBytes: stored.sizeBytes, blocks: body.blocks() };
    await body.finish();
    files.push(stored);
    names.add(stored.name);
  }
  const offset = files.length ? endOf(files.at(-1)) : 0;
  const expected = directory(files, offset);
  source.at = offset;
  if (!same(await source.exactly(expected.length + 1), expected)) {
    const why = files.length ? "its directory is not the one of its files" : "it is no evidence package, or its beginning is missing";
    throw new NotGenuine(PACKAGE, why);
  }
}

class Body {
  constructor(source, stored) {
    this.source = source;
    this.stored = stored;
    this.left = stored.sizeBytes;
    this.crc32 = 0;
  }

  async *blocks() {
    while (this.left > 0) {
      const block = await this.source.some(this.left);
      if (block.length === 0) {
        throw new NotGenuine(this.stored.name, "it is cut short");
      }
      this.left -= block.length;
      this.crc32 = crc32(block, this.crc32);
      yield block;
    }
  }

  async finish() {
    for await (const _ of this.blocks());
    if (this.crc32 !== this.stored.crc32) {
      throw new NotGenuine(this.stored.name, "it does not match its checksum");
    }
  }
}

/** The next file's header, read strictly; null at the directory. */
async function next(source, names) {
  const offset = source.at;
  const header = await source.exactly(LOCAL_BYTES);
  if (header.length < LOCAL_BYTES || view(header).getUint32(0, true) !== LOCAL) {
    return null;
  }
  const fields = view(header);
  const stored = { crc32: fields.getUint32(14, true), sizeBytes: fields.getUint32(18, true), offset };
  const nameBytes = fields.getUint16(26, true);
  if (nameBytes > NAME_BYTES_MAX) {
    throw new NotGenuine(PACKAGE, "it names a file as no package does");
  }
  const raw = await source.exactly(nameBytes);
  const name = ascii(raw);
  if (!isAscii(raw) || !NAME.test(name) || name.includes("..") || names.has(name)) {
    throw new NotGenuine(PACKAGE, "it names a file as no package does", JSON.stringify(name));
  }
  stored.name = name;
  if (!same(joined(header, raw), localHeader(stored))) {
    throw new NotGenuine(name, "its header holds what does not belong there");
  }
  return stored;
}

const view = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const endOf = (stored) => stored.offset + LOCAL_BYTES + stored.name.length + stored.sizeBytes;

/** Numbers one after the other, little endian: `[bytes, value]`. */
function packed(...fields) {
  const out = new DataView(new ArrayBuffer(fields.reduce((length, [bytes]) => length + bytes, 0)));
  let at = 0;
  for (const [bytes, value] of fields) {
    if (bytes === 8) {
      out.setBigUint64(at, BigInt(value), true);
    } else if (bytes === 4) {
      out.setUint32(at, value, true);
    } else {
      out.setUint16(at, value, true);
    }
    at += bytes;
  }
  return new Uint8Array(out.buffer);
}

/** Version 2.0, no flags, stored, the one date, and the file's figures, as both headers have them. */
const common = ({ crc32: crc, sizeBytes }) => [
  ...[20, 0, 0, 0, DATE].map((value) => [2, value]),
  ...[crc, sizeBytes, sizeBytes].map((value) => [4, value]),
];

const localHeader = (stored) =>
  joined(packed([4, LOCAL], ...common(stored), [2, stored.name.length], [2, 0]), utf8(stored.name));

function centralHeader(stored) {
  const extra = stored.offset >= FULL32 ? packed([2, 1], [2, 8], [8, stored.offset]) : new Uint8Array(0);
  const fixed = packed(
    ...[[4, CENTRAL], [2, 20], ...common(stored), [2, stored.name.length], [2, extra.length]],
    ...[[2, 0], [2, 0], [2, 0], [4, 0], [4, Math.min(stored.offset, FULL32)]],
  );
  return joined(fixed, utf8(stored.name), extra);
}

function directory(files, offset) {
  const entries = joined(...files.map(centralHeader));
  const [count, length] = [files.length, entries.length];
  const [count16, length32, offset32] = [Math.min(count, FULL16), Math.min(length, FULL32), Math.min(offset, FULL32)];
  const end = packed([4, END], [2, 0], [2, 0], [2, count16], [2, count16], [4, length32], [4, offset32], [2, 0]);
  if (count < FULL16 && offset < FULL32 && length < FULL32) {
    return joined(entries, end);
  }
  const record = packed(
    ...[[4, END64], [8, 44], [2, 45], [2, 45], [4, 0], [4, 0]],
    ...[[8, count], [8, count], [8, length], [8, offset]],
  );
  const locator = packed([4, LOCATOR64], [4, 0], [8, offset + length], [4, 1]);
  return joined(entries, record, locator, end);
}
