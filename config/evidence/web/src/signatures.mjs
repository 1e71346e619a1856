// Ed25519, by the equation that OpenSSL checks, so that both verifiers agree on every signature there can be; and ECDSA.
//
// The library's own `verify` of Ed25519 multiplies by the cofactor, and so accepts a few signatures of a dishonest signer
// that OpenSSL refuses. Curve arithmetic and decoding are the library's. Source: RFC 8032, section 5.1.7; FIPS 186-5.

import { ed25519 } from "@noble/curves/ed25519.js";
import { p256, p384, p521 } from "@noble/curves/nist.js";
import { sha256, sha384, sha512 } from "@noble/hashes/sha2.js";

import { joined, same, toHex } from "./bytes.mjs";

const { Point } = ed25519;
export const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const points = new Map();

/** Whether the owner of `key` (32 bytes) signed `message`; anything malformed is no signature. */
export function signed(key, signature, message) {
  if (key.length !== KEY_BYTES || signature.length !== SIGNATURE_BYTES) {
    return false;
  }
  const commitment = signature.subarray(0, 32);
  const scalar = littleEndian(signature.subarray(32));
  const owner = pointOf(key);
  if (scalar >= Point.Fn.ORDER || owner === null) {
    return false;
  }
  const challenge = littleEndian(sha512(joined(commitment, key, message))) % Point.Fn.ORDER;
  const found = Point.BASE.multiplyUnsafe(scalar).subtract(owner.multiplyUnsafe(challenge));
  return same(found.toBytes(), commitment);
}

/** The point of a public key, kept: a package has thousands of signatures by the same few. */
function pointOf(key) {
  const name = toHex(key);
  if (!points.has(name)) {
    let found = null;
    try {
      found = Point.fromBytes(key, true);
    } catch {
      // not a point of the curve
    }
    points.set(name, found);
  }
  return points.get(name);
}

function littleEndian(bytes) {
  return BigInt(`0x${toHex(Uint8Array.from(bytes).reverse())}`);
}

/** By the object identifier of a curve, and of a signature algorithm. */
const CURVES = { "1.2.840.10045.3.1.7": p256, "1.3.132.0.34": p384, "1.3.132.0.35": p521 };
const ECDSA = { "1.2.840.10045.4.3.2": sha256, "1.2.840.10045.4.3.3": sha384, "1.2.840.10045.4.3.4": sha512 };

/** Whether the owner of an elliptic-curve key made an ECDSA signature (DER); what is not known here is no signature. */
export function ecdsaSigned(curve, key, algorithm, signature, message) {
  if (!Object.hasOwn(CURVES, curve) || !Object.hasOwn(ECDSA, algorithm)) {
    return false;
  }
  try {
    const options = { prehash: false, lowS: false, format: "der" };
    return CURVES[curve].verify(signature, ECDSA[algorithm](message), key, options);
  } catch {
    return false;
  }
}
