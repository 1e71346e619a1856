// Bytes to text and back, as strictly as the Python verifier takes them.

import { InvalidInput } from "./refusal.mjs";

const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const VALUES = new Map([...ALPHABET].map((letter, value) => [letter, value]));

const ENCODER = new TextEncoder();

export const utf8 = (text) => ENCODER.encode(text);

/** Raises InvalidInput where the bytes are no UTF-8. */
export function text(bytes) {
  try {
    return STRICT.decode(bytes);
  } catch {
    throw new InvalidInput("not UTF-8");
  }
}

export const isAscii = (bytes) => bytes.every((byte) => byte < 0x80);

export const ascii = (bytes) => String.fromCharCode(...bytes);

export const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Of an even number of hexadecimal digits, which the caller has checked; a line break behind them counts for nothing. */
export const fromHex = (digits) => Uint8Array.from(digits.trim().match(/../g) ?? [], (pair) => parseInt(pair, 16));

export const same = (a, b) => a.length === b.length && a.every((byte, at) => byte === b[at]);

export function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** RFC 4648, section 4, with padding. Raises InvalidInput at anything else between, before or behind. */
export function fromBase64(encoded) {
  const matched = /^([A-Za-z0-9+/]*)(=*)$/.exec(encoded);
  const left = matched ? matched[1].length % 4 : 1;
  const padded = matched && (left === 0 ? matched[1] !== "" || !matched[2] : matched[2].length === 4 - left);
  if (left === 1 || !padded) {
    throw new InvalidInput("not base64");
  }
  const letters = matched[1];
  const out = new Uint8Array(Math.floor((letters.length * 3) / 4));
  let bits = 0;
  let held = 0;
  let at = 0;
  for (const letter of letters) {
    held = ((held << 6) | VALUES.get(letter)) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out[at++] = (held >> bits) & 0xff;
    }
  }
  return out;
}

export function toBase64(bytes) {
  let out = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const [a, b = 0, c = 0] = bytes.subarray(at, at + 3);
    const group = (a << 16) | (b << 8) | c;
    out += [18, 12, 6, 0].map((shift) => ALPHABET[(group >> shift) & 63]).join("");
  }
  const missing = (3 - (bytes.length % 3)) % 3;
  return missing ? out.slice(0, -missing) + "=".repeat(missing) : out;
}
