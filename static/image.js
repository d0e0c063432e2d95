// The image page by keyboard and mouse: Z or a click shows the picture at its own size, dragging moves it; the arrow keys
// (or j and k) lead through the list. Without it the same is reached by links.
"use strict";
(() => {
  const stage = document.getElementById("stage");
  const link = stage.querySelector("a");
  const picture = stage.querySelector("img");
  const small = picture.src;
  let dragged = false;

  const zoom = (event) => {
    const isLarge = stage.classList.toggle("own-size");
    const box = picture.getBoundingClientRect();
    const at = event ? [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height] : [0.5, 0.5];
    picture.src = isLarge ? link.dataset.full : small;
    if (!isLarge) return;
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
  link.addEventListener("dragstart", (event) => event.preventDefault());
  stage.addEventListener("pointermove", (event) => {
    if (!(event.buttons & 1) || !stage.classList.contains("own-size")) return;
    if (event.movementX || event.movementY) dragged = true;
    stage.scrollBy(-event.movementX, -event.movementY);
  });

  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input, textarea, select, details[open]");
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    const keys = { ArrowLeft: "prev", k: "prev", ArrowRight: "next", j: "next" };
    if (event.key === "z" || event.key === "Z") zoom(null);
    else if (event.key === "Escape" && stage.classList.contains("own-size")) zoom(null);
    else if (keys[event.key]) document.querySelector(`a[rel=${keys[event.key]}]`)?.click();
  });
})();
