// SHA-256 and CRC-32 over bytes that come block by block.

import { sha256 as software } from "@noble/hashes/sha2.js";

import { joined } from "./bytes.mjs";

const AT_ONCE_BYTES = 1 << 20;
const IN_MEMORY_BYTES = 64 * (1 << 20);
const LEAVES_AT_ONCE = 32;
const LEAF = Uint8Array.of(0);
const TABLES = tables();

export const sha256 = (...parts) => software(parts.length === 1 ? parts[0] : joined(...parts));

/**
 * Of a file's blocks, `{sha256, leaves}`: the digest of all, and with `leafBytes` that of every so many bytes behind a zero
 * byte, as RFC 6962 hashes leaves. The browser's own SHA-256 is several times faster and takes everything at once, so it is
 * used for what fits into memory without harm; it is there only in pages that count as secure.
 */
export async function digestsOfBlocks(blocks, sizeBytes, leafBytes = 0) {
  const subtle = globalThis.crypto?.subtle;
  if (!subtle || sizeBytes < AT_ONCE_BYTES || sizeBytes > IN_MEMORY_BYTES) {
    return inSoftware(blocks, leafBytes);
  }
  const whole = new Uint8Array(sizeBytes);
  let at = 0;
  for await (const block of blocks) {
    whole.set(block, at);
    at += block.length;
  }
  const digest = async (bytes) => new Uint8Array(await subtle.digest("SHA-256", bytes));
  const leaves = [];
  for (let from = 0; leafBytes && from < sizeBytes; from += leafBytes * LEAVES_AT_ONCE) {
    const starts = Array.from({ length: LEAVES_AT_ONCE }, (_, number) => from + number * leafBytes);
    const some = starts.filter((start) => start < sizeBytes).map((start) => whole.subarray(start, start + leafBytes));
    leaves.push(...(await Promise.all(some.map((leaf) => digest(joined(LEAF, leaf))))));
  }
  return { sha256: await digest(whole), leaves };
}

async function inSoftware(blocks, leafBytes) {
  const whole = software.create();
  const leaves = [];
  let [leaf, left] = [software.create().update(LEAF), leafBytes];
  for await (const block of blocks) {
    whole.update(block);
    for (let at = 0; leafBytes && at < block.length; ) {
      const part = block.subarray(at, at + left);
      leaf.update(part);
      [at, left] = [at + part.length, left - part.length];
      if (left === 0) {
        leaves.push(leaf.digest());
        [leaf, left] = [software.create().update(LEAF), leafBytes];
      }
    }
  }
  if (left < leafBytes) {
    leaves.push(leaf.digest());
  }
  return { sha256: whole.digest(), leaves };
}

/** CRC-32 as ZIP has it (ISO 3309), going on from `crc`; four bytes a step. */
export function crc32(bytes, crc = 0) {
  const [t0, t1, t2, t3] = TABLES;
  let left = ~crc;
  let at = 0;
  for (const end = bytes.length - 3; at < end; at += 4) {
    left ^= bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    left = t3[left & 0xff] ^ t2[(left >>> 8) & 0xff] ^ t1[(left >>> 16) & 0xff] ^ t0[left >>> 24];
  }
  for (; at < bytes.length; at += 1) {
    left = (left >>> 8) ^ t0[(left ^ bytes[at]) & 0xff];
  }
  return ~left >>> 0;
}

function tables() {
  const made = Array.from({ length: 4 }, () => new Int32Array(256));
  for (let byte = 0; byte < 256; byte += 1) {
    let left = byte;
    for (let bit = 0; bit < 8; bit += 1) {
      left = left & 1 ? (left >>> 1) ^ 0xedb88320 : left >>> 1;
    }
    made[0][byte] = left;
  }
  for (let byte = 0; byte < 256; byte += 1) {
    for (let table = 1; table < 4; table += 1) {
      const before = made[table - 1][byte];
      made[table][byte] = (before >>> 8) ^ made[0][before & 0xff];
    }
  }
  return made;
}
