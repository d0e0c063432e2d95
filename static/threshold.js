// Figures and flips follow the slider. Without it the button asks for them.
"use strict";
(() => {
  const form = document.getElementById("cut");
  const slider = form.querySelector("[type=range]");
  let asked = 0;

  const look = async () => {
    const turn = ++asked;
    const query = new URLSearchParams(new FormData(form));
    query.delete("goal"); // The proposal stays as it is.
    const answer = await fetch(`${form.action}?${query}`);
    if (!answer.ok || turn !== asked) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("what-if");
    if (fresh) document.getElementById("what-if").replaceWith(document.importNode(fresh, true));
  };

  slider.addEventListener("input", look);
  form.querySelector("button").hidden = true;
})();
