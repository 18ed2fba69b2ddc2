// The page: one state, and what follows from it.

const DATA = JSON.parse(byId("pathflow-data").textContent);
const SPACES = new Map();

const state = {
  sheet: 0, example: null, pattern: "", nodes: [], part: 100, order: "size", path: null, hovered: null,
};

function spaceOf(number) {
  if (!SPACES.has(number)) SPACES.set(number, new Space(DATA.spaces[number]));
  return SPACES.get(number);
}

// Numbers of a sheet that are decoded once.
function opened(sheet) {
  if (sheet.opened) return sheet.opened;
  const space = sheet.space === null ? null : spaceOf(sheet.space);
  const found = { space, raw: sheet.space === null ? null : DATA.spaces[sheet.space], paths: null };
  if (sheet.paths) {
    const { listed, ranks, places, influences } = sheet.paths;
    found.paths = new Paths(space, listed, places ?? ranks);
    found.table = decodeNumbers(influences);
  }
  if (sheet.flows) {
    found.along = decodeNumbers(sheet.flows.along);
    found.through = sheet.flows.through && decodeNumbers(sheet.flows.through);
  }
  if (sheet.classes) found.classes = decodeNumbers(sheet.classes.influences);
  found.parts = sheet.parts.map((p) => ({ ...p, table: decodeNumbers(p.influences) }));
  sheet.opened = found;
  return found;
}

// A sheet at one example, or at the mean: everything that the panels read.
function makeView() {
  const sheet = DATA.sheets[state.sheet];
  const open = opened(sheet);
  const row = sheet.perExample ? state.example : null;
  const { space, paths } = open;
  const of = (table, n) => rowOf(table, n, table.length > n ? row : null);
  const totals = Float64Array.from(sheet.totals);
  const labels = sheet.columns.length ? sheet.columns : open.raw?.layout?.columns;
  const view = {
    sheet, space, paths, layout: open.raw?.layout ? { ...open.raw.layout, columns: labels } : null, shape: open.raw?.shape ?? [],
    total: rowOf(totals, 1, row)[0],
    parts: open.parts.map((p) => ({ ...p, influences: of(p.table, p.names.length) })),
    rankText: (position) => sheet.paths.ranks?.[position] ?? String(position),
    unseen: null, values: null, whole: null,
  };
  if (paths) {
    view.values = of(open.table, paths.n);
    view.order = byMagnitude(view.values);
  }
  if (sheet.paths?.unseen) {
    const { sums } = sheet.paths.unseen;
    const sum = rowOf(Float64Array.from(sums), 1, sums.length > 1 ? row : null)[0];
    // What bounds the mean bounds no single example.
    const bound = row === null ? sheet.paths.unseen.bound : null;
    view.unseen = { ...sheet.paths.unseen, sum, bound };
  }
  if (open.along) {
    const along = of(open.along, space.edges.length);
    const through = open.through ? of(open.through, space.nodes.length) : nodeFlows(space, along);
    view.whole = { along, through };
  }
  if (open.classes) view.classes = of(open.classes, sheet.classes.names.length);
  return view;
}

let view = null;
let choice = null;
let graph = null;
let list = null;

// The pattern box: its automaton, or the error that it shows.
function readPattern() {
  const error = byId("pattern-error");
  error.hidden = true;
  byId("pattern").removeAttribute("aria-invalid");
  if (!state.pattern.trim()) return null;
  try {
    return view.paths.match(new Automaton(parsePattern(state.pattern), view.space.nodes));
  } catch (problem) {
    if (!(problem instanceof PatternError) && !(problem instanceof RangeError)) throw problem;
    const text = problem instanceof PatternError ? problem.message : "the pattern is too long.";
    error.replaceChildren(make("p", {}, text), make("pre", {}, problem.excerpt ?? ""));
    error.hidden = false;
    byId("pattern").setAttribute("aria-invalid", "true");
    return null;
  }
}

