// Selecting images in a list: says how many are selected. Without it the boxes are counted by eye.
"use strict";
(() => {
  const form = document.querySelector(".picking");
  if (!form) return;
  const said = document.getElementById("picked");
  const count = () => {
    said.textContent = `${form.querySelectorAll("[name=image]:checked").length} selected`;
  };
  said.hidden = false;
  form.addEventListener("change", count);
  window.addEventListener("pageshow", count);
  count();
})();
