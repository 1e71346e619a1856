// Shows what the server pushes, and says so where there is no network. The server writes `KEPT` before it (see /worker.js).
// Invariant: only static files whose address names their digest are kept, and one page that belongs to nobody; never a
// person's page, never a picture.

const kept = self.KEPT ?? { name: "", offline: "", files: [] };

self.addEventListener("install", (event) => {
  self.skipWaiting();
  if (!kept.name) return;
  const wanted = [kept.offline, ...kept.files].map((path) => new Request(path, { credentials: "omit", cache: "reload" }));
  event.waitUntil(caches.open(kept.name).then((cache) => cache.addAll(wanted)));
});

self.addEventListener("activate", (event) => {
  const older = async () => {
    for (const name of await caches.keys()) if (name !== kept.name) await caches.delete(name);
    await self.clients.claim();
  };
  event.waitUntil(older());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (!kept.name || request.method !== "GET") return;
  if (request.mode === "navigate") {
    event.respondWith(fetch(request).catch(async () => (await caches.match(kept.offline)) ?? Response.error()));
    return;
  }
  const url = new URL(request.url);
  if (url.origin === location.origin && kept.files.includes(url.pathname + url.search)) {
    event.respondWith(caches.match(url.pathname + url.search).then((found) => found ?? fetch(request)));
  }
});

self.addEventListener("push", (event) => {
  const said = event.data.json();
  event.waitUntil(
    self.registration.showNotification(said.title, { body: said.body, tag: said.tag, data: { link: said.link } }),
  );
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(self.clients.openWindow(event.notification.data.link));
});
