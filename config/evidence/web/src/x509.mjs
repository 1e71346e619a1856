// As much of X.509 as it takes to see who issued a certificate, and for which agent and key.
//
// Dates are not looked at: what counts is that the authority gave the certificate, not whether it would serve today.
// Source: RFC 5280, sections 4.1 and 4.2.1.6; DER by ITU-T X.690.

import { ascii, fromBase64, same } from "./bytes.mjs";
import { sha256 } from "./digests.mjs";
import { InvalidInput } from "./refusal.mjs";
import { ecdsaSigned } from "./signatures.mjs";

const [INTEGER, SET] = [0x02, 0x31];
const [BIT_STRING, OCTET_STRING, OBJECT_ID, SEQUENCE] = [0x03, 0x04, 0x06, 0x30];
const [VERSION, EXTENSIONS, URI] = [0xa0, 0xa3, 0x86];
const EC_PUBLIC_KEY = "1.2.840.10045.2.1";
const SUBJECT_ALT_NAME = "2.5.29.17";
const PEM = /-----BEGIN (?:X509 )?CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END (?:X509 )?CERTIFICATE-----/;

export class Certificate {
  /** Of the first one in a PEM text. Raises InvalidInput. */
  constructor(pem) {
    const found = PEM.exec(pem);
    if (!found) {
      throw new InvalidInput("not a certificate");
    }
    this.der = fromBase64(found[1].replace(/\s/g, ""));
    const [signedPart, algorithm, signature] = parts(only(this.der, SEQUENCE), SEQUENCE, SEQUENCE, BIT_STRING);
    const fields = all(signedPart.content);
    if (fields[0]?.tag === VERSION) {
      fields.shift();
    }
    const [serial, innerAlgorithm, issuer, validity, subject, key] = fields;
    const sequences = [innerAlgorithm, issuer, validity, subject, key];
    if (serial?.tag !== INTEGER || sequences.some((each) => each?.tag !== SEQUENCE)) {
      throw new InvalidInput("not a certificate");
    }
    [issuer, subject].forEach(checkName);
    Object.assign(this, { signedPart, algorithm, innerAlgorithm, issuer, subject, key });
    this.signature = bits(signature);
    this.extensions = fields.find(({ tag }) => tag === EXTENSIONS);
  }

  get fingerprint() {
    return sha256(this.der);
  }

  get isRoot() {
    return same(this.issuer.whole, this.subject.whole);
  }

  isIssuedBy(authority) {
    if (!same(this.algorithm.whole, this.innerAlgorithm.whole) || !same(this.issuer.whole, authority.subject.whole)) {
      return false;
    }
    const [kind, key] = all(authority.key.content);
    const [name, curve] = all(kind.content);
    const algorithm = objectId(all(this.algorithm.content)[0]);
    return curve?.tag === OBJECT_ID && key?.tag === BIT_STRING && objectId(name) === EC_PUBLIC_KEY
      ? ecdsaSigned(objectId(curve), bits(key), algorithm, this.signature, this.signedPart.whole)
      : false;
  }

  /** The addresses that the subject goes by (subjectAltName, uniformResourceIdentifier). */
  get uris() {
    if (!this.extensions) {
      return [];
    }
    for (const extension of all(only(this.extensions.content, SEQUENCE).content)) {
      const [name, ...rest] = all(extension.content);
      if (objectId(name) === SUBJECT_ALT_NAME) {
        const names = all(only(only(rest.at(-1).whole, OCTET_STRING).content, SEQUENCE).content);
        return names.filter(({ tag }) => tag === URI).map(({ content }) => ascii(content));
      }
    }
    return [];
  }
}

/** One element of DER at `at`: its tag, content, and bytes as a whole. */
function element(bytes, at) {
  const tag = bytes[at];
  const first = bytes[at + 1];
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  let length = first;
  if (lengthBytes) {
    length = bytes.subarray(at + 2, at + 2 + lengthBytes).reduce((sum, byte) => sum * 256 + byte, 0);
  }
  const begin = at + 2 + lengthBytes;
  const shortest = lengthBytes === 0 || (lengthBytes <= 4 && length >= 0x80 && bytes[at + 2] !== 0);
  if (first === undefined || !shortest || begin + length > bytes.length) {
    throw new InvalidInput("not DER");
  }
  return { tag, content: bytes.subarray(begin, begin + length), whole: bytes.subarray(at, begin + length) };
}

/** The elements that stand one after the other. */
function all(bytes) {
  const found = [];
  for (let at = 0; at < bytes.length; at += found.at(-1).whole.length) {
    found.push(element(bytes, at));
  }
  return found;
}

/** The one element that these bytes are. */
function only(bytes, tag) {
  const found = element(bytes, 0);
  if (found.tag !== tag || found.whole.length !== bytes.length) {
    throw new InvalidInput("not DER");
  }
  return found;
}

function parts({ content }, ...tags) {
  const found = all(content);
  if (found.length !== tags.length || found.some(({ tag }, at) => tag !== tags[at])) {
    throw new InvalidInput("not a certificate");
  }
  return found;
}

/** RDNSequence: sets of pairs, each of an object identifier and a value. */
function checkName({ content }) {
  for (const part of all(content)) {
    const pairs = all(part.content).map((pair) => [pair.tag, all(pair.content)]);
    const sound = pairs.every(([tag, { length, 0: name }]) => tag === SEQUENCE && length === 2 && name.tag === OBJECT_ID);
    if (part.tag !== SET || pairs.length === 0 || !sound) {
      throw new InvalidInput("not a name");
    }
  }
}

function bits({ content }) {
  if (content[0] !== 0) {
    throw new InvalidInput("not whole bytes");
  }
  return content.subarray(1);
}

function objectId(found) {
  if (found?.tag !== OBJECT_ID) {
    throw new InvalidInput("not an object identifier");
  }
  const numbers = [];
  let held = 0;
  for (const byte of found.content) {
    held = held * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      numbers.push(held);
      held = 0;
    }
  }
  const top = Math.min(Math.floor(numbers[0] / 40), 2);
  return [top, numbers[0] - 40 * top, ...numbers.slice(1)].join(".");
}
