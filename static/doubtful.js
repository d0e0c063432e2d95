// Doubtful: a press on a picture turns its label over, W and N set it, and what differs from the model is marked.
// Without it each picture has its two choices.
"use strict";
(() => {
  const form = document.getElementById("doubtful");
  if (!form) return;
  const cells = [...form.querySelectorAll(".doubt")];
  const changed = document.getElementById("changed");
  const chosen = (cell) => cell.querySelector("input:checked").value;

  const show = () => {
    let count = 0;
    for (const cell of cells) {
      const differs = chosen(cell) !== cell.dataset.model;
      cell.classList.toggle("changed", differs);
      if (differs) count += 1;
    }
    changed.textContent = count === 0 ? "Nothing changed yet." : `${count} changed.`;
  };
  const set = (cell, value) => {
    cell.querySelector(`input[value=${value}]`).checked = true;
    show();
  };
  form.addEventListener("click", (event) => {
    const cell = event.target.closest(".doubt");
    if (!cell || !event.target.closest(".plate") || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    set(cell, chosen(cell) === "yes" ? "no" : "yes");
  });
  form.addEventListener("change", show);
  document.addEventListener("keydown", (event) => {
    const value = { w: "yes", n: "no" }[event.key.toLowerCase()];
    if (!value || event.ctrlKey || event.metaKey || event.altKey) return;
    const here = document.activeElement?.closest(".doubt");
    const cell = here || cells[0];
    event.preventDefault();
    set(cell, value);
    const next = cells[cells.indexOf(cell) + 1];
    (next || cell).querySelector("a").focus();
  });
  document.getElementById("press").hidden = false;
  window.addEventListener("pageshow", show);
  show();
})();