function choose() {
  const { paths, values, order } = view;
  const matched = readPattern();
  const through = state.nodes.length ? paths.through(state.nodes) : null;
  let matching = order;
  if (matched) matching = masked(matching, matched.mask);
  if (through) matching = masked(matching, through);
  const shown = matching.subarray(0, smallestCover(values, matching, state.part / 100));
  const mask = new Uint8Array(paths.n);
  shown.forEach((i) => { mask[i] = 1; });
  const filtered = Boolean(matched || through);
  const whole = !filtered && state.part >= 100 && view.whole;
  const along = whole ? whole.along : paths.edgeFlows(values, mask);
  view.flows = whole || { along, through: nodeFlows(view.space, along) };
  const absolute = new Sum();
  matching.forEach((i) => absolute.add(Math.abs(values[i])));
  choice = {
    matching, shown, part: state.part, filtered, matchCount: matched && !through ? matched.count : null,
    sumMatching: sumOf(values, matching), sumShown: sumOf(values, shown), absolute: absolute.value,
    rows: ordering(shown, values), whole: Boolean(whole),
  };
  if (matched && !matching.length && !through && !Number(matched.count)) {
    const error = byId("pattern-error");
    const automaton = new Automaton(parsePattern(state.pattern), view.space.nodes);
    const cut = isCut(view.sheet) ? " The graph was cut, so that only paths along the drawn edges were looked at." : "";
    error.replaceChildren(make("p", {}, explainNoMatch(view.space, automaton) + cut));
    error.hidden = false;
  }
}

function ordering(shown, values) {
  const by = {
    size: null, up: (a, b) => values[b] - values[a] || a - b, down: (a, b) => values[a] - values[b] || a - b,
    // Listed ranks may be beyond a Number, and are no sum of two.
    rank: (a, b) => (view.paths.rank(a) < view.paths.rank(b) ? -1 : 1),
  }[state.order];
  return by ? shown.slice().sort(by) : shown;
}

function pathCells(i) {
  const position = choice.rows[i];
  const value = view.values[position];
  const path = view.paths.path(position);
  return [
    make("span", { class: "place", role: "gridcell" }, counted(i + 1)),
    make("span", { class: "number", role: "gridcell", title: exact(value) }, signed(value)),
    bar(value, Math.abs(view.values[view.order[0]])),
    make("span", { class: "share", role: "gridcell" }, shareOf(value)),
    make("span", { class: "labels", role: "gridcell", title: view.space.text(path) },
      compactPath(view.space, path.slice(view.space.sources.length > 1 ? 0 : 1, -1)) || "(nothing between)"),
  ];
}

// Of the absolute sum of what is chosen; where that is not all that there is, of the total.
function shareOf(value) {
  return view.paths.ranks === null ? percent(Math.abs(value), choice.absolute) : percent(value, view.total);
}

function listHead() {
  const { space, paths } = view;
  const several = space.sources.length > 1;
  const between = several ? `nodes before ${space.labels[space.target]}`
    : `nodes between ${space.labels[space.sources[0]]} and ${space.labels[space.target]}`;
  const share = paths.ranks === null ? "of the absolute sum of the chosen paths" : "of the total";
  byId("list-head").replaceChildren(...[["", ""], ["influence", ""], ["", ""], ["share", share], [between, ""]]
    .map(([text, title]) => make("span", { title }, text)));
}

// Entries of a list that is not of paths: classes, or nodes.
function entryList() {
  const { sheet, space } = view;
  if (view.classes) {
    const counts = sheet.classes.counts;
    return sheet.classes.names.map((name, i) => ({
      name: counts ? `${name}  (${plural(counts[i], "path")})` : name, value: view.classes[i],
    }));
  }
  return space.labels.map((name, i) => ({ name, value: view.whole.through[i] }));
}

