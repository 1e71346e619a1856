// Checks an evidence package from the first byte to the last, in the page and without a network.
//
// Does what config/evidence/verify.py does, in the same order, so that both name the same first item that does not hold;
// a test compares the two. Whoever changes one changes the other.

import { checkAudits, checkDeleted, checkDeletions } from "./afterwards.mjs";
import { PACKAGE, Source, read } from "./archive.mjs";
import { fromHex, joined, same, text, toHex } from "./bytes.mjs";
import { digestsOfBlocks, sha256 } from "./digests.mjs";
import { Envelope, keyId } from "./envelope.mjs";
import { decode } from "./json.mjs";
import * as merkle from "./merkle.mjs";
import { ED25519_COSIGNATURE, NoteKey, SignedNote, checkpointOf } from "./note.mjs";
import { InvalidInput, NotGenuine } from "./refusal.mjs";
import { meet, union, within } from "./spans.mjs";
import { checkAgainst, checkAnchors, checkAttestations, checkCertificates, decoded, vouched } from "./statements.mjs";

const [INDEX, CONTENTS, CHECKPOINT, COVERAGE] = ["index.json", "contents.txt", "checkpoint.txt", "coverage.json"];
const INDEX_TYPE = "application/vnd.nightlight.evidence-index.v1+json";
const MANIFEST_TYPE = "application/vnd.nightlight.segment-recorded.v1+json";
const SUITES = ["ed25519-sha256"];
const CONTENTS_BYTES_MAX = 256 * 2 ** 20;
const DOCUMENT_BYTES_MAX = 16 * 2 ** 20;
const LEAF_BYTES = 1 << 16;
const KEPT = ["entries", "proofs", "manifests"];
const US_PER_DAY = 86_400_000_000;
const DELETED_CAUSE = "deleted_on_its_day";
const LINE = /^([0-9a-f]{64}) {2}([a-z0-9][a-z0-9._/-]{0,199})$/;

/**
 * What the package proves. `centre`: the 32 bytes of the key that is trusted; `witnesses`: NoteKeys that must have
 * cosigned; `progress` hears of bytes done and in all, and may throw to stop; `breathe` lets the page do something else.
 *
 * Raises NotGenuine naming the first item that does not hold.
 */
export async function verify(blob, { centre, witnesses = [], schemas, progress = () => {}, breathe = () => {} }) {
  try {
    return await new Check(new Source(blob, progress), { centre, witnesses, schemas, breathe }).run();
  } catch (error) {
    throw error instanceof InvalidInput ? new NotGenuine(PACKAGE, "a part of it cannot be read", error.message) : error;
  }
}

class Check {
  constructor(source, given) {
    this.members = read(source);
    Object.assign(this, given);
    this.documents = new Map();
    this.recording = { segmentId: "", parts: new Map() };
    this.chains = new Map();
    this.seen = new Set();
    this.spans = [];
    this.deleted = [];
    this.sizeBytes = 0;
    this.holdsAll = 0;
  }

  async run() {
    this.index = await this.readIndex();
    for (const content of await this.readContents()) {
      await this.take(content);
      await this.breathe();
    }
    const extra = await this.members.next();
    if (!extra.done) {
      throw new NotGenuine(extra.value.name, "it is not in the list of contents");
    }
    if (this.recording.segmentId) {
      throw new NotGenuine(this.recording.segmentId, "its recording is missing");
    }
    const standing = this.vouched();
    const attested = this.attested();
    const told = this.documents.get("audits.json");
    const audits = told ? checkAudits(told, this.index, this.checkpoint(), this.schemas) : new Map();
    this.judge(this.coverage(), attested);
    const certificates = this.documents.get("certificates.json");
    return {
      index: this.index,
      coverage: this.coverage(),
      segments: this.spans.length,
      sizeBytes: this.sizeBytes,
      ledgerSize: this.checkpoint().size,
      holdsAll: this.holdsAll,
      vouched: standing,
      attested,
      deleted: this.deleted.length,
      certified: [...this.certified().values()],
      audits,
      ...(certificates ? checkCertificates(certificates, this.index, this.schemas) : { enrolled: {}, authority: "" }),
    };
  }

