// Web push: this browser subscribes with its own push service, and what it answers goes into the form's address field.

const form = document.getElementById("subscribe");
const short = document.getElementById("push-form");
const no = document.getElementById("push-no");

function bytes(text) {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (char) => char.charCodeAt(0));
}

// What the browser's push service is reached by, as JSON; nothing where the person or the browser says no.
async function subscribed(key) {
  no.hidden = true;
  try {
    if ((await Notification.requestPermission()) !== "granted") throw new Error("refused");
    await navigator.serviceWorker.register("/worker.js", { scope: "/" });
    const worker = await navigator.serviceWorker.ready;
    const made = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(key) });
    return JSON.stringify(made);
  } catch {
    no.hidden = false;
    return "";
  }
}

if (form?.dataset.pushKey && "serviceWorker" in navigator) {
  const channel = document.getElementById("channel");
  const show = () => {
    const push = channel.value === "webpush";
    document.getElementById("push").hidden = !push;
    document.getElementById("target-field").hidden = push;
  };
  channel.addEventListener("change", show);
  document.getElementById("push-button").addEventListener("click", async () => {
    const made = await subscribed(form.dataset.pushKey);
    if (!made) return;
    document.getElementById("target").value = made;
    document.getElementById("push-done").hidden = false;
  });
  show();
}

if (short && "serviceWorker" in navigator && "PushManager" in self) {
  document.getElementById("phone").hidden = false;
  short.addEventListener("submit", async (event) => {
    event.preventDefault();
    const made = await subscribed(short.dataset.pushKey);
    if (!made) return;
    short.elements.target.value = made;
    short.submit();
  });
}
