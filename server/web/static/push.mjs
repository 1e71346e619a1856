// Web push: this browser subscribes with its own push service, and what it answers goes into the form's address field.

const form = document.getElementById("subscribe");
const channel = document.getElementById("channel");
const target = document.getElementById("target");
const field = document.getElementById("target-field");
const offer = document.getElementById("push");
const key = form?.dataset.pushKey;

function show() {
  const push = channel.value === "webpush";
  offer.hidden = !push;
  field.hidden = push;
}

function bytes(text) {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (char) => char.charCodeAt(0));
}

// This page lies outside of the worker's scope, so that nothing else says when it is ready.
async function active(registration) {
  const worker = registration.installing ?? registration.waiting;
  if (!registration.active && worker) {
    await new Promise((done) => worker.addEventListener("statechange", () => worker.state === "activated" && done()));
  }
  return registration;
}

async function allow() {
  const no = document.getElementById("push-no");
  no.hidden = true;
  try {
    if ((await Notification.requestPermission()) !== "granted") throw new Error("refused");
    const worker = await active(await navigator.serviceWorker.register("/static/push-worker.mjs", { type: "module" }));
    const made = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(key) });
    target.value = JSON.stringify(made);
    document.getElementById("push-done").hidden = false;
  } catch {
    no.hidden = false;
  }
}

if (form && key && "serviceWorker" in navigator) {
  channel.addEventListener("change", show);
  document.getElementById("push-button").addEventListener("click", allow);
  show();
}