function aboutFlows() {
  const { sheet } = view;
  if (!view.paths) return "on all paths of the result";
  if (choice.whole || (!choice.filtered && state.part >= 100 && view.paths.ranks === null)) return "on all paths";
  return sheet.paths.ranks ? "on the listed paths chosen" : `on the ${plural(choice.shown.length, "path")} chosen`;
}

function render() {
  const chosen = new Set(state.nodes);
  if (view.paths) {
    choose();
    byId("summary").replaceChildren(...summary(view, choice));
    byId("cover-value").textContent = state.part >= 100 ? "all" : `${state.part}%`;
    const column = state.path === null ? -1 : choice.rows.indexOf(state.path);
    list.show(choice.rows.length, column);
    byId("list-title").textContent = plural(choice.rows.length, "path");
  } else {
    view.flows = view.whole;
    list.show(0);
  }
  chips();
  if (view.space) {
    const path = state.path === null ? null : view.paths.path(state.path);
    const divided = new Set(view.parts.map((p) => view.space.labels.indexOf(p.node)));
    graph.update(view.flows, { chosen, path, divided });
  }
  details();
  pathDetails();
}

function chips() {
  byId("chips").replaceChildren(...state.nodes.map((n) => make("button", {
    type: "button", class: "chip", "aria-label": `Through ${view.space.labels[n]}; remove`,
    on: { click: () => toggleNode(n) },
  }, "through ", make("code", {}, view.space.labels[n]), " ×")));
}

function details() {
  if (!view.space) return;
  const node = state.hovered ?? state.nodes.at(-1) ?? null;
  byId("details").replaceChildren(...(node === null
    ? overview(view, aboutFlows()) : nodePanel(view, node, aboutFlows())));
}

function pathDetails() {
  const box = byId("path");
  box.hidden = state.path === null;
  if (state.path === null) return;
  box.replaceChildren(...pathPanel(view, state.path, view.values[state.path], (text) => {
    byId("pattern").value = text;
    state.pattern = text;
    render();
  }, () => { state.path = null; render(); }));
}

function toggleNode(node) {
  state.nodes = state.nodes.includes(node) ? state.nodes.filter((n) => n !== node) : [...state.nodes, node];
  if (view.paths) render();
  else details();
}

function hover(node, event) {
  const tip = byId("tip");
  const changed = state.hovered !== node;
  state.hovered = node;
  if (changed) details();
  tip.hidden = node === null || event === null;
  if (tip.hidden) return;
  if (changed) tip.replaceChildren(...tipContent(view, node));
  const { innerWidth, innerHeight } = window;
  const { width, height } = tip.getBoundingClientRect();
  const x = event.clientX + 16 + width > innerWidth ? event.clientX - width - 12 : event.clientX + 16;
  tip.style.left = `${Math.max(4, x)}px`;
  tip.style.top = `${Math.max(4, Math.min(event.clientY + 14, innerHeight - height - 6))}px`;
}

// After another sheet or example: what is chosen stays where its nodes and paths are the same.
function open() {
  const before = view;
  const labels = before?.space ? state.nodes.map((n) => before.space.labels[n]) : [];
  view = makeView();
  const { sheet, space, paths } = view;
  const same = before && before.sheet === sheet;
  if (!same) {
    state.path = null;
    state.nodes = space ? labels.map((l) => space.labels.indexOf(l)).filter((n) => n >= 0) : [];
    state.hovered = null;
  }
  heading();
  const drawn = Boolean(space && space.edges.length);
  byId("left").hidden = !drawn;
  byId("main").classList.toggle("single", !drawn);
  byId("choose").hidden = !paths;
  byId("order-label").hidden = !paths;
  if (drawn && !same) graph.show(space, view.layout);
  byId("list").hidden = !paths;
  byId("list-head").hidden = !paths;
  if (paths) listHead();
  byId("other")?.remove();
  if (!paths) byId("list-card").append(otherList());
  trustPanel(sheet);
  render();
}

