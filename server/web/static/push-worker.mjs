// Shows what the server pushes. The tag is the message's id: one that comes again replaces itself.

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
