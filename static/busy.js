// Looks again every second while something goes on with a model; without it the page is as true, and reloaded by hand.
"use strict";
(() => {
  const PAUSE = 1000;
  const ID = "models";

  const look = async () => {
    let goesOn = true;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const [here, fresh] = [document.getElementById(ID), page.getElementById(ID)];
      if (answer.ok && here && fresh) {
        // Nothing is taken from under somebody's fingers.
        const isFree = !here.contains(document.activeElement) && !here.querySelector("details[open]");
        if (isFree) here.replaceWith(document.importNode(fresh, true));
        goesOn = !isFree || "busy" in fresh.dataset;
      }
    } catch {
      // The service is away; the next look tells.
    }
    if (goesOn) setTimeout(look, PAUSE);
  };

  setTimeout(look, PAUSE);
})();
