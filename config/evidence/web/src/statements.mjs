// What else a package says, and whether it holds: who vouches for the ledger, what each day was, whose the keys are.
//
// Each may be missing, and the package then proves so much less; none may be there and be false. RFC 3161 timestamps are
// not checked here, as `nightlight-verify` does not without rfc3161-client: that they are there is said.

import { fromHex, toHex, utf8 } from "./bytes.mjs";
import { sha256 } from "./digests.mjs";
import { decode } from "./json.mjs";
import * as merkle from "./merkle.mjs";
import { BadSignature, SignedNote, checkpointOf } from "./note.mjs";
import { InvalidInput, NotGenuine } from "./refusal.mjs";
import { meet, union } from "./spans.mjs";
import { Certificate } from "./x509.mjs";

const [ANCHORS, ATTESTATIONS, CERTIFICATES] = ["anchors.json", "attestations.json", "certificates.json"];
const [ANCHORS_MAX, ATTESTATIONS_MAX, CERTIFICATES_MAX] = [8, 1_000, 1_000];
const [KEY_URN, AGENT_URN] = ["urn:nightlight:key:", "urn:nightlight:agent:"];

/** A document of a package. Raises NotGenuine. */
export function decoded(name, data, type, schemas) {
  try {
    return decode(data, type, schemas);
  } catch (error) {
    throw error instanceof InvalidInput ? new NotGenuine(name, "it cannot be read", error.message) : error;
  }
}

/**
 * A checkpoint of the ledger, and who signed it besides the centre: `{checkpoint, signed: [[key, at_s]]}`.
 * `keys`: `{origin, ledger, witnesses}`. Raises NotGenuine.
 */
export function vouched(name, data, keys) {
  const note = SignedNote.parse(data);
  const checkpoint = checkpointOf(note.text);
  if (checkpoint.origin !== keys.origin) {
    throw new NotGenuine(name, "it is of another ledger");
  }
  let signed;
  try {
    signed = note.verified([keys.ledger, ...keys.witnesses]);
  } catch (error) {
    throw error instanceof BadSignature ? new NotGenuine(name, "a signature on it does not hold") : error;
  }
  if (!signed.some(([key]) => key.equals(keys.ledger))) {
    throw new NotGenuine(name, "it is not signed by the key you trust");
  }
  return { checkpoint, signed: signed.filter(([, atS]) => atS !== null), stamped: false };
}

/** Older checkpoints, each of which `newest` continues. Raises NotGenuine. */
export function checkAnchors(data, newest, keys, schemas) {
  const anchors = decoded(ANCHORS, data, "list[Anchor]", schemas);
  if (anchors.length > ANCHORS_MAX) {
    throw new NotGenuine(ANCHORS, "it is too large");
  }
  return anchors.map((anchor) => {
    const by = vouched(ANCHORS, utf8(anchor.note), keys);
    if (!merkle.continues(by.checkpoint, newest, anchor.consistency.map(fromHex))) {
      throw new NotGenuine(ANCHORS, "the ledger does not continue this checkpoint", `${by.checkpoint.size}`);
    }
    return { ...by, stamped: anchor.timestamp !== null };
  });
}

/** The attestation in force of each day, oldest first. Raises NotGenuine where one is no link of the chain. */
export function checkAttestations(data, index, checkpoint, schemas) {
  const told = decoded(ATTESTATIONS, data, "list[Attestation]", schemas);
  if (told.length > ATTESTATIONS_MAX) {
    throw new NotGenuine(ATTESTATIONS, "it is too large");
  }
  const chain = new Map();
  let last = -1;
  for (const { entry: body, proof } of told) {
    const bytes = utf8(body);
    const entry = decode(bytes, "Entry", schemas);
    if (entry.kind !== "day-attested" || entry.site_id !== index.site_id) {
      throw new NotGenuine(ATTESTATIONS, "it attests no day of this site");
    }
    if (entry.end_us <= index.start_us || entry.start_us >= index.end_us || proof.number <= last) {
      throw new NotGenuine(ATTESTATIONS, "it is about something else");
    }
    const leaf = merkle.leafHash(bytes);
    if (!merkle.includes(checkpoint.root, checkpoint.size, BigInt(proof.number), leaf, proof.path.map(fromHex))) {
      throw new NotGenuine(ATTESTATIONS, "it does not show that the entry stands in the ledger", entry.day);
    }
    checkLink(entry, chain);
    chain.set(entry.day, [toHex(sha256(bytes)), entry]);
    last = proof.number;
  }
  return [...chain.keys()].sort().map((day) => chain.get(day)[1]);
}

