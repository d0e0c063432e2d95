// Sends pictures one by one, a few at a time, with what became of each. Without it the form sends them all at once.
"use strict";
(() => {
  const AT_ONCE = 3;
  const form = document.getElementById("upload");
  const list = document.getElementById("sent");
  const said = document.getElementById("said");
  const [files, folder] = form.querySelectorAll("input[type=file]");
  const waiting = [];
  let busy = 0;
  const counts = { new: 0, known: 0, failed: 0 };

  const element = (tag, name, text) => {
    const made = document.createElement(tag);
    made.className = name;
    if (text) made.textContent = text;
    return made;
  };

  const summary = () => {
    const left = waiting.length + busy;
    const parts = [`${counts.new} new`, `${counts.known} known`, `${counts.failed} not taken`];
    said.textContent = (left ? `${left} to go. ` : "Done. ") + parts.join(", ") + ".";
  };

  const add = (file, path) => {
    const row = element("li", "");
    const name = element("span", "name", path);
    const bar = element("progress", "");
    bar.max = 1;
    bar.value = 0;
    bar.setAttribute("aria-label", `${path}: sent`);
    row.append(name, bar, element("span", "reason"));
    list.prepend(row);
    waiting.push({ file, path, row, bar });
    next();
  };

  const done = ({ row, bar, path }, state, text, page) => {
    bar.remove();
    const name = row.querySelector(".name");
    name.after(element("span", `state ${state}`, state));
    if (page) {
      const link = element("a", "name", path);
      link.href = page;
      name.replaceWith(link);
    }
    row.querySelector(".reason").textContent = text;
    counts[state === "imported" ? "new" : state === "duplicate" ? "known" : "failed"] += 1;
    busy -= 1;
    next();
  };

  // A lost connection is tried again with the same key, so that nothing comes in twice.
  const send = (item, key, tries) => {
    const request = new XMLHttpRequest();
    const body = new FormData();
    body.append("file", item.file, item.path);
    request.open("POST", form.dataset.api);
    request.setRequestHeader("Idempotency-Key", key);
    request.upload.onprogress = (event) => { item.bar.value = event.loaded / event.total; };
    request.onload = () => {
      let answer = {};
      try { answer = JSON.parse(request.responseText); } catch { /* The status says enough. */ }
      if (request.status === 201) done(item, "imported", "new: it is scored in a moment", answer.page);
      else if (request.status === 200) done(item, "duplicate", "the catalog has it already", answer.page);
      else if (request.status === 401) done(item, "failed", "you are signed out: sign in, then send it again");
      else if ((request.status === 409 || request.status >= 500) && tries < 5) again(item, key, tries);
      else done(item, "failed", answer.detail || `the service answered ${request.status}`);
    };
    request.onerror = () => {
      if (tries < 5) again(item, key, tries);
      else done(item, "failed", "the service could not be reached: send it again later");
    };
    request.send(body);
  };

  const again = (item, key, tries) => {
    item.bar.value = 0;
    item.row.querySelector(".reason").textContent = "trying again";
    setTimeout(() => send(item, key, tries + 1), 1000 * 2 ** tries);
  };

  const key = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

  const next = () => {
    while (busy < AT_ONCE && waiting.length) {
      busy += 1;
      send(waiting.shift(), key(), 0);
    }
    summary();
  };

  const walk = async (entry, path) => {
    if (entry.isFile) {
      entry.file((file) => add(file, path + entry.name));
      return;
    }
    const reader = entry.createReader();
    // A folder is read a hundred entries at a time.
    for (;;) {
      const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!part.length) return;
      for (const inside of part) await walk(inside, `${path}${entry.name}/`);
    }
  };

  form.classList.add("scripted");
  form.querySelectorAll("label").forEach((label) => label.classList.add("button"));
  for (const shown of form.querySelectorAll(".hint, .folder")) shown.hidden = false;
  form.querySelector("button").hidden = true;
  for (const input of [files, folder]) {
    input.addEventListener("change", () => {
      for (const file of input.files) add(file, file.webkitRelativePath || file.name);
      input.value = "";
    });
  }
  for (const kind of ["dragenter", "dragover"]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      form.classList.add("over");
    });
  }
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) form.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("over");
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry());
    if (entries.length && entries.every(Boolean)) entries.forEach((entry) => walk(entry, ""));
    else for (const file of event.dataTransfer.files) add(file, file.name);
  });
  window.addEventListener("beforeunload", (event) => {
    if (busy || waiting.length) event.preventDefault();
  });
})();
