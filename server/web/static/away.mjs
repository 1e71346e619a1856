// Tells on a page that nothing renews that the network is gone, or that it has stood open for long, and as of when it is;
// a form that is sent without a network stays as it is. What is marked as renewed is fetched again every minute.

const OLD_MS = 3_600_000;
const RENEW_MS = 60_000;
const FETCH_MS = 15_000;

const away = document.getElementById("away");
const renewed = document.getElementById("renewed");
let shown = null; // made when it is first needed: on a slow telephone that takes a tenth of a second
let asOf = performance.timeOrigin;

function tell(unsent = false) {
  const gone = !navigator.onLine;
  shown ??= new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
  away.querySelector("b").textContent = shown.format(asOf);
  away.querySelector("[data-when=gone]").hidden = !gone;
  away.querySelector("a").hidden = gone; // it would only lose the page
  away.querySelector("[data-when=unsent]").hidden = !(gone && unsent);
  away.hidden = !gone && Date.now() - asOf < OLD_MS;
}

async function renew() {
  if (document.hidden) return;
  if (Date.now() - asOf > 2 * RENEW_MS) { tell(); away.hidden = false; } // it has slept: not as if it was now, until it is
  try {
    const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(FETCH_MS) });
    if (answer.status === 401 || answer.redirected) { location.reload(); return; }
    if (!answer.ok) throw new Error(answer.statusText);
    show(new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("renewed"));
    asOf = Date.now();
    tell();
  } catch {
    tell();
    away.hidden = false;
  }
}

// What is the same stays: focus, what was unfolded, what a reader is reading aloud.
function show(fresh) {
  const unfolded = [...renewed.querySelectorAll("details")].map((one) => one.open);
  fresh.querySelectorAll("details").forEach((one, place) => { one.open = unfolded[place] ?? false; });
  const href = document.activeElement?.getAttribute("href");
  const same = fresh.children.length === renewed.children.length;
  if (!same) renewed.replaceChildren(...fresh.childNodes);
  else [...fresh.children].forEach((one, place) => { if (!one.isEqualNode(renewed.children[place])) renewed.children[place].replaceWith(one); });
  if (href && document.activeElement === document.body) renewed.querySelector(`a[href="${CSS.escape(href)}"]`)?.focus();
}

// A page with a stream of its own (board.mjs) says so itself.
if (away && !document.getElementById("lost")) {
  const look = renewed ? renew : () => tell();
  for (const name of ["online", "pageshow", "visibilitychange"]) window.addEventListener(name, (event) => { if (name !== "pageshow" || event.persisted) look(); }, true);
  window.addEventListener("offline", () => tell());
  setInterval(look, RENEW_MS);
  if (!navigator.onLine) tell();
}
if (away) {
  document.addEventListener("submit", (event) => {
    if (navigator.onLine || event.target.method !== "post") return;
    event.preventDefault();
    tell(true);
    away.scrollIntoView({ block: "nearest" });
  });
}
