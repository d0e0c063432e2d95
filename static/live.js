// Keeps the start page up to date while files come in. Without it the page is as true, and reloaded by hand.
"use strict";
(() => {
  const refresh = async () => {
    const live = document.getElementById("live");
    if (!live) return;
    if (!document.hidden) {
      try {
        const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
        if (answer.ok) {
          const page = new DOMParser().parseFromString(await answer.text(), "text/html");
          const fresh = page.getElementById("live");
          if (fresh && fresh.innerHTML !== live.innerHTML && !live.contains(document.activeElement)) {
            live.replaceWith(document.importNode(fresh, true));
          }
        }
      } catch {
        // The service is away; the next look tells.
      }
    }
    setTimeout(refresh, 1000 * Number(document.getElementById("live").dataset.live || 15));
  };
  setTimeout(refresh, 3000);
})();
