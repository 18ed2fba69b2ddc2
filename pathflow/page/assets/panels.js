// What is said about a node, a path, the choice made, and how far all of it can be trusted.

// What flows in and out of a node: {inflow, outflow} as lists of {name, value}.
function flowsAt(space, along, node) {
  const inflow = [];
  const outflow = [];
  space.edges.forEach(([u, v], e) => {
    if (v === node) inflow.push({ name: space.labels[u], value: along[e] });
    if (u === node) outflow.push({ name: space.labels[v], value: along[e] });
  });
  return { inflow, outflow };
}

function nodePanel(view, node, about) {
  const { space, flows, total } = view;
  const { inflow, outflow } = flowsAt(space, flows.along, node);
  const through = flows.through[node];
  const list = (title, entries, none) => make("div", { class: "column" }, make("h3", {}, title),
    entries.length ? barList(entries, 5, through) : make("p", { class: "none" }, none));
  return [
    make("div", { class: "head" }, make("strong", {}, space.labels[node]),
      make("span", { class: "number", title: exact(through) }, `${signed(through, 6)} through it`),
      make("span", { class: "share" }, `${percent(through, total)} of the total`),
      make("small", {}, about)),
    make("div", { class: "columns" },
      list("flows in from", inflow, "A source: paths start here."),
      list("flows out to", outflow, "The target: paths end here."),
      ...view.parts.filter((p) => p.node === space.labels[node]).map(partsColumn)),
  ];
}

function partsColumn({ paths, names, influences }) {
  const entries = names.map((name, i) => ({ name: `[${name}]`, value: influences[i] }));
  const sum = new Sum();
  influences.forEach((value) => sum.add(value));
  return make("div", { class: "column parts" },
    make("h3", { title: paths }, `its ${counted(names.length)} parts on `, make("code", {}, paths)),
    barList(entries, 6, sum.value));
}

function tipContent(view, node) {
  const { space, flows } = view;
  const { inflow, outflow } = flowsAt(space, flows.along, node);
  const line = (title, entries) => (entries.length ? [make("dt", {}, title),
    ...entries.sort((a, b) => Math.abs(b.value) - Math.abs(a.value)).slice(0, 4).map(({ name, value }) =>
      make("dd", {}, make("span", {}, shortened(name, 26)), make("b", {}, signed(value, 6)))),
    ...(entries.length > 4 ? [make("dd", {}, `and ${entries.length - 4} more`)] : [])] : []);
  return [
    make("strong", {}, space.labels[node]), make("em", {}, `shape ${view.shape[node]}`),
    make("p", {}, `${signed(flows.through[node], 6)} flows through`),
    make("dl", {}, ...line("in from", inflow), ...line("out to", outflow)),
    view.paths ? make("small", {}, "click: the paths through it") : "",
  ];
}

function pathPanel(view, position, value, onPattern, onClose) {
  const path = view.paths.path(position);
  return [
    make("div", { class: "head" },
      make("strong", { title: exact(value) }, signed(value, 9)),
      make("span", { class: "share" }, `${percent(value, view.total)} of the total`),
      make("small", { title: `rank ${view.rankText(position)}` },
        `rank ${counted(view.rankText(position))}`),
      make("span", { class: "buttons" },
        make("button", { type: "button", on: { click: () => onPattern(patternOf(view.space, path)) } }, "as pattern"),
        make("button", { type: "button", "aria-label": "Let go of this path", on: { click: onClose } }, "×"))),
    make("code", { class: "labels" }, view.space.text(path)),
  ];
}

// The sums over what is chosen, in sentences with their exact numbers.
function summary(view, choice) {
  const { paths, unseen, total } = view;
  const { matching, shown, sumMatching, sumShown, matchCount, part, filtered } = choice;
  const number = (value) => make("b", { title: exact(value) }, signed(value, 6));
  const held = paths.ranks === null;
  const lines = [];
  const first = make("p", {}, make("strong", {}, counted(matching.length)),
    held ? ` of ${plural(paths.n, "path")}` : ` of ${counted(paths.n)} listed paths`,
    filtered ? " match" : "", ", together ", number(sumMatching), ", ",
    make("strong", {}, percent(sumMatching, total)), " of the total");
  lines.push(first);
  if (shown.length < matching.length) {
    lines.push(make("p", {}, make("strong", {}, counted(shown.length)), ` of them reach ${part}% of their `,
      "absolute sum, together ", number(sumShown), ", ", make("strong", {}, percent(sumShown, total)),
      " of the total"));
  }
  if (unseen && unseen.count !== "0") {
    const also = filtered && matchCount !== null ? countedIn(view, matchCount) : "";
    lines.push(make("p", { class: "faint" }, also, `Not listed: ${plural(unseen.count, "path")}, together `,
      number(unseen.sum), unseen.bound === null ? "" : `, each at most ${unsigned(unseen.bound)}`));
  }
  return lines;
}

// How many paths match, and among which: a graph that was cut has fewer than the result.
function countedIn({ sheet, paths }, matchCount) {
  const all = counted(sheet.paths.count);
  const among = isCut(sheet)
    ? `Of the ${plural(paths.space.count, "path")} along the drawn edges ${counted(matchCount)} match. The graph ` +
      `was cut to these edges: how many of all ${all} paths match is not known here. The sum`
    : `Of all ${all} paths ${counted(matchCount)} match; the sum`;
  return `${among} is over the listed ones. `;
}

// Whether the graph has the edges of the listed paths alone.
function isCut(sheet) {
  return Boolean(sheet.paths?.places);
}

function trustPanel(sheet) {
  byId("trust").classList.toggle("failed", !sheet.trusted);
  byId("verdict").textContent = `${sheet.trusted ? "✓" : "✗"} ${sheet.audit[0].split(":")[0]}`;
  byId("audit").replaceChildren(...sheet.audit.map((text) => make("p", {}, text)));
  byId("notes").hidden = !sheet.notes.length;
  byId("notes-head").textContent = `Left out here: ${sheet.notes.join(" ")}`;
  byId("notes-all").replaceChildren(...sheet.notes.map((text) => make("p", {}, text)));
}

// What there is to say of a graph while no node is pointed at: where the most flows.
function overview(view, about) {
  const { space, flows, total } = view;
  const entries = space.edges.map(([u, v], e) => (
    { name: `${space.labels[u]} → ${space.labels[v]}`, value: flows.along[e] }));
  const column = (title, sign) => {
    const some = entries.filter(({ value }) => sign * value > 0)
      .sort((a, b) => Math.abs(b.value) - Math.abs(a.value)).slice(0, 5);
    return make("div", { class: "column" }, make("h3", {}, title),
      some.length ? barList(some, 5, total) : make("p", { class: "none" }, "none"));
  };
  return [
    make("div", { class: "head" },
      make("span", { class: "none" }, "Point at a node: what flows in and out.",
        view.paths ? " Click: the paths through it." : "",
        view.parts.length ? " Blue outline: taken apart." : ""),
      make("small", {}, about)),
    make("div", { class: "columns" }, column("largest positive flows", 1), column("largest negative flows", -1)),
  ];
}

function figures(entries) {
  byId("figures").replaceChildren(...entries.flatMap(([name, text, title]) => [
    make("div", { title: title ?? null }, make("dt", {}, name), make("dd", {}, text))]));
}