// Sums over classes, or through nodes, in the place of paths.
function otherList() {
  byId("list-title").textContent = view.classes ? "Classes of paths" : "Through nodes";
  const note = view.sheet.classes?.overlapping
    ? make("p", { class: "faint" }, "Classes overlap: a path in several counts in each, and once in the total.") : null;
  return make("div", { id: "other", class: "rows" }, barList(entryList(), 500, view.total), note);
}

function heading() {
  const { sheet, paths, total } = view;
  byId("heading").textContent = sheet.heading;
  const mean = sheet.batch !== null && state.example === null;
  const counts = paths ? [["paths", counted(sheet.paths.count)]] : [];
  figures([[mean ? `total, mean of ${sheet.batch}` : "total", signed(total, 6), exact(total)], ...counts]);
  [...byId("sheets").children].forEach((b, i) => {
    b.setAttribute("aria-checked", String(i === state.sheet));
    b.tabIndex = i === state.sheet ? 0 : -1;
  });
  byId("examples-label").hidden = sheet.batch === null;
  const select = byId("examples");
  const name = (e) => sheet.examples[e] ?? `example ${e}`;
  const each = sheet.perExample ? [...Array(sheet.batch ?? 0).keys()] : [];
  select.replaceChildren(make("option", { value: "mean" }, `mean of all ${sheet.batch}`),
    ...each.map((e) => make("option", { value: e }, name(e))));
  select.value = state.example === null ? "mean" : String(state.example);
  select.disabled = !sheet.perExample;
  select.title = sheet.perExample ? "" : "Only the mean is in this page: see the notes below.";
}

function switchTo(i) {
  const sheet = DATA.sheets[i];
  state.sheet = i;
  if (state.example !== null && (!sheet.perExample || state.example >= (sheet.batch ?? 0))) state.example = null;
  open();
  list.top();
}

function wire() {
  byId("title").textContent = DATA.title;
  const sheets = byId("sheets");
  sheets.hidden = DATA.sheets.length < 2;
  sheets.append(...DATA.sheets.map((s, i) => make("button", {
    type: "button", role: "radio", on: { click: () => switchTo(i) },
  }, s.name)));
  sheets.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    switchTo((state.sheet + step + DATA.sheets.length) % DATA.sheets.length);
    sheets.children[state.sheet].focus();
  });
  byId("examples").addEventListener("change", ({ target }) => {
    state.example = target.value === "mean" ? null : Number(target.value);
    open();
  });
  byId("pattern").addEventListener("input", ({ target }) => {
    state.pattern = target.value;
    render();
    list.top();
  });
  byId("cover").addEventListener("input", ({ target }) => {
    state.part = Number(target.value);
    render();
  });
  byId("order").addEventListener("change", ({ target }) => {
    state.order = target.value;
    render();
    list.top();
  });
  byId("zoom-in").addEventListener("click", () => graph.zoomBy(1.4));
  byId("zoom-out").addEventListener("click", () => graph.zoomBy(1 / 1.4));
  byId("zoom-fit").addEventListener("click", () => graph.fit());
  byId("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  document.addEventListener("keydown", (event) => {
    const typing = ["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName);
    if (event.key === "/" && !typing) {
      byId("pattern").focus();
      event.preventDefault();
    }
    if (event.key === "Escape") {
      state.path = null;
      state.nodes = [];
      for (const id of ["help", "trust", "notes", "about"]) byId(id).open = false;
      render();
    }
  });
  document.addEventListener("click", ({ target }) => {
    for (const open of document.querySelectorAll("footer details[open]")) {
      if (!open.contains(target)) open.open = false;
    }
  });
  new ResizeObserver(() => graph.resize()).observe(byId("graph"));
  new ResizeObserver(() => list.draw()).observe(byId("list"));
}

graph = new GraphView(byId("graph"), { hover, choose: toggleNode });
list = new ListView(byId("list"), {
  cells: pathCells,
  choose: (i) => { state.path = state.path === choice.rows[i] ? null : choice.rows[i]; render(); },
});
wire();
open();