  async readIndex() {
    const data = await this.next(INDEX, DOCUMENT_BYTES_MAX);
    const opened = new Envelope(data, this.schemas);
    if (opened.payloadType === INDEX_TYPE) {
      this.checkSuite(opened.payload);
    }
    const canonical = same(opened.canonical, data) && opened.keyId === keyId(this.centre);
    if (opened.payloadType !== INDEX_TYPE || !canonical) {
      throw new NotGenuine(INDEX, "it is no index of a package by the key you trust");
    }
    if (!opened.isSignedBy(this.centre)) {
      throw new NotGenuine(INDEX, "it is not signed by the key you trust");
    }
    const index = decoded(INDEX, opened.payload, "Index", this.schemas);
    if (!same(NoteKey.parse(index.ledger_key).key, this.centre) || index.start_us >= index.end_us) {
      throw new NotGenuine(INDEX, "it names another ledger key or an empty period");
    }
    return index;
  }

  checkSuite(payload) {
    const { suite } = decoded(INDEX, payload, "_Suited", this.schemas);
    if (!SUITES.includes(suite)) {
      throw new NotGenuine(INDEX, "it is signed in a way that this version does not know: take a newer one", suite);
    }
  }

  async readContents() {
    const data = await this.next(CONTENTS, CONTENTS_BYTES_MAX);
    if (toHex(sha256(data)) !== this.index.contents_sha256) {
      throw new NotGenuine(CONTENTS, "it is not the list that the index was signed for");
    }
    const lines = text(data).split("\n");
    if (lines.pop()) {
      throw new InvalidInput(`${CONTENTS} ends within a line`);
    }
    return lines.map((line) => {
      const found = LINE.exec(line);
      if (!found) {
        throw new InvalidInput(`${CONTENTS}: digest, two spaces and a name are expected`);
      }
      return { sha256: found[1], name: found[2] };
    });
  }

  async next(name, bytesMax) {
    const member = await this.members.next();
    if (member.done || member.value.name !== name) {
      throw new NotGenuine(name, "it is missing, or not in its place");
    }
    return whole(member.value, bytesMax);
  }

  async take(content) {
    const member = await this.members.next();
    if (member.done || member.value.name !== content.name) {
      throw new NotGenuine(content.name, "it is missing, or not in its place");
    }
    const [folder, segmentId] = segmentIdOf(content.name);
    let [digest, data, root] = [];
    if (folder === "segments") {
      [digest, root] = await this.digests(member.value);
    } else {
      data = await whole(member.value, DOCUMENT_BYTES_MAX);
      digest = toHex(sha256(data));
      if (folder !== "deleted") {
        this.keep(content.name, folder, segmentId, data);
      }
    }
    if (digest !== content.sha256) {
      throw new NotGenuine(content.name, "its bytes are not those that were listed");
    }
    if (folder === "segments") {
      this.secure(content.name, segmentId, [digest, member.value.sizeBytes], root);
    } else if (folder === "deleted") {
      this.delete(content.name, segmentId, data);
    }
  }

  keep(name, folder, segmentId, data) {
    if (!folder) {
      this.documents.set(name, data);
      return;
    }
    const { segmentId: current, parts } = this.recording;
    if (!KEPT.includes(folder) || (current && current !== segmentId)) {
      throw new NotGenuine(name, "it does not belong to the recording beside it");
    }
    parts.set(folder, data);
    this.recording = { segmentId, parts };
  }

  /** Of a recording: its SHA-256, and the root over its leaves, where its manifest names one. */
  async digests({ blocks, sizeBytes }) {
    const named = this.namesRoot(this.recording.parts.get("manifests"));
    const { sha256: whole, leaves } = await digestsOfBlocks(blocks, sizeBytes, named ? LEAF_BYTES : 0);
    return [toHex(whole), named ? toHex(merkle.rootOf(leaves)) : undefined];
  }

  /** Whether a manifest that nobody has checked yet names one; what is wrong with it is said when it is checked. */
  namesRoot(manifest) {
    try {
      const { payload } = new Envelope(manifest, this.schemas);
      return decode(payload, "SegmentRecorded", this.schemas).leaf_root !== undefined;
    } catch {
      return false;
    }
  }

  /** A recording, of which digest and size were found: whether it all belongs together. */
  secure(name, segmentId, found, root) {
    const [manifest] = this.proved(name, segmentId, found);
    if (manifest.leaf_root !== undefined && manifest.leaf_root !== root) {
      throw new NotGenuine(name, "it does not lead to the leaf root in its manifest");
    }
    this.sizeBytes += found[1];
    this.spans.push([manifest.start_us, manifest.end_us]);
  }

