// Signed notes and the checkpoints that they carry.
// Source: C2SP signed-note, tlog-checkpoint and tlog-cosignature (https://c2sp.org).

import { fromBase64, joined, same, text, toBase64, toHex, utf8 } from "./bytes.mjs";
import { sha256 } from "./digests.mjs";
import { HASH_BYTES, LEAVES_MAX } from "./merkle.mjs";
import { InvalidInput } from "./refusal.mjs";
import { KEY_BYTES, signed } from "./signatures.mjs";

const NOTE_BYTES_MAX = 65_536;
const SIGNATURES_MAX = 16;
const ORIGIN_CHARS_MAX = 200;
const KEY_ID_BYTES = 4;
const TIME_BYTES = 8;
export const [ED25519, ED25519_COSIGNATURE] = [0x01, 0x04];
const LINE = "\u2014 ";
const NAME = /^[!-*,-~]{1,200}$/; // printable ASCII without space and plus
const MARGIN = /^[\s\x1c-\x1f\x85]+|[\s\x1c-\x1f\x85]+$/g;

/** A name and a public key; what is called a damaged signature elsewhere is a `BadSignature` here. */
export class NoteKey {
  constructor(name, algorithm, key) {
    Object.assign(this, { name, algorithm, key });
    this.keyId = sha256(utf8(`${name}\n`), Uint8Array.of(algorithm), key).subarray(0, KEY_ID_BYTES);
  }

  /** Of the line `name+id+base64`. Raises InvalidInput. */
  static parse(line) {
    const [name, keyId, ...rest] = line.replace(MARGIN, "").split("+");
    const raw = fromBase64(rest.join("+"));
    if (rest.length === 0 || raw.length === 0 || !NAME.test(name)) {
      throw new InvalidInput("not a verifier key: name+id+base64 is expected");
    }
    const key = new NoteKey(name, raw[0], raw.subarray(1));
    const known = [ED25519, ED25519_COSIGNATURE].includes(key.algorithm) && key.key.length === KEY_BYTES;
    if (!known || toHex(key.keyId) !== keyId) {
      throw new InvalidInput(`the verifier key of ${name} is damaged or of an unknown suite`);
    }
    return key;
  }

  equals(other) {
    return this.name === other.name && this.algorithm === other.algorithm && same(this.key, other.key);
  }
}

export class BadSignature extends Error {}

export class SignedNote {
  /** Takes a note apart without believing it. Raises InvalidInput. */
  static parse(data) {
    if (data.length > NOTE_BYTES_MAX) {
      throw new InvalidInput(`a note of ${data.length} bytes is over ${NOTE_BYTES_MAX}`);
    }
    const whole = text(data);
    const cut = whole.lastIndexOf("\n\n");
    const note = new SignedNote();
    note.text = whole.slice(0, Math.max(cut, 0)) + "\n";
    const lines = whole.slice(cut + 2);
    note.signatures = lines.replace(/\n$/, "").split("\n").map(signatureOf);
    const bounded = cut >= 0 && lines.endsWith("\n") && note.signatures.length <= SIGNATURES_MAX;
    if (!bounded || note.serialise() !== whole) {
      throw new InvalidInput("not a signed note");
    }
    return note;
  }

  serialise() {
    const lines = this.signatures.map(({ name, keyId, blob }) => `${LINE}${name} ${toBase64(joined(keyId, blob))}\n`);
    return `${this.text}\n${lines.join("")}`;
  }

  /**
   * Which of `keys` signed, as `[key, at_s or null]`. Raises BadSignature where a line bears the name and id of one of
   * them and does not hold.
   */
  verified(keys) {
    const found = [];
    for (const key of keys) {
      const bearing = this.signatures.filter(({ name, keyId }) => name === key.name && same(keyId, key.keyId));
      const times = bearing.map((signature) => this.checked(key, signature));
      if (times.length > 0 && !found.some(([other]) => other.equals(key))) {
        found.push([key, times.at(-1)]);
      }
    }
    return found;
  }

  checked(key, { blob }) {
    const timed = key.algorithm === ED25519_COSIGNATURE;
    const atS = timed ? BigInt(`0x${toHex(blob.subarray(0, TIME_BYTES)) || "0"}`) : null;
    const message = timed ? `cosignature/v1\ntime ${atS}\n${this.text}` : this.text;
    if (!signed(key.key, timed ? blob.subarray(TIME_BYTES) : blob, utf8(message))) {
      throw new BadSignature(`the signature of ${key.name} does not match the note`);
    }
    return atS;
  }
}

function signatureOf(line) {
  const [name, ...rest] = line.startsWith(LINE) ? line.slice(LINE.length).split(" ") : [""];
  const raw = fromBase64(rest.join(" "));
  if (!NAME.test(name) || raw.length <= KEY_ID_BYTES) {
    throw new InvalidInput("not a signature line");
  }
  return { name, keyId: raw.subarray(0, KEY_ID_BYTES), blob: raw.subarray(KEY_ID_BYTES) };
}

/** `{origin, size, root}` of a checkpoint's three lines; `size` is a BigInt. Raises InvalidInput. */
export function checkpointOf(note) {
  const [origin, size, root, ...rest] = note.split("\n");
  const chars = [...origin].length;
  const numbered = /^(?:0|[1-9][0-9]{0,18})$/.test(size ?? "") && BigInt(size) <= LEAVES_MAX;
  if (rest.join("\n") !== "" || rest.length !== 1 || chars === 0 || chars > ORIGIN_CHARS_MAX || !numbered) {
    throw new InvalidInput("not a checkpoint");
  }
  const found = { origin, size: BigInt(size), root: fromBase64(root) };
  if (found.root.length !== HASH_BYTES || toBase64(found.root) !== root) {
    throw new InvalidInput("not a checkpoint");
  }
  return found;
}
