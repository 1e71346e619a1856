// What a duty room's screen has beside the board's own script: a clock, sound on a new alarm, a screen that stays awake.
// Nothing grows with time: the set of known alarms is what stands on the page, one sound context, one timer each.

const AGAIN_MS = 60_000; // an urgent alarm that nobody has seen sounds again
const SLEPT_MS = 5_000; // a clock that jumps by more than this has slept
const board = document.getElementById("board");
const clock = document.getElementById("wall-clock");
const sound = document.getElementById("wall-sound");
const full = document.getElementById("wall-full");
let ahead = 0;
const shown = new Intl.DateTimeFormat(document.documentElement.lang, {
  timeZone: clock.dataset.zone, weekday: "short", month: "short", day: "numeric",
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
let speaker = null;
let lastTick = Date.now();
let lastTone = -AGAIN_MS;
let wake = null;
// By the server's clock: this machine's may be wrong, and set right within the week.
const set = (now) => {
  if (!now) return;
  const by = Number(now) - Date.now();
  ahead = Math.abs(by) < 2_000 ? 0 : by;
};
set(clock.dataset.now);
document.addEventListener("renewed", ({ detail }) => set(detail.get("Nightlight-Now")));
const unseen = () => [...board.querySelectorAll("[data-alarm]:not([data-tone=seen])")];
let known = new Set(unseen().map((one) => one.dataset.alarm));

function tick() {
  const now = Date.now();
  if (now - lastTick > SLEPT_MS) tellSound();
  lastTick = now;
  clock.textContent = shown.format(now + ahead);
  clock.dateTime = new Date(now + ahead).toISOString();
  const urgent = board.querySelector("[data-alarm][data-tone=urgent]");
  if (urgent && performance.now() - lastTone >= AGAIN_MS) ring("urgent");
}

function tellSound() {
  const on = speaker?.state === "running";
  sound.hidden = false;
  sound.textContent = on ? sound.dataset.on : sound.dataset.off;
  sound.setAttribute("aria-pressed", String(on));
}

async function switchSound() {
  if (speaker?.state === "running") {
    await speaker.suspend();
  } else {
    speaker ??= new AudioContext();
    speaker.onstatechange = tellSound;
    await speaker.resume();
    tone(880, 0, 0.15);
  }
  tellSound();
}

function tone(pitch, at, length) {
  const source = speaker.createOscillator();
  const volume = speaker.createGain();
  const begin = speaker.currentTime + at;
  source.frequency.value = pitch;
  volume.gain.setValueAtTime(0.0001, begin);
  volume.gain.exponentialRampToValueAtTime(0.5, begin + 0.02);
  volume.gain.setValueAtTime(0.5, begin + length - 0.03);
  volume.gain.exponentialRampToValueAtTime(0.0001, begin + length);
  source.connect(volume).connect(speaker.destination);
  source.start(begin);
  source.stop(begin + length);
}

function ring(kind) {
  if (speaker?.state !== "running") return;
  lastTone = performance.now();
  const tones = { urgent: [988, 740, 988, 740, 988, 740], raised: [740, 988], lost: [330, 247] }[kind];
  tones.forEach((pitch, place) => tone(pitch, place * 0.35, 0.3));
  document.dispatchEvent(new CustomEvent("rang", { detail: kind }));
}

new MutationObserver(() => {
  const now = unseen();
  const fresh = now.filter((one) => !known.has(one.dataset.alarm));
  known = new Set(now.map((one) => one.dataset.alarm));
  if (fresh.length) ring(fresh.some((one) => one.dataset.tone === "urgent") ? "urgent" : "raised");
}).observe(board, { childList: true, subtree: true, attributeFilter: ["data-tone"] });

// A screen that has stopped must not look, or sound, like a quiet night.
let stale = false;
new MutationObserver(() => {
  const now = document.body.classList.contains("stale");
  if (now && !stale) ring("lost");
  stale = now;
}).observe(document.body, { attributeFilter: ["class"] });

async function stayAwake() {
  if (document.hidden || !navigator.wakeLock || (wake && !wake.released)) return;
  try {
    wake = await navigator.wakeLock.request("screen");
  } catch {
    wake = null; // not offered now: a battery that saves, a policy
  }
}

document.addEventListener("visibilitychange", () => { stayAwake(); tellSound(); });
sound.addEventListener("click", switchSound);
if (document.documentElement.requestFullscreen) {
  full.hidden = false;
  full.addEventListener("click", () => {
    if (document.fullscreenElement) document.exitFullscreen(); else document.documentElement.requestFullscreen();
  });
}
tick();
setInterval(tick, 1_000);
tellSound();
stayAwake();
