// Keeps a board up to date: listens for changes, fetches the fragment, and replaces only what differs.
// Says so when it cannot; a page that has stopped must never look like one that is live.

const SILENCE_MS = 40_000; // the server sends something at least every 15 s
const RETRY_MS = 5_000;
const FETCH_MS = 15_000;
const GRACE_MS = 4_000; // a stream that comes back at once was never lost
const TICK_MS = 1_000;

const board = document.getElementById("board");
const lost = document.getElementById("lost");
const { path, query } = board.dataset;
let digest = board.dataset.digest;
let stream = null;
let watchdog = 0;
let losing = 0;
let retry = 0;
let fetching = null;
let again = false;
let awake = Date.now(); // when this page was last known to run and to listen

function heard() {
  clearTimeout(losing);
  losing = 0;
  watch();
}

// Also a stream that never opens (a browser has six connections to a server, a proxy may swallow it) is a silent one.
function watch() {
  clearTimeout(watchdog);
  watchdog = setTimeout(() => { markLost(); refresh(); connect(); }, SILENCE_MS);
}

function markLost() {
  document.getElementById("lost-since").textContent = document.getElementById("as-of").value;
  lost.hidden = false;
  document.body.classList.add("stale");
}

function markFound() {
  lost.hidden = true;
  document.body.classList.remove("stale");
}

function connect() {
  disconnect();
  watch();
  stream = new EventSource(`${path}/events${query}`);
  stream.addEventListener("changed", (event) => {
    heard();
    if (event.data === digest) markFound(); else refresh();
  });
  stream.addEventListener("heartbeat", (event) => {
    heard();
    if (event.data === digest) markFound(); else refresh();
  });
  stream.addEventListener("over", () => location.reload());
  stream.addEventListener("error", () => {
    losing ||= setTimeout(markLost, GRACE_MS);
    // The browser tries again by itself unless the server refused: then we look why, and try later.
    if (stream.readyState === EventSource.CLOSED) {
      clearTimeout(retry);
      retry = setTimeout(() => { refresh(); connect(); }, RETRY_MS);
    }
  });
}

function disconnect() {
  clearTimeout(watchdog);
  clearTimeout(retry);
  stream?.close();
  stream = null;
}

async function refresh() {
  if (fetching) { again = true; return; }
  fetching = fetchFragment();
  try {
    await fetching;
  } finally {
    fetching = null;
    if (again) { again = false; refresh(); }
  }
}

async function fetchFragment() {
  try {
    const answer = await fetch(`${path}/board${query}`, { cache: "no-store", signal: AbortSignal.timeout(FETCH_MS) });
    if ([401, 403, 404].includes(answer.status)) { location.reload(); return; } // what it answers then says why
    if (!answer.ok) { markLost(); return; }
    show(await answer.text());
    digest = answer.headers.get("ETag").replaceAll('"', "");
    document.dispatchEvent(new CustomEvent("renewed", { detail: answer.headers }));
    markFound();
  } catch {
    markLost();
  }
}

function show(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").body;
  morph(board, fresh);
}

// Children are paired by id, so that a camera keeps its element, and with it focus and scrolling.
function morph(present, wanted) {
  const known = new Map([...present.children].filter((child) => child.id).map((child) => [child.id, child]));
  const next = [...wanted.children].map((child) => {
    const old = known.get(child.id);
    if (!old || old.tagName !== child.tagName) return child;
    if (!old.isEqualNode(child)) update(old, child);
    return old;
  });
  const same = next.length === present.children.length && next.every((child, i) => child === present.children[i]);
  if (!same) present.replaceChildren(...next);
}

function update(old, fresh) {
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const list = fresh.querySelector(":scope > ul.cameras");
  const oldList = old.querySelector(":scope > ul.cameras");
  if (list && oldList) { morph(oldList, list); return; }
  // A picture that is shown stays: fetched again it would be looked at, and recorded, once more.
  const shown = new Map([...old.querySelectorAll("img[src]")].map((image) => [image.getAttribute("src"), image]));
  for (const image of fresh.querySelectorAll("img[src]")) {
    if (!shown.has(image.getAttribute("src"))) continue;
    image.dataset.kept = image.getAttribute("src");
    image.removeAttribute("src");
  }
  const spoken = [...old.querySelectorAll("[role=status][id]")];
  const action = focused?.closest("form")?.getAttribute("action");
  old.replaceChildren(...fresh.childNodes);
  for (const image of old.querySelectorAll("img[data-kept]")) image.replaceWith(shown.get(image.dataset.kept));
  // A live region stays the same element, and is touched only when it says something new: readers speak it then.
  for (const region of spoken) {
    const said = old.querySelector(`#${CSS.escape(region.id)}`);
    if (!said) continue;
    if (region.textContent !== said.textContent) region.textContent = said.textContent;
    said.replaceWith(region);
  }
  if (action) old.querySelector(`form[action="${CSS.escape(action)}"] button`)?.focus();
  const href = focused?.getAttribute("href");
  if (href) old.querySelector(`a[href="${CSS.escape(href)}"]`)?.focus();
}

// After a sleep timers know nothing of it, and a dead stream looks alive: what is shown is of then until the server says otherwise.
function wake() {
  if (Date.now() - awake > SILENCE_MS) markLost();
  awake = Date.now();
  refresh();
  connect();
}

setInterval(() => {
  if (document.hidden) return;
  if (Date.now() - awake > SILENCE_MS) wake(); else awake = Date.now();
}, TICK_MS);
document.addEventListener("visibilitychange", () => { if (document.hidden) disconnect(); else wake(); });
window.addEventListener("pageshow", (event) => { if (event.persisted) wake(); });
window.addEventListener("offline", markLost);
window.addEventListener("online", () => { refresh(); connect(); });
window.addEventListener("pagehide", disconnect);
document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details.sites[open]")) if (!open.contains(event.target)) open.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = document.querySelector("details.sites[open]");
  if (open) { open.open = false; open.querySelector("summary").focus(); }
});

if (!document.hidden) connect();