  /** A recording that is not there any more: whether it was, and went after its last day. */
  delete(name, segmentId, data) {
    const [manifest, untilUs] = this.proved(name, segmentId, null);
    checkDeleted(name, data, this.certified(), manifest, untilUs, this.schemas);
    this.deleted.push([manifest.start_us, manifest.end_us]);
  }

  /** Everything about one recording has been read: its manifest, and until when it was secured. */
  proved(name, segmentId, found) {
    const { segmentId: current, parts } = this.recording;
    if (current !== segmentId || parts.size !== KEPT.length || this.seen.has(segmentId)) {
      throw new NotGenuine(name, "it comes twice, or without its manifest, entry or proof");
    }
    this.recording = { segmentId: "", parts: new Map() };
    const [manifest, payloadSha256] = this.manifest(`manifests/${segmentId}.json`, parts.get("manifests"));
    const [digest, sizeBytes] = found ?? [manifest.sha256, manifest.size_bytes];
    if (manifest.segment_id !== segmentId || manifest.sha256 !== digest || manifest.size_bytes !== sizeBytes) {
      throw new NotGenuine(name, "it is not the recording that its manifest is about");
    }
    const untilUs = this.entry(segmentId, parts, manifest, payloadSha256);
    if (found && untilUs < manifest.end_us + this.coverage().retain_days * US_PER_DAY) {
      throw new NotGenuine(`entries/${segmentId}.json`, "its lock ends before its day");
    }
    this.chain(manifest, payloadSha256);
    this.seen.add(segmentId);
    return [manifest, untilUs];
  }

  manifest(name, data) {
    const opened = new Envelope(data, this.schemas);
    if (opened.payloadType !== MANIFEST_TYPE) {
      throw new NotGenuine(name, "it is no manifest");
    }
    const manifest = decoded(name, opened.payload, "SegmentRecorded", this.schemas);
    const keys = this.index.agents.filter((agent) => agent.agent_id === manifest.agent_id);
    if (keys.length === 0) {
      throw new NotGenuine(name, "it is by an agent that the index does not name");
    }
    if (!keys.some((agent) => opened.isSignedBy(fromHex(agent.public_key)))) {
      throw new NotGenuine(name, "it is not signed by its agent");
    }
    if (manifest.site_id !== this.index.site_id || manifest.camera_id !== this.index.camera_id) {
      throw new NotGenuine(name, "it is about another camera");
    }
    const inside = this.index.start_us < manifest.end_us && manifest.start_us < this.index.end_us;
    if (!inside || manifest.start_us >= manifest.end_us) {
      throw new NotGenuine(name, "it is of another time");
    }
    return [manifest, opened.payloadSha256];
  }

  entry(segmentId, parts, manifest, payloadSha256) {
    const name = `entries/${segmentId}.json`;
    const data = parts.get("entries");
    const entry = decode(data, "Entry", this.schemas);
    if (entry.kind !== "segment-secured") {
      throw new NotGenuine(name, "it secures nothing");
    }
    const shared = ["site_id", "camera_id", "segment_id", "sha256", "size_bytes"];
    const agrees = shared.every((field) => entry[field] === manifest[field]) && entry.segment_id === segmentId;
    if (!agrees || entry.manifest_sha256 !== payloadSha256) {
      throw new NotGenuine(name, "it secures another recording");
    }
    const proofName = `proofs/${segmentId}.json`;
    const proof = decoded(proofName, parts.get("proofs"), "LedgerProof", this.schemas);
    const { root, size } = this.checkpoint();
    if (!merkle.includes(root, size, BigInt(proof.number), merkle.leafHash(data), proof.path.map(fromHex))) {
      throw new NotGenuine(proofName, "it does not show that the entry stands in the ledger");
    }
    this.holdsAll = Math.max(this.holdsAll, proof.number + 1);
    return entry.retain_until_us;
  }

  chain(manifest, payloadSha256) {
    const last = this.chains.get(manifest.chain_id);
    if (last) {
      const [number, digest] = last;
      const next = manifest.sequence === number + 1;
      if (manifest.sequence <= number || (next && manifest.previous !== digest)) {
        throw new NotGenuine(`manifests/${manifest.segment_id}.json`, "it does not continue the one before it");
      }
    }
    this.chains.set(manifest.chain_id, [manifest.sequence, payloadSha256]);
  }

