// The key that a person hands in, as PEM. Source: RFC 7468, RFC 8410.

import { fromBase64, toHex } from "./bytes.mjs";
import { InvalidInput } from "./refusal.mjs";
import { KEY_BYTES } from "./signatures.mjs";

const PEM = /-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]*)-----END PUBLIC KEY-----/;
const ED25519_HEX = "302a300506032b6570032100";

/** The 32 bytes of an Ed25519 public key. Raises InvalidInput. */
export function publicKey(pem) {
  const found = PEM.exec(pem);
  const der = found ? fromBase64(found[1].replace(/\s/g, "")) : new Uint8Array(0);
  const head = ED25519_HEX.length / 2;
  if (der.length !== head + KEY_BYTES || toHex(der.subarray(0, head)) !== ED25519_HEX) {
    throw new InvalidInput("not an Ed25519 public key");
  }
  return der.slice(head);
}
