// What a check found, for people. Everything from a package is set as text and never as markup.

import { PACKAGE } from "./archive.mjs";
import { keyId } from "./envelope.mjs";
import { cause, said, why } from "./language.mjs";

const GAPS_SHOWN = 200;
const US_PER_S = 1_000_000;

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

export function bytesText(count) {
  return count >= 1e9 ? `${(count / 1e9).toFixed(2)} GB` : `${(count / 1e6).toFixed(2)} MB`;
}

/** Time of the package's own place with its distance from UTC; UTC where this browser does not know the place. */
export function localTime(us, timezone) {
  const moment = new Date(Math.floor(us / 1000));
  const fields = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" };
  try {
    const shown = new Intl.DateTimeFormat("sv-SE", { ...fields, hourCycle: "h23", timeZone: timezone }).format(moment);
    const away = new Intl.DateTimeFormat("en", { timeZone: timezone, timeZoneName: "longOffset" }).formatToParts(moment);
    const offset = away.find(({ type }) => type === "timeZoneName").value.replace("GMT", "") || "+00:00";
    return `${shown}${offset.replace("\u2212", "-")}`;
  } catch {
    return `${moment.toISOString().slice(0, 19).replace("T", " ")}+00:00`;
  }
}

export function duration(us) {
  const seconds = Math.floor(us / US_PER_S);
  const two = (value) => String(value).padStart(2, "0");
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

const total = (spans) => spans.reduce((sum, [start, end]) => sum + end - start, 0);

export function verdict(kind, title, ...lines) {
  const head = element("h2", {}, title);
  return element("div", { class: `verdict ${kind}` }, head, ...lines.map((line) => element("p", {}, line)));
}

export function refusal({ item, why: phrase, detail }) {
  const named = item === PACKAGE ? said("whole_package") : element("code", {}, item);
  const line = element("p", {}, `${said("first_item")}${said("colon")}`, named);
  const reason = element("p", {}, why(phrase), detail ? ` (${detail})` : "");
  const shown = verdict("refused", `✗ ${said("refused_title")}`);
  shown.append(line, reason, element("p", {}, said("stop")));
  return [shown];
}

export function genuine(found, key) {
  const { index, coverage } = found;
  const at = (us) => localTime(us, index.timezone);
  const covered = total(coverage.covered);
  const expected = covered + total(coverage.gaps);
  const share = expected ? `${((100 * covered) / expected).toFixed(3)} %` : "-";
  const lines = [
    ["site", index.site_id],
    ["camera", index.camera_id],
    ["period", `${at(index.start_us)} ${said("to")} ${at(index.end_us)}`],
    ["recordings", said("recordings_value", { count: found.segments, size: bytesText(found.sizeBytes) })],
    ["covered", `${duration(covered)} / ${duration(expected)} (${share})`],
    ["gaps", coverage.gaps.length ? String(coverage.gaps.length) : said("none")],
    ["exported", said("exported_value", { at: at(index.made_us), who: index.made_by, reason: index.reason })],
    ["ledger", said("ledger_value", { origin: index.origin, size: found.ledgerSize })],
    ...standing(found),
    ["checked_with", keyId(key)],
  ];
  const list = element("dl", {}, ...lines.flatMap(([name, value]) => [element("dt", {}, said(name)), element("dd", {}, value)]));
  const card = element("div", { class: "card" }, list);
  if (coverage.gaps.length) {
    card.append(...gapList(coverage.gaps, at));
  }
  return [verdict("genuine", `✓ ${said("genuine_title")}`, said("genuine").replace(/^[^：:]*[：:]\s*/, "")), card];
}

function gapList(gaps, at) {
  const shown = gaps.slice(0, GAPS_SHOWN).map(([start, end, name]) => {
    const when = element("span", { class: "when" }, `${at(start)} – ${at(end)}`);
    return element("li", {}, when, element("span", {}, cause(name)));
  });
  if (gaps.length > GAPS_SHOWN) {
    shown.push(element("li", {}, said("more_gaps", { count: gaps.length - GAPS_SHOWN })));
  }
  return [element("h3", {}, said("gaps")), element("ul", { class: "gaps" }, ...shown)];
}

/** What stands behind the centre's own word. */
function standing(found) {
  const { index, attested, enrolled, authority } = found;
  const keys = new Set(index.agents.map((agent) => agent.public_key));
  const days = attested.map(({ day }) => day);
  return [
    ["cosigned", cosigners(found).join(", ") || said("not_cosigned")],
    ["stamped", said(found.vouched.some(({ stamped }) => stamped) ? "stamp_there" : "not_stamped")],
    ["attested", days.length ? said("attested_value", { days: days.length, first: days[0], last: days.at(-1) }) : said("none")],
    ...afterwards(found),
    [
      "keys",
      said("keys_value", {
        keys: keys.size,
        enrolled: Object.keys(enrolled).length,
        authority: authority.slice(0, 24) || "-",
      }),
    ],
  ];
}

/** What went on its day, and what the deep audits say; nothing where the package tells of neither. */
function afterwards({ deleted, certified, audits }) {
  const told = [];
  if (certified.length) {
    const days = certified.map(({ entry }) => entry.day).sort();
    const gone = { count: deleted, certificates: days.length, first: days[0], last: days.at(-1) };
    told.push(["deleted", said("deleted_value", gone)]);
  }
  const results = [...audits.values()].filter(Boolean);
  if (results.length) {
    const last = results.reduce((best, each) => (each.at_us > best.at_us ? each : best));
    const { samples, faults, population, faulty_at_most: bound, confidence_permille: permille } = last;
    const figures = { count: results.length, samples, faults, population, bound, confidence: Math.floor(permille / 10) };
    told.push(["deep_audits", said("deep_audits_value", figures)]);
  } else if (audits.size) {
    told.push(["deep_audits", said("deep_audits_running", { count: audits.size })]);
  }
  return told;
}

/** By name, when each witness first saw a ledger that holds every recording; then those who saw an older one only. */
function cosigners({ vouched, holdsAll }) {
  const first = new Map();
  const older = [];
  for (const { checkpoint, signed } of vouched) {
    for (const [{ name }, atS] of signed) {
      if (checkpoint.size >= BigInt(holdsAll)) {
        first.set(name, first.has(name) && first.get(name) < atS ? first.get(name) : atS);
      } else {
        older.push(`${name} (${second(atS)}, ${said("witnessed_until", { size: checkpoint.size })})`);
      }
    }
  }
  return [...[...first].map(([name, atS]) => `${name} (${second(atS)})`), ...older];
}

function second(atS) {
  const ms = Number(atS) * 1000;
  return Math.abs(ms) <= 8.64e15 ? `${new Date(ms).toISOString().slice(0, 19)}Z` : String(atS);
}