  document(name) {
    const found = this.documents.get(name);
    if (!found) {
      throw new NotGenuine(name, "it is missing, or comes too late");
    }
    return found;
  }

  coverage() {
    this.statement ??= decoded(COVERAGE, this.document(COVERAGE), "CoverageStatement", this.schemas);
    return this.statement;
  }

  checkpoint() {
    this.ledger ??= checkpointOf(SignedNote.parse(this.document(CHECKPOINT)).text);
    return this.ledger;
  }

  /** The certificates of deletion by their places in the ledger. */
  certified() {
    const data = this.documents.get("deletions.json");
    this.certificates ??= data ? checkDeletions(data, this.index, this.checkpoint(), this.schemas) : new Map();
    return this.certificates;
  }

  /** Who stands by the ledger: by the checkpoint itself, and by older ones that it continues. */
  vouched() {
    const agents = this.index.agents.map(
      (agent) => new NoteKey(agent.agent_id, ED25519_COSIGNATURE, fromHex(agent.public_key)),
    );
    const ledger = NoteKey.parse(this.index.ledger_key);
    const keys = { origin: this.index.origin, ledger, witnesses: [...agents, ...this.witnesses] };
    const by = vouched(CHECKPOINT, this.document(CHECKPOINT), keys);
    const anchors = this.documents.get("anchors.json");
    const found = anchors ? [...checkAnchors(anchors, by.checkpoint, keys, this.schemas), by] : [by];
    const saw = (witness) => ({ checkpoint, signed }) =>
      checkpoint.size >= BigInt(this.holdsAll) && signed.some(([key]) => key.equals(witness));
    for (const witness of this.witnesses) {
      if (!found.some(saw(witness))) {
        throw new NotGenuine(CHECKPOINT, "a witness you name has not cosigned it", witness.name);
      }
    }
    return found;
  }

  attested() {
    const data = this.documents.get("attestations.json");
    return data ? checkAttestations(data, this.index, this.checkpoint(), this.schemas) : [];
  }

  judge(coverage, attested) {
    const about = ["site_id", "camera_id", "start_us", "end_us"];
    if (about.some((field) => coverage[field] !== this.index[field])) {
      throw new NotGenuine(COVERAGE, "it is about something else");
    }
    const covered = this.ordered(coverage.covered);
    const gaps = this.ordered(coverage.gaps);
    if (meet(covered, gaps)) {
      throw new NotGenuine(COVERAGE, "it calls the same time covered and missing");
    }
    if (!within(covered, union(this.spans))) {
      throw new NotGenuine(COVERAGE, "it calls time covered of which there is no recording here");
    }
    const gone = union(coverage.gaps.filter((gap) => gap[2] === DELETED_CAUSE).map(([start, end]) => [start, end]));
    if (this.documents.has("deletions.json") && !within(gone, union(this.deleted))) {
      throw new NotGenuine(COVERAGE, "it calls time deleted of which there is no certificate here");
    }
    checkAgainst(attested, covered, this.index.camera_id);
  }

  /** Spans that stand in order, apart from each other and within the period. */
  ordered(spans) {
    let at = this.index.start_us;
    for (const [start, end] of spans) {
      if (!(at <= start && start < end && end <= this.index.end_us)) {
        throw new NotGenuine(COVERAGE, "its spans overlap, run backwards or leave the period");
      }
      at = end;
    }
    return union(spans.map(([start, end]) => [start, end]));
  }
}

async function whole(member, bytesMax) {
  if (member.sizeBytes > bytesMax) {
    throw new NotGenuine(member.name, "it is too large");
  }
  const blocks = [];
  for await (const block of member.blocks) {
    blocks.push(block);
  }
  return joined(...blocks);
}

/** The folder of a file and the segment it is about; empty where it is about none. */
function segmentIdOf(name) {
  const cut = name.indexOf("/");
  if (cut < 0) {
    return ["", ""];
  }
  const file = name.slice(cut + 1);
  const stem = file.slice(0, Math.max(file.lastIndexOf("."), 0));
  return [name.slice(0, cut), stem.slice(stem.lastIndexOf("-") + 1)];
}
