// Seals a camera's password to its box's key before the form goes: the server never sees it.
// HPKE (RFC 9180) base mode, single shot: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM, empty aad.
// The field for the password has no name, so nothing sends it: without this script, or where it fails, it stays here.

const NOTHING = new Uint8Array(0);
const KEM_ID = Uint8Array.of(0x4b, 0x45, 0x4d, 0x00, 0x20); // "KEM", DHKEM(X25519, HKDF-SHA256)
const HPKE_ID = Uint8Array.of(0x48, 0x50, 0x4b, 0x45, 0x00, 0x20, 0x00, 0x01, 0x00, 0x01); // "HPKE", kem, kdf, aead

const bytes = (text) => new TextEncoder().encode(text);
const base64 = (data) => btoa(String.fromCharCode(...data));
const unbase64 = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));

function join(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) { whole.set(part, at); at += part.length; }
  return whole;
}

async function hmac(key, data) {
  // An empty salt is 32 zeros (RFC 5869, 2.2), and WebCrypto takes no empty key.
  const raw = key.length ? key : new Uint8Array(32);
  const imported = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, data));
}

const extract = (suite, salt, label, secret) => hmac(salt, join(bytes("HPKE-v1"), suite, bytes(label), secret));

async function expand(suite, key, label, info, length) { // of at most one block
  const labelled = join(Uint8Array.of(0, length), bytes("HPKE-v1"), suite, bytes(label), info, Uint8Array.of(1));
  return (await hmac(key, labelled)).slice(0, length);
}

async function seal(readerKey, secret, info) {
  const reader = await crypto.subtle.importKey("raw", readerKey, { name: "X25519" }, false, []);
  const own = await crypto.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"]);
  const enc = new Uint8Array(await crypto.subtle.exportKey("raw", own.publicKey));
  const shared = await crypto.subtle.deriveBits({ name: "X25519", public: reader }, own.privateKey, 256);
  const prk = await extract(KEM_ID, NOTHING, "eae_prk", new Uint8Array(shared));
  const agreed = await expand(KEM_ID, prk, "shared_secret", join(enc, readerKey), 32);
  const schedule = join(
    Uint8Array.of(0),
    await extract(HPKE_ID, NOTHING, "psk_id_hash", NOTHING),
    await extract(HPKE_ID, NOTHING, "info_hash", bytes(info)),
  );
  const root = await extract(HPKE_ID, agreed, "secret", NOTHING);
  const raw = await expand(HPKE_ID, root, "key", schedule, 16);
  const iv = await expand(HPKE_ID, root, "base_nonce", schedule, 12);
  const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt"]);
  const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, secret));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", readerKey));
  const keyId = [...digest.slice(0, 16)].map((one) => one.toString(16).padStart(2, "0")).join("");
  return JSON.stringify({ key_id: keyId, box: base64(join(enc, sealed)) });
}

const form = document.getElementById("camera-form");
const password = document.getElementById("password");
const trouble = document.getElementById("password-trouble");

function complain(why) {
  trouble.textContent = trouble.dataset[why];
  trouble.hidden = false;
  password.focus();
}

async function canSeal() {
  if (!globalThis.crypto?.subtle) return false;
  try {
    await crypto.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"]);
    return true;
  } catch {
    return false;
  }
}

async function sealAndSend() {
  const { agent, camera, url, sealed, sealed_for: sealedFor } = form.elements;
  const key = (agent.selectedOptions?.[0] ?? agent).dataset.sealingKey;
  const host = /^rtsp:\/\/(?:\[([^\]\s]+)\]|([^/:?#@\s[\]]+))/i.exec(url.value.trim());
  if (!key) { complain("noKey"); return; }
  if (!host) { complain("noHost"); return; }
  const place = [agent.value, camera.value.trim(), (host[1] ?? host[2]).toLowerCase()].join("/");
  try {
    sealed.value = await seal(unbase64(key), bytes(password.value), `nightlight/v1/camera-password/${place}`);
  } catch {
    complain("failed");
    return;
  }
  sealedFor.value = place;
  password.value = "";
  // Sealing may be done before the first submit event is over, and a form is not sent from within one.
  setTimeout(() => form.requestSubmit());
}

if (await canSeal()) {
  document.getElementById("password-field").hidden = false;
  form.addEventListener("submit", (event) => {
    if (!password.value) return;
    event.preventDefault();
    sealAndSend();
  });
  // Whoever pastes a box of their own says what it was sealed for by sealing it.
  form.elements.sealed.addEventListener("input", () => { form.elements.sealed_for.value = ""; });
}
