// Keeps the page's own files, so that it opens, and says that it is cut off, when the daemon is down. Nothing else is ever kept:
// what anybody said stays with the daemon.
const SHELL = SHELL_FILES;
const NAME = `shell ${SHELL.join(" ")}`;

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(NAME)
      .then((cache) => cache.addAll(SHELL))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  const old = caches
    .keys()
    .then((names) => Promise.all(names.filter((name) => name !== NAME).map((name) => caches.delete(name))));
  event.waitUntil(old.then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const { pathname } = new URL(event.request.url);
  if (event.request.method !== "GET" || !SHELL.includes(pathname)) return;
  // Assets never change under their names; the page itself is asked for anew, and taken from here only when nobody answers.
  const kept = () => caches.match(pathname).then((found) => found ?? Response.error());
  event.respondWith(
    pathname.startsWith("/assets/")
      ? caches.match(pathname).then((found) => found ?? fetch(event.request))
      : fetch(event.request).catch(kept),
  );
});

// A notice that was pressed leads to what waits: in a page that is open, else in a new one.
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(
    self.clients.matchAll({ type: "window" }).then(async ([page]) => {
      if (!page) return self.clients.openWindow("/#/waits");
      await page.focus();
      return page.navigate("/#/waits");
    }),
  );
});
