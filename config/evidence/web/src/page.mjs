// The page itself: takes a key and a package, says how far the check is and shows what it found.

import { text, toHex } from "./bytes.mjs";
import facts from "./facts.json";
import { keyId } from "./envelope.mjs";
import { publicKey } from "./keys.mjs";
import { choose, language, nameOf, other, said } from "./language.mjs";
import { NoteKey } from "./note.mjs";
import { NotGenuine } from "./refusal.mjs";
import { bytesText, genuine, refusal, verdict } from "./show.mjs";
import { verify } from "./verify.mjs";

const BREATHE_AFTER_MS = 40;
const KEY_FILE_BYTES_MAX = 65_536;
const ZIP = new Uint8Array([0x50, 0x4b, 0x03, 0x04]);
const byId = (id) => document.getElementById(id);
const state = { file: null, taking: null, shown: null, running: null, remarks: new Map() };

class Stopped extends Error {}

/** Lets the page draw and hear clicks; a timer would be slowed down in a page that nobody looks at. */
function breather() {
  const channel = new MessageChannel();
  let last = performance.now();
  let go = () => {};
  channel.port1.onmessage = () => go();
  return async () => {
    if (performance.now() - last > BREATHE_AFTER_MS) {
      await new Promise((resolve) => {
        go = resolve;
        channel.port2.postMessage(null);
      });
      last = performance.now();
    }
  };
}

/** A remark beside a field, in whatever language is chosen now. */
function remark(id, key, values = {}, wrong = false) {
  state.remarks.set(id, key ? () => said(key, values) : () => "");
  byId(id).classList.toggle("wrong", wrong);
  byId(id).textContent = state.remarks.get(id)();
}

function key() {
  const given = byId("key-text").value;
  if (!given.trim()) {
    remark("key-state", "key_missing", {}, true);
    return null;
  }
  try {
    const found = publicKey(given);
    remark("key-state", "key_good", { fingerprint: keyId(found) });
    return found;
  } catch {
    remark("key-state", "key_bad", {}, true);
    return null;
  }
}

function witnesses() {
  const found = [];
  remark("witness-state", "");
  for (const line of byId("witnesses").value.split("\n").filter((line) => line.trim())) {
    try {
      found.push(NoteKey.parse(line));
    } catch {
      remark("witness-state", "witness_bad", { key: line.trim() }, true);
      return null;
    }
  }
  return found;
}

/** Takes what begins as a package does; anything else was picked by mistake, which is no verdict on a package. */
function take(file) {
  state.taking = look(file);
  return state.taking;
}

async function look(file) {
  const begins = await file.slice(0, ZIP.length).arrayBuffer().then((head) => toHex(new Uint8Array(head)), () => toHex(ZIP));
  state.file = begins === toHex(ZIP) ? file : null; // what cannot be read is told by the check
  show(null);
  remark("package-state", state.file ? "package_chosen" : "package_other", { name: file.name, size: bytesText(file.size) }, !state.file);
}

async function takeKey(file) {
  const head = new Uint8Array(await file.slice(0, KEY_FILE_BYTES_MAX).arrayBuffer());
  byId("key-text").value = head.every((byte) => byte < 0x80) ? text(head) : "";
  key();
}

/** A file is a key or a package by what it begins with. */
async function takeAny(file) {
  const head = new Uint8Array(await file.slice(0, 11).arrayBuffer());
  if (toHex(head) === toHex(new TextEncoder().encode("-----BEGIN "))) {
    await takeKey(file);
  } else {
    await take(file);
  }
}

function show(draw) {
  state.shown = draw;
  byId("result").replaceChildren(...(draw ? draw() : []));
  byId("result").hidden = !draw;
}

async function check() {
  await state.taking;
  const [centre, named] = [key(), witnesses()];
  if (!state.file && !byId("package-state").textContent) {
    remark("package-state", "package_missing", {}, true);
  }
  if (!centre || !named || !state.file || state.running) {
    (!centre ? byId("key-text") : !named ? byId("witnesses") : byId("package")).focus();
    return;
  }
  show(null);
  busy(true);
  show(await outcome(state.file, centre, named));
  busy(false);
  byId("result").focus();
}

/** What to draw once the check has ended, in whichever way. */
async function outcome(file, centre, named) {
  const running = (state.running = { stopped: false });
  const progress = (done, of) => {
    if (running.stopped) {
      throw new Stopped();
    }
    running.tell = () => told(done, of);
    running.tell();
  };
  try {
    const found = await verify(file, { centre, witnesses: named, schemas: facts.schemas, progress, breathe: breather() });
    return () => genuine(found, centre);
  } catch (error) {
    if (error instanceof NotGenuine) {
      return () => refusal(error);
    }
    const [name, why] = error instanceof Stopped ? ["stopped", ""] : [error.name in READ_ERRORS ? "unreadable" : "failed", error.message];
    return () => [verdict("unsure", `! ${said("unchecked_title")}`, said(name, { why }))];
  }
}

const READ_ERRORS = { NotReadableError: true, NotFoundError: true };

function told(done, of) {
  const share = of ? done / of : 1;
  byId("progress").value = share;
  const values = { percent: Math.floor(100 * share), done: bytesText(done), of: bytesText(of) };
  byId("progress-text").textContent = said("running", values);
}

function busy(is) {
  if (is) {
    told(0, state.file.size);
  } else {
    state.running = null;
  }
  byId("running").hidden = !is;
  byId("stop").hidden = !is;
  byId("check").disabled = is;
}

function speak() {
  document.title = `${said("title")} · ${language() === "zh" ? "小夜灯 Nightlight" : "Nightlight"}`;
  for (const each of document.querySelectorAll("[data-text]")) {
    each.textContent = said(each.dataset.text);
  }
  for (const [id, draw] of state.remarks) {
    byId(id).textContent = draw();
  }
  byId("language").textContent = nameOf(other());
  byId("language").lang = other() === "zh" ? "zh-CN" : "en";
  state.running?.tell?.();
  if (state.shown) {
    show(state.shown);
  }
}

function listen() {
  byId("language").addEventListener("click", () => {
    choose(other());
    speak();
  });
  byId("form").addEventListener("submit", (event) => {
    event.preventDefault();
    check();
  });
  byId("stop").addEventListener("click", () => {
    state.running.stopped = true;
  });
  // At once, and not when the field is left: a remark that appears under a click moves the button away from it.
  byId("key-text").addEventListener("input", ({ target }) => (target.value.includes("-----END") ? key() : remark("key-state", "")));
  byId("key-file").addEventListener("change", ({ target }) => target.files[0] && takeKey(target.files[0]));
  byId("package").addEventListener("change", ({ target }) => target.files[0] && take(target.files[0]));
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault(); // or the browser would open the file in place of this page
      byId("drop").classList.toggle("over", kind === "dragover");
    });
  }
  document.addEventListener("drop", async (event) => {
    for (const file of event.dataTransfer.files) {
      await takeAny(file);
    }
    if (state.file && byId("key-text").value.trim()) {
      check();
    }
  });
}

/** For programs that drive this page: the same check of a Blob, with the key as PEM. */
globalThis.nightlight = {
  async verify(blob, pem, witnessKeys = []) {
    const given = { centre: publicKey(pem), witnesses: witnessKeys.map(NoteKey.parse), schemas: facts.schemas };
    try {
      const { segments } = await verify(blob, given);
      return { genuine: true, segments };
    } catch (error) {
      if (error instanceof NotGenuine) {
        return { genuine: false, item: error.item, why: error.why, detail: error.detail };
      }
      throw error;
    }
  },
};

choose(language());
listen();
speak();
