// Lets the browser keep the page that says that there is no network. Nothing of a person is kept.

if ("serviceWorker" in navigator) navigator.serviceWorker.register("/worker.js", { scope: "/" }).catch(() => {});
