"use strict";
// Shows the rows of the page: only those in sight are elements. Text from the data gets
// into the page as textContent and never as markup.
(async () => {
  const $ = (id) => document.getElementById(id);
  const read = async () => {
    const text = $("data").textContent;
    if ($("data").dataset.form === "json") return JSON.parse(text);
    const bytes = atob(text), packed = new Uint8Array(bytes.length);
    for (let i = 0; i < bytes.length; i++) packed[i] = bytes.charCodeAt(i);
    return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
  };

  let data;
  try {
    data = await read();
  } catch {
    $("count").textContent = "This browser cannot unpack the rows: use a newer one.";
    return;
  }

  const cols = data.columns, n = data.rows, height = 38, mostPrinted = 2000;
  const view = $("view"), body = $("body"), pad = $("pad"), q = $("q");
  const cell = (c, row) => (c.dict ? c.dict[c.index[row]] : c.values[row]);
  const state = { q: "", sort: "", picked: {} };
  let rows = [], printed = false;

  // element makes an element; a text is text whatever it says.
  function element(tag, role, text, name) {
    const e = document.createElement(tag);
    if (role) e.setAttribute("role", role);
    if (name) e.className = name;
    e.textContent = text;
    return e;
  }

  function rowElement(at) {
    const tr = element("div", "row", "", at % 2 ? "row odd" : "row");
    tr.setAttribute("aria-rowindex", at + 2);
    for (const c of cols) {
      const text = cell(c, rows[at]);
      const td = element("span", "cell", text, (c.tones && c.tones[c.index[rows[at]]]) || "");
      if (text.length > 24) td.title = text;
      tr.append(td);
    }
    return tr;
  }

  function draw() {
    pad.style.height = printed ? "auto" : rows.length * height + "px"; // which the height of the view follows
    const first = printed ? 0 : Math.max(0, Math.floor(view.scrollTop / height) - 10);
    const end = Math.min(rows.length, printed ? mostPrinted : first + Math.ceil(view.clientHeight / height) + 20);
    const list = document.createDocumentFragment();
    for (let at = first; at < end; at++) list.append(rowElement(at));
    body.style.transform = printed ? "none" : "translateY(" + first * height + "px)";
    body.replaceChildren(list);
  }

  // passing says for each value of a column whether it passes a test; null where it has none.
  const passing = (c, test) => (c.dict ? Uint8Array.from(c.dict, (v) => (test(v) ? 1 : 0)) : null);

  function filtered() {
    const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length > 0) for (const c of cols) if (c.values) c.lower ||= c.values.map((v) => v.toLowerCase());
    const has = words.map((w) => cols.map((c) => passing(c, (v) => v.toLowerCase().includes(w))));
    const picks = cols.filter((c) => state.picked[c.key] !== undefined).map((c) => {
      const want = state.picked[c.key];
      return [c, passing(c, (v) => (c.many ? v.split(data.separator).includes(want) : v === want))];
    });

    const out = [];
    next: for (let row = 0; row < n; row++) {
      for (const [c, ok] of picks) if (!ok[c.index[row]]) continue next;
      for (let w = 0; w < words.length; w++) {
        if (!cols.some((c, i) => (has[w][i] ? has[w][i][c.index[row]] : c.lower[row].includes(words[w])))) continue next;
      }
      out.push(row);
    }
    return out;
  }

  // ranks returns the place of each row in the order of a column.
  function ranks(c) {
    if (c.index) return c.index;
    if (!c.ranks) {
      c.ranks = new Uint32Array(n);
      [...c.values.keys()].sort((a, b) => (c.values[a] < c.values[b] ? -1 : c.values[a] > c.values[b] ? 1 : a - b)).forEach((row, rank) => { c.ranks[row] = rank; });
    }
    return c.ranks;
  }

  function update() {
    rows = filtered();
    const down = state.sort[0] === "-", by = cols.find((c) => c.key === (down ? state.sort.slice(1) : state.sort));
    if (by) {
      const rank = ranks(by), turn = down ? -1 : 1;
      rows.sort((a, b) => turn * (rank[a] - rank[b]) || a - b);
    }

    for (const c of cols) {
      c.header.setAttribute("aria-sort", c !== by ? "none" : down ? "descending" : "ascending");
      if (c.select) c.select.value = state.picked[c.key] === undefined ? "" : "=" + state.picked[c.key];
    }
    if (q.value !== state.q) q.value = state.q;
    const all = rows.length === n, unseen = cols.filter((c) => !c.select && state.picked[c.key] !== undefined);
    $("count").textContent = (all ? n + (n === 1 ? " row" : " rows") : rows.length + " of " + n + " rows") + unseen.map((c) => ", " + c.title + ": " + state.picked[c.key]).join("");
    $("table").setAttribute("aria-rowcount", rows.length + 1);
    $("more").textContent = rows.length > mostPrinted ? "Only the first " + mostPrinted + " of " + rows.length + " rows are printed." : "";
    view.scrollTop = 0;
    draw();
  }

  // The filter stands in the fragment of the address, so that a link can carry it.
  function load() {
    const p = new URLSearchParams(location.hash.slice(1));
    state.q = p.get("q") || "";
    state.sort = p.get("sort") || "";
    state.picked = {};
    for (const c of cols) if (c.choices && c.choices.has(p.get(c.key))) state.picked[c.key] = p.get(c.key);
    update();
  }

  function save() {
    const p = new URLSearchParams();
    if (state.q) p.set("q", state.q);
    for (const c of cols) if (state.picked[c.key] !== undefined) p.set(c.key, state.picked[c.key]);
    if (state.sort) p.set("sort", state.sort);
    history.replaceState(null, "", "#" + p);
    update();
  }

  // choices counts the rows by the values of a column.
  function choices(c) {
    const uses = new Uint32Array(c.dict.length), count = new Map();
    for (const i of c.index) uses[i]++;
    c.dict.forEach((v, i) => {
      for (const part of c.many ? v.split(data.separator) : [v]) count.set(part, (count.get(part) || 0) + uses[i]);
    });
    return count;
  }

  function facet(c) {
    c.select = document.createElement("select");
    c.select.id = "f-" + c.key;
    c.select.setAttribute("aria-label", "Filter by " + c.title.toLowerCase());
    c.select.append(new Option(c.title + ": all", ""));
    for (const [v, k] of c.choices) c.select.append(new Option((v || "none") + " (" + k + ")", "=" + v));
    c.select.addEventListener("change", () => {
      if (c.select.value === "") delete state.picked[c.key];
      else state.picked[c.key] = c.select.value.slice(1);
      save();
    });
    $("facets").append(c.select);
  }

  for (const c of cols) {
    if (!c.dict) c.values ||= [];
    c.header = element("span", "columnheader", "");
    const button = element("button", "", c.title);
    button.type = "button";
    button.addEventListener("click", () => {
      state.sort = state.sort === c.key ? "-" + c.key : state.sort === "-" + c.key ? "" : c.key;
      save();
    });
    c.header.append(button);
    $("head").append(c.header);
    if (c.index) c.choices = choices(c);
    if (c.facet && c.choices.size > 1) facet(c);
  }
  $("table").after(Object.assign(element("p", "", ""), { id: "more" }));
  $("table").style.setProperty("--columns", cols.map((c) => "minmax(0, " + c.width + "fr)").join(" "));
  $("tools").hidden = $("table").hidden = false;

  q.addEventListener("input", () => { state.q = q.value; save(); });
  $("reset").addEventListener("click", () => { Object.assign(state, { q: "", sort: "", picked: {} }); save(); q.focus(); });
  view.addEventListener("scroll", () => requestAnimationFrame(draw), { passive: true });
  addEventListener("resize", draw);
  addEventListener("hashchange", load);
  document.querySelector(".skip").addEventListener("click", (e) => { e.preventDefault(); $("rows").focus(); }); // the fragment is the filter's
  addEventListener("beforeprint", () => { printed = true; draw(); });
  addEventListener("afterprint", () => { printed = false; draw(); });
  load();
  document.documentElement.dataset.ready = Math.ceil(performance.now());
})();
