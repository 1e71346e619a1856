// What became of recordings later: certificates of their deletion, and deep audits that looked for faults in them.
//
// Does what config/evidence/afterwards.py does, in the same order.

import { fromHex, toHex, utf8 } from "./bytes.mjs";
import { sha256 } from "./digests.mjs";
import { decode } from "./json.mjs";
import * as merkle from "./merkle.mjs";
import { NotGenuine } from "./refusal.mjs";
import { decoded } from "./statements.mjs";

const [DELETIONS, AUDITS] = ["deletions.json", "audits.json"];
const [DELETIONS_MAX, AUDITS_MAX] = [1_000, 200];
const US_PER_DAY = 86_400_000_000;

/** The certificates by their places in the ledger: `{entry, segments}`. Raises NotGenuine. */
export function checkDeletions(data, index, checkpoint, schemas) {
  const told = decoded(DELETIONS, data, "list[Deletion]", schemas);
  if (told.length > DELETIONS_MAX) {
    throw new NotGenuine(DELETIONS, "it is too large");
  }
  const found = new Map();
  let last = -1;
  for (const { entry: body, proof, segments } of told) {
    const bytes = utf8(body);
    const entry = decode(bytes, "Entry", schemas);
    if (entry.kind !== "footage-deleted" || entry.site_id !== index.site_id) {
      throw new NotGenuine(DELETIONS, "it certifies no deletion of this site");
    }
    checkPlace(DELETIONS, bytes, proof, last, checkpoint);
    last = proof.number;
    const listed = toHex(sha256(utf8(segments.map((id) => `${id}\n`).join(""))));
    const parts = entry.cameras === undefined ? [entry] : entry.cameras.filter(({ camera_id: id }) => id === index.camera_id);
    if (!parts.some((part) => part.versions === segments.length && part.segments_sha256 === listed)) {
      throw new NotGenuine(DELETIONS, "it certifies the deletion of other recordings", entry.day);
    }
    found.set(proof.number, { entry, segments: new Set(segments) });
  }
  return found;
}

/** Raises NotGenuine where no certificate is about a recording, or one from before its last day. */
export function checkDeleted(name, data, certificates, manifest, untilUs, schemas) {
  const certificate = certificates.get(decoded(name, data, "Deleted", schemas).certificate);
  if (!certificate?.segments.has(manifest.segment_id)) {
    throw new NotGenuine(name, "no certificate here is about it");
  }
  const { at_us: atUs, retained_days: days, day } = certificate.entry;
  if (!(atUs > untilUs && atUs >= manifest.end_us + days * US_PER_DAY)) {
    throw new NotGenuine(name, "it was deleted before its last day", day);
  }
}

/** The results by the audits' ids, in the ledger's order; null where one has no result as yet. Raises NotGenuine. */
export function checkAudits(data, index, checkpoint, schemas) {
  const told = decoded(AUDITS, data, "list[Noted]", schemas);
  if (told.length > AUDITS_MAX) {
    throw new NotGenuine(AUDITS, "it is too large");
  }
  const [asked, found] = [new Map(), new Map()];
  let last = -1;
  for (const { entry: body, proof } of told) {
    const bytes = utf8(body);
    const entry = decode(bytes, "Entry", schemas);
    if (!["deep-audit-asked", "deep-audited"].includes(entry.kind) || entry.site_id !== index.site_id) {
      throw new NotGenuine(AUDITS, "it is no deep audit of this site");
    }
    checkPlace(AUDITS, bytes, proof, last, checkpoint);
    last = proof.number;
    const { audit_id: id } = entry;
    if (entry.kind === "deep-audited") {
      checkAsked(entry, asked.get(id));
      if (found.get(id)) {
        throw new NotGenuine(AUDITS, "it tells two results of one audit", id);
      }
      found.set(id, entry);
    } else {
      asked.set(id, asked.get(id) ?? { digest: toHex(sha256(bytes)), seed: entry.seed });
      found.set(id, found.get(id) ?? null);
    }
  }
  return found;
}

/** Raises NotGenuine where a result names another request than the one that stands before it, or none. */
function checkAsked(entry, request) {
  const named = entry.asked_sha256;
  if (request ? request.digest !== named || request.seed !== entry.seed : named !== undefined) {
    throw new NotGenuine(AUDITS, "it does not name the entry by which it was asked for", entry.audit_id);
  }
}

/** Raises NotGenuine where an entry does not stand in the ledger after the one before it. */
function checkPlace(name, bytes, proof, after, { root, size }) {
  const path = proof.path.map(fromHex);
  if (proof.number <= after || !merkle.includes(root, size, BigInt(proof.number), merkle.leafHash(bytes), path)) {
    throw new NotGenuine(name, "it does not show that the entry stands in the ledger");
  }
}
