// DSSE envelopes: opened and checked over the bytes as they are.
// Source: secure-systems-lab/dsse, protocol v1.0.2.

import { fromBase64, joined, toBase64, toHex, utf8 } from "./bytes.mjs";
import { sha256 } from "./digests.mjs";
import { decode } from "./json.mjs";
import { InvalidInput } from "./refusal.mjs";
import { signed } from "./signatures.mjs";

const ENVELOPE_BYTES_MAX = 65_536;
const KEY_ID_DIGITS = 32;

export const keyId = (key) => toHex(sha256(key)).slice(0, KEY_ID_DIGITS);

/** An envelope taken apart; nothing in it may be believed before `isSignedBy`. Raises InvalidInput. */
export class Envelope {
  constructor(data, schemas) {
    if (data.length > ENVELOPE_BYTES_MAX) {
      throw new InvalidInput(`${data.length} bytes, ${ENVELOPE_BYTES_MAX} are allowed`);
    }
    const { payload, payloadType, signatures } = decode(data, "_Envelope", schemas);
    this.payload = fromBase64(payload);
    if (signatures.length !== 1) {
      throw new InvalidInput("an envelope carries exactly one signature");
    }
    this.signature = fromBase64(signatures[0].sig);
    this.keyId = signatures[0].keyid;
    this.payloadType = payloadType;
  }

  get payloadSha256() {
    return toHex(sha256(this.payload));
  }

  /** The envelope as the centre writes it: others may space or encode the same content differently. */
  get canonical() {
    const signature = { keyid: this.keyId, sig: toBase64(this.signature) };
    return utf8(
      JSON.stringify({ payload: toBase64(this.payload), payloadType: this.payloadType, signatures: [signature] }),
    );
  }

  isSignedBy(key) {
    const kind = utf8(this.payloadType);
    const head = utf8(`DSSEv1 ${kind.length} `);
    return signed(key, this.signature, joined(head, kind, utf8(` ${this.payload.length} `), this.payload));
  }
}
