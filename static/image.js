// The image page by keyboard and mouse: Z, the button or a click shows the picture at its own size, where dragging and the
// arrow keys move it; else the arrow keys (or j and k) lead through the list. Without it the same is reached by links.
"use strict";
(() => {
  const STEP_PX = 80;
  const stage = document.getElementById("stage");
  const button = document.getElementById("zoom");
  const link = stage.querySelector("a");
  const picture = stage.querySelector("img");
  const small = picture.src;
  let dragged = false;

  const isLarge = () => stage.classList.contains("own-size");
  const zoom = (event) => {
    const box = picture.getBoundingClientRect();
    const at = event ? [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height] : [0.5, 0.5];
    stage.classList.toggle("own-size");
    picture.src = isLarge() ? link.dataset.full : small;
    button.textContent = isLarge() ? "Fit to the window" : "Show at 1:1";
    if (!isLarge()) {
      if (document.activeElement === stage) button.focus({ preventScroll: true });
      for (const name of ["tabindex", "role", "aria-label"]) stage.removeAttribute(name);
      return;
    }
    stage.tabIndex = 0;
    stage.setAttribute("role", "group");
    stage.setAttribute("aria-label", "The picture at its own size, to be moved by the arrow keys");
    stage.focus({ preventScroll: true });
    const centre = () => {
      stage.scrollLeft = at[0] * picture.width - stage.clientWidth / 2;
      stage.scrollTop = at[1] * picture.height - stage.clientHeight / 2;
    };
    if (picture.complete) centre();
    picture.addEventListener("load", centre, { once: true });
  };

  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (!dragged) zoom(event.detail ? event : null);
    dragged = false;
  });
  button.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    zoom(null);
  });
  link.addEventListener("dragstart", (event) => event.preventDefault());
  stage.addEventListener("pointermove", (event) => {
    if (!(event.buttons & 1) || !isLarge()) return;
    if (event.movementX || event.movementY) dragged = true;
    stage.scrollBy(-event.movementX, -event.movementY);
  });

  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input, textarea, select, details[open]");
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const keys = { ArrowLeft: "prev", k: "prev", ArrowRight: "next", j: "next" };
    if (event.key === "z" || event.key === "Z") zoom(null);
    else if (event.key === "Escape" && isLarge()) zoom(null);
    else if (isLarge() && ways[event.key]) {
      event.preventDefault();
      stage.scrollBy(...ways[event.key].map((way) => way * STEP_PX));
    } else if (keys[event.key]) document.querySelector(`a[rel=${keys[event.key]}]`)?.click();
  });
})();
