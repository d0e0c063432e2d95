// Keeps a page up to date: when the service says that something changed, the part with the id "live" is fetched anew
// and put in place. Without it the page is as true, and reloaded by hand.
"use strict";
(() => {
  const PAUSE = 1000; // Between two looks, however much happens.
  const ANYWAY = 15000; // What the service does not tell of (a mount, a disk) shows after this time.
  let looking = false;
  let waiting = false;

  const look = async () => {
    if (looking || document.hidden) {
      waiting = true;
      return;
    }
    looking = true;
    waiting = false;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      const live = document.getElementById("live");
      if (answer.ok && live) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.getElementById("live");
        if (fresh && fresh.innerHTML !== live.innerHTML && !live.contains(document.activeElement)) {
          live.replaceWith(document.importNode(fresh, true));
        }
      }
    } catch {
      // The service is away; the next look tells.
    }
    setTimeout(() => {
      looking = false;
      if (waiting) look();
    }, PAUSE);
  };

  const source = new EventSource(document.getElementById("live").dataset.events);
  source.addEventListener("change", look);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && waiting) look();
  });
  setInterval(look, ANYWAY);
})();