function checkLink(entry, chain) {
  if (entry.supersedes_sha256 !== (chain.get(entry.day)?.[0] ?? null)) {
    throw new NotGenuine(ATTESTATIONS, "it does not name the attestation that it replaces", entry.day);
  }
  const before = [...chain.keys()].filter((day) => day < entry.day).sort().at(-1);
  if (before !== undefined && entry.previous_sha256 !== chain.get(before)[0]) {
    throw new NotGenuine(ATTESTATIONS, "it does not continue the attestation of the day before", entry.day);
  }
}

/** Raises NotGenuine where time is called covered that the attestation of its day calls missing. */
export function checkAgainst(days, covered, cameraId) {
  const cameras = days.flatMap((day) => day.cameras).filter(({ camera_id }) => camera_id === cameraId);
  for (const { gaps } of cameras) {
    const missing = union(gaps.filter(([start, end]) => start < end).map(([start, end]) => [start, end]));
    if (meet(covered, missing)) {
      throw new NotGenuine("coverage.json", "it calls time covered that the day's attestation calls missing");
    }
  }
}

/**
 * `{enrolled, authority}`: by public key the agent that the authority enrolled it for, and the authority's fingerprint.
 * Raises NotGenuine where a certificate is another's.
 */
export function checkCertificates(data, index, schemas) {
  const told = decoded(CERTIFICATES, data, "Certificates", schemas);
  if (told.certificates.length > CERTIFICATES_MAX) {
    throw new NotGenuine(CERTIFICATES, "it is too large");
  }
  const known = new Set(index.agents.map((agent) => `${agent.agent_id} ${agent.public_key}`));
  const authority = certificateOf(told.authority);
  if (authority.isRoot && !claims(authority, authority).issued) {
    throw new NotGenuine(CERTIFICATES, "its authority did not issue it");
  }
  const enrolled = {};
  for (const { agent_id: agentId, public_key: key, pem } of told.certificates) {
    if (!known.has(`${agentId} ${key}`)) {
      throw new NotGenuine(CERTIFICATES, "it is of a key that the index does not name");
    }
    const { issued, uris } = claims(certificateOf(pem), authority);
    if (!issued) {
      throw new NotGenuine(CERTIFICATES, "its authority did not issue it");
    }
    const keys = uris.filter((uri) => uri.startsWith(KEY_URN)).map((uri) => uri.slice(KEY_URN.length));
    const isAgents = uris.includes(`${AGENT_URN}${index.site_id}:${agentId}`);
    if (!isAgents || (keys.length > 0 && (keys.length !== 1 || keys[0] !== key))) {
      throw new NotGenuine(CERTIFICATES, "it is the certificate of another agent or key");
    }
    if (keys.length > 0) {
      enrolled[key] = agentId;
    }
  }
  return { enrolled, authority: toHex(authority.fingerprint) };
}

const certificateOf = (pem) => readable(() => new Certificate(pem));
const claims = (certificate, authority) =>
  readable(() => ({ issued: certificate.isIssuedBy(authority), uris: certificate.uris }));

function readable(read) {
  try {
    return read();
  } catch (error) {
    throw error instanceof InvalidInput ? new NotGenuine(CERTIFICATES, "it cannot be read", error.message) : error;
  }
}
