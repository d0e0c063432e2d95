// Judging with one key a picture. Without it the page is a plain form.
//
// Whatever is said goes into an outbox that outlives the tab, is sent one after the other, and leaves it only when the
// service has answered. It is kept under the annotator's name, and only ever sent in their own session.
"use strict";
(() => {
  const page = document.getElementById("judging");
  const who = page.dataset.annotator;
  const boxName = `chronograde ${page.dataset.base} outbox ${who}`;
  const status = document.getElementById("outbox");
  const PAUSES = [1000, 2000, 5000, 15000];

  // The outbox.
  const read = () => {
    try {
      return JSON.parse(localStorage.getItem(boxName)) || [];
    } catch {
      return [];
    }
  };
  let kept = []; // What only memory holds, where storage is full or forbidden.
  const write = (box) => {
    kept = box;
    try {
      localStorage.setItem(boxName, JSON.stringify(box));
      kept = [];
    } catch {
      // Full or forbidden: what is said is kept in memory, and the page asks before it is left.
    }
  };
  // Another tab may have added to it or sent from it; what only memory holds is kept.
  const box = () => {
    const stored = read();
    const all = stored.concat(kept.filter((one) => !stored.some((other) => other.key === one.key)));
    return all.filter((one) => !answered.has(one.key));
  };
  // Also where there is no TLS, and so no randomUUID.
  const newKey = () => {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  };
  const answered = new Set(); // What the service has taken, should storage refuse to forget it.
  let tries = 0;
  let sending = false;
  let timer = 0;
  let refused = [];

  const tell = (text, link) => {
    status.replaceChildren(text);
    if (link) {
      const anchor = document.createElement("a");
      anchor.href = link.href;
      anchor.textContent = link.text;
      status.append(" ", anchor);
    }
    status.hidden = !text;
  };
  const counted = (number) => (number === 1 ? "1 judgement" : `${number} judgements`);
  const show = (why) => {
    const waiting = box().length;
    if (refused.length > 0) {
      tell(refused[refused.length - 1]);
    } else if (waiting > 0 && why === "signed out") {
      tell(`You are signed out. ${counted(waiting)} wait here, safe, until you sign in again.`, { href: page.dataset.signIn, text: "Sign in" });
    } else if (waiting > 0 && why === "somebody else") {
      tell(`Somebody else is signed in now. ${counted(waiting)} wait here, safe, until you sign in again.`);
    } else if (waiting > 0 && (why === "away" || tries > 0)) {
      tell(`No connection. ${counted(waiting)} wait here, safe, and are sent again by themselves.`);
    } else if (waiting > 3) {
      tell(`Sending ${counted(waiting)} …`);
    } else {
      tell("");
    }
  };

  const send = async () => {
    clearTimeout(timer);
    if (sending) return;
    sending = true;
    let why = "";
    for (;;) {
      const next = box()[0];
      if (!next) break;
      let answer;
      try {
        answer = await fetch(page.dataset.base + next.path, {
          method: "POST",
          headers: { Accept: "application/json", "Content-Type": "application/x-www-form-urlencoded" },
          body: new URLSearchParams({ ...next.fields, annotator: who }),
        });
      } catch {
        why = "away";
        break;
      }
      if (answer.status === 401 || answer.status === 403 || answer.redirected) {
        why = answer.status === 403 ? "somebody else" : "signed out";
        break;
      }
      if (answer.status >= 500 || answer.status === 429) {
        why = "away";
        break;
      }
      tries = 0;
      answered.add(next.key);
      write(box());
      const said = await answer.json().catch(() => ({}));
      if (answer.ok) {
        taken(next, said);
      } else {
        refused.push(said.problem || `One judgement was not taken (${answer.status}).`);
        turnedAway(next);
      }
    }
    sending = false;
    show(why);
    if (why === "away") {
      timer = setTimeout(send, PAUSES[Math.min(tries, PAUSES.length - 1)]);
      tries += 1;
      show(why);
    }
  };
  const post = (path, fields) => {
    const one = { path, fields, key: `${path} ${fields.key}` };
    write(box().concat(one));
    send();
  };
  window.addEventListener("online", send);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) send();
  });
  window.addEventListener("beforeunload", (event) => {
    // Only what memory alone holds would be lost.
    if (box().length > read().length) event.preventDefault();
  });

  // The picture.
  const form = document.getElementById("judge");
  let taken = () => {};
  let turnedAway = () => {};
  if (form) {
    const path = page.dataset.submit.slice(page.dataset.base.length);
    const asks = { score: page.dataset.quality === "true", watch: page.dataset.watch === "true" };
    const picture = document.getElementById("picture");
    const stage = document.getElementById("stage");
    const chip = document.getElementById("chip");
    const beside = document.getElementById("beside");
    const end = document.getElementById("end");
    const help = document.getElementById("help");
    const cannot = document.getElementById("cannot");
    const [done, left] = ["done", "left"].map((id) => document.getElementById(id));
    const id = (item) => `${item.image} ${item.occurrence}`;
    let queue = JSON.parse(page.dataset.held);
    let past = []; // What was judged in this tab, oldest first.
    let at = null; // The picture that is shown, and what is chosen for it.
    let again = 0;
    const preloaded = new Map();

    const preload = () => {
      for (const item of queue.slice(0, 4)) {
        if (preloaded.has(item.src)) continue;
        const image = new Image();
        image.src = item.src;
        image.decode().catch(() => {});
        preloaded.set(item.src, image);
      }
      const wanted = new Set(queue.map((item) => item.src).concat(past.slice(-3).map((one) => one.item.src)));
      for (const src of preloaded.keys()) if (!wanted.has(src)) preloaded.delete(src);
    };
    const fit = () => {
      if (!at || stage.hidden) return;
      const scale = devicePixelRatio || 1;
      // A pixel of the picture is never larger than one of the page, which on a phone is two or three of the screen; pixel by
      // pixel it is one of the screen, unless that were smaller than before.
      const [width, height] = at.actual ? [picture.naturalWidth, picture.naturalHeight] : [at.item.width, at.item.height];
      const room = Math.min(stage.clientWidth / width, stage.clientHeight / height);
      const whole = Math.min(stage.clientWidth / at.item.width, stage.clientHeight / at.item.height, 1) * at.item.width;
      const factor = at.actual ? Math.max(1 / scale, whole / width) : Math.min(room, 1);
      picture.style.width = `${width * factor}px`;
      picture.style.height = `${height * factor}px`;
    };
    const mark = () => {
      for (const button of form.querySelectorAll(".press")) {
        const input = button.querySelector("input") || button;
        const on = input.value === String(at?.[input.name] ?? "");
        if (input === button) button.setAttribute("aria-pressed", on);
        else input.checked = on;
      }
    };
    const present = async (item, before) => {
      at = { item, score: before?.score ?? "", watch: before?.watch ?? "", before, shown: 0, actual: false };
      const here = at;
      delete stage.dataset.painted;
      cannot.open = false;
      stage.classList.remove("actual");
      [stage.hidden, form.hidden, end.hidden] = [false, false, true];
      if (picture.getAttribute("src") !== item.src) picture.src = item.src;
      Object.assign(picture.dataset, { image: item.image, occurrence: item.occurrence, full: item.full });
      [beside.textContent, beside.hidden] = [item.beside || "", !item.beside];
      fit();
      mark();
      try {
        await picture.decode();
      } catch {
        // A newer picture took its place, or it cannot be had; X says so.
      }
      if (at === here) {
        at.shown = performance.now();
        stage.dataset.painted = id(item);
      }
      preload();
    };
    const finish = (why, waits) => {
      at = null;
      delete stage.dataset.painted;
      end.toggleAttribute("data-waits", Boolean(waits));
      [stage.hidden, form.hidden, end.hidden, beside.hidden] = [true, true, false, true];
      if (why) {
        document.getElementById("end-title").textContent = why.title;
        document.getElementById("end-text").textContent = why.text;
        clearTimeout(again);
        if (why.again_after) again = setTimeout(ask, why.again_after * 1000);
      }
    };
    const wait = () => {
      finish({ title: "One moment", text: "The next pictures are on their way." }, true);
      ask();
    };
    const advance = () => {
      if (queue.length > 0) present(queue[0]);
      else wait();
    };
    const ask = async () => {
      if (box().length > 0) {
        send(); // Its answer brings the next ones.
        return;
      }
      try {
        const answer = await fetch(`${page.dataset.submit}/next`, { method: "POST", headers: { Accept: "application/json" } });
        if (answer.ok) taken(null, await answer.json());
        else if (answer.status === 401) tell("You are signed out.", { href: page.dataset.signIn, text: "Sign in" });
      } catch {
        again = setTimeout(ask, 5000);
      }
    };
    // What the service says comes next: pictures that are neither shown nor judged here yet.
    taken = (sent, said) => {
      if (sent) unanswered.delete(sent.key);
      if (!said.held || (sent && !sent.path.startsWith(path))) return;
      const waiting = new Set(box().map((one) => `${one.fields.image} ${one.fields.occurrence}`));
      const known = new Set(queue.map(id));
      for (const item of said.held) {
        if (!known.has(id(item)) && !waiting.has(id(item))) queue.push(item);
      }
      preload();
      if (!at && queue.length > 0) present(queue[0]);
      else if (!at && box().length === 0) finish(said.end);
    };
    // What was sent, and how the page was before: what the service does not take is not shown as said.
    const unanswered = new Map();
    const sent = (path, fields, item, changes) => {
      unanswered.set(`${path} ${fields.key}`, { item, ...changes });
      count(changes.done, changes.left);
      post(path, fields);
    };
    const count = (more, fewer) => {
      done.textContent = Math.max(0, Number(done.textContent) + more);
      left.textContent = Math.max(0, Number(left.textContent) + fewer);
    };
    turnedAway = ({ key, fields }) => {
      const one = unanswered.get(key);
      if (!one) return;
      count(-one.done, -one.left);
      past = past.filter((other) => other.key !== fields.key);
      if (one.before) past.push(one.before);
      tellLast();
      if (!at) wait();
      else if (id(at.item) === id(one.item)) {
        queue = queue.filter((item) => id(item) !== id(one.item));
        at = null;
        advance();
      }
    };
    const said = (one) => [one.score, { yes: "watch", no: "no watch" }[one.watch]].filter(Boolean).join(" · ") || one.words;
    const fromService = [...chip.childNodes]; // What was judged before this page was loaded.
    const tellLast = () => {
      const last = past[past.length - 1];
      chip.replaceChildren();
      if (!last) {
        chip.append(...fromService);
        return;
      }
      const text = document.createElement("span");
      const strong = document.createElement("b");
      strong.textContent = said(last);
      text.append("Before: ", strong);
      const [back, undo] = ["Back", "Undo"].map((name) => {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "plain";
        button.textContent = name;
        return button;
      });
      back.addEventListener("click", goBack);
      undo.addEventListener("click", takeBack);
      chip.append(text, back, undo);
    };
    const remember = (one) => {
      queue = queue.filter((item) => id(item) !== id(one.item));
      past = past.filter((other) => id(other.item) !== id(one.item)).concat(one).slice(-20);
      tellLast();
    };
    const fields = (key) => ({ image: at.item.image, occurrence: at.item.occurrence, key });
    const judge = () => {
      if ((asks.score && !at.score) || (asks.watch && !at.watch)) {
        mark();
        return;
      }
      const before = at.before;
      const changed = !before || before.score !== at.score || before.watch !== at.watch;
      const key = changed ? newKey() : before.key;
      const one = { item: at.item, score: at.score, watch: at.watch, key };
      if (changed) {
        const shown = picture.getBoundingClientRect();
        const pixels = Math.round(Math.max(shown.width, shown.height) * (devicePixelRatio || 1));
        const seconds = ((performance.now() - at.shown) / 1000).toFixed(2);
        const answer = { ...fields(key), seconds, pixels };
        if (asks.score) answer.score = at.score;
        if (asks.watch) answer.watch = at.watch;
        // Silent repeats are no further images: both numbers stand still when all are judged, as the service counts them.
        const more = !before && Number(left.textContent) > 0 ? 1 : 0;
        sent(path, answer, at.item, { before, done: more, left: -more });
      }
      remember(one);
      advance();
    };
    const choose = (name, value) => {
      // What is not painted yet cannot be judged.
      if (!at || !at.shown || !asks[name]) return;
      at[name] = value;
      judge();
    };
    const skip = (kind, why) => {
      if (!at) return;
      const key = newKey();
      const fewer = kind === "cannot" && !at.before && Number(left.textContent) > 0 ? 1 : 0;
      sent(path, { ...fields(key), [kind]: why }, at.item, { before: at.before, done: 0, left: -fewer });
      remember({ item: at.item, score: "", watch: "", key, words: kind === "later" ? "later" : why });
      advance();
    };
    const goBack = () => {
      const last = past.pop();
      if (!last) {
        // Only the service knows what came before, such as after a reload.
        document.getElementById("back")?.click();
        return;
      }
      if (at && !at.before && !queue.some((item) => id(item) === id(at.item))) queue.unshift(at.item);
      tellLast();
      present(last.item, last.words ? undefined : last);
    };
    const takeBack = () => {
      const last = past.pop();
      if (!last) return;
      sent(`${path}/undo`, { key: last.key }, last.item, {
        before: last,
        done: last.words ? 0 : -1,
        left: last.words === "later" ? 0 : 1,
      });
      queue = [last.item].concat(queue.filter((item) => id(item) !== id(last.item)));
      tellLast();
      present(last.item);
    };
    const zoom = () => {
      if (!at) return;
      at.actual = !at.actual;
      stage.classList.toggle("actual", at.actual);
      if (at.actual) {
        const here = at;
        const full = new Image();
        full.src = at.item.full;
        full.decode().then(() => {
          if (at !== here || !at.actual) return;
          picture.src = full.src;
          picture.decode().then(fit);
        }, () => {});
      } else if (picture.getAttribute("src") !== at.item.src) {
        picture.src = at.item.src;
      }
      fit();
    };
    const explain = () => {
      if (help.open) help.close();
      else help.showModal();
    };

    // Without this script the guide stands below the picture; with it, it is a dialogue.
    help.close();
    document.getElementById("both")?.remove();
    for (const button of chip.querySelectorAll("form")) {
      button.addEventListener("submit", () => write(box()));
    }
    document.getElementById("help-link").addEventListener("click", (event) => {
      event.preventDefault();
      explain();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const { name, value } = event.submitter || {};
      if (name === "later" || name === "cannot") skip(name, value);
      else if (name) choose(name, value);
    });
    form.addEventListener("change", (event) => choose(event.target.name, event.target.value));
    picture.addEventListener("dblclick", zoom);
    window.addEventListener("resize", fit);
    const keys = {
      w: () => choose("watch", "yes"),
      n: () => choose("watch", "no"),
      s: () => skip("later", "1"),
      x: () => {
        cannot.open = !cannot.open;
        if (cannot.open) cannot.querySelector("button").focus();
      },
      z: zoom,
      "?": explain,
      backspace: goBack,
    };
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      if (help.open && event.key !== "?") return;
      const digit = /^(?:Digit|Numpad)([0-9])$/.exec(event.code);
      // The digit row counts by its place too: on a French keyboard it gives digits only with Shift.
      const placed = digit && !event.shiftKey ? digit[1] : "";
      const plain = event.key >= "0" && event.key <= "9" ? event.key : placed;
      const act = plain ? () => choose("score", plain === "0" ? "10" : plain) : keys[event.key.toLowerCase()];
      if (!act) return;
      event.preventDefault();
      act();
    });
    // A vote that is still in the outbox is not asked for again.
    const waiting = new Set(box().map((one) => `${one.fields.image} ${one.fields.occurrence}`));
    queue = queue.filter((item) => !waiting.has(id(item)));
    const shown = { image: picture.dataset.image, occurrence: Number(picture.dataset.occurrence) };
    const first = queue.find((item) => id(item) === id(shown));
    if (first) present(first);
    else if (picture.dataset.image && !waiting.has(id(shown))) {
      // An earlier one, with what was said about it.
      const chosen = (name) => form.querySelector(`[name=${name}][aria-pressed=true], [name=${name}]:checked`)?.value ?? "";
      const item = {
        ...shown,
        src: picture.getAttribute("src"),
        full: picture.dataset.full,
        width: Number(picture.getAttribute("width")),
        height: Number(picture.getAttribute("height")),
      };
      const before = { item, score: chosen("score"), watch: chosen("watch"), key: newKey() };
      present(item, before.score || before.watch ? before : undefined);
    } else if (queue.length > 0) present(queue[0]);
    else if (waiting.size > 0) advance();
    if (page.dataset.first === "true" && at) help.showModal();
    preload();
  }
  show("");
  send();
})();
