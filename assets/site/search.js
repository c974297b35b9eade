// The search, and a button to copy commands. Without this script the search form asks the server.
"use strict";

(() => {
  const here = document.currentScript.dataset;
  const input = document.getElementById("q");
  const list = document.getElementById("hits");
  const results = document.getElementById("results");
  const HITS_MAX = 30, WORDS_MAX = 8, BEFORE = 50, BEHIND = 130;

  // The index is loaded when somebody begins to search; as a script, so that it works from a disk.
  let loading;
  const index = () => loading ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = here.index;
    script.onload = () => done(SATCHEL_INDEX.map((entry) => ({
      entry, lower: [entry[3], entry[1], entry[4]].map((text) => text.toLowerCase()),
    })));
    script.onerror = failed;
    document.head.append(script);
  });

  // As in src/docs/search.rs: all words, and what stands in a heading first.
  const search = (sections, text) => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean).slice(0, WORDS_MAX);
    if (!words.length) return [];
    const found = [];
    for (const { entry, lower } of sections) {
      const weights = words.map((word) =>
        [12, 6, 1].reduce((sum, weight, place) => sum + (lower[place].includes(word) ? weight : 0), 0));
      if (weights.every(Boolean)) {
        found.push({ entry, lower, word: words[0], weight: weights.reduce((a, b) => a + b) });
      }
    }
    return found.sort((a, b) => b.weight - a.weight).slice(0, HITS_MAX);
  };

  const element = (name, className, text) => {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text) made.textContent = text;
    return made;
  };

  const shown = ({ entry: [page, title, anchor, heading, text], lower, word }) => {
    const item = element("li");
    const link = element("a", "", heading || title);
    link.href = here.root + page + ".html" + (anchor && "#" + anchor);
    if (heading) link.append(" ", element("small", "", title));
    const at = Math.max(lower[2].indexOf(word), 0), begin = Math.max(at - BEFORE, 0);
    const end = at + word.length + BEHIND;
    const excerpt = element("p");
    excerpt.append((begin ? "…" : "") + text.slice(begin, at),
      element("mark", "", text.slice(at, lower[2].includes(word) ? at + word.length : at)),
      text.slice(lower[2].includes(word) ? at + word.length : at, end) + (end < text.length ? "…" : ""));
    item.append(link, excerpt);
    return item;
  };

  const show = async (text, into) => {
    const hits = search(await index(), text);
    // Somebody may have typed on meanwhile.
    if (into === list && input.value !== text) return;
    const count = hits.length ? `${hits.length} found` : "Nothing found";
    const status = element("p", "count", count);
    status.setAttribute("role", "status");
    const items = element("ul", "found");
    items.append(...hits.map(shown));
    into.replaceChildren(status, items);
  };

  const close = () => { list.hidden = true; };
  input.addEventListener("focus", index, { once: true });
  input.addEventListener("input", () => {
    list.hidden = !input.value.trim();
    if (!list.hidden) show(input.value, list);
  });
  document.addEventListener("click", (event) => { if (!event.target.closest(".search")) close(); });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      input.focus();
    } else if (event.key === "Escape" && !list.hidden) {
      close();
      input.focus();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && event.target.closest(".search")) {
      const stops = [input, ...list.querySelectorAll("a")];
      const next = stops[stops.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1)];
      if (next && !list.hidden) { event.preventDefault(); next.focus(); }
    }
  });

  // The page of a search, where no server has filled it.
  const asked = new URLSearchParams(location.search).get("q");
  if (asked) input.value = asked;
  if (results && asked && !results.children.length) show(asked, results);

  if (navigator.clipboard) {
    for (const block of document.querySelectorAll("pre.console")) {
      const button = element("button", "copy", "Copy");
      button.type = "button";
      button.addEventListener("click", async () => {
        const commands = [...block.querySelectorAll("b")].map((command) => command.textContent);
        await navigator.clipboard.writeText(commands.join("\n") + "\n");
        button.textContent = "Copied";
        setTimeout(() => { button.textContent = "Copy"; }, 2000);
      });
      const around = element("div", "copyable");
      block.replaceWith(around);
      around.append(block, button);
    }
  }
})();
