// The drawn graph: edges as wide as the influence along them, nodes to hover, click and walk between.

const MARGIN = { left: 74, right: 14, top: 8, bottom: 26 };
// Pixels that a letter of a row's name takes, and how many letters a name may have at least and at most.
const LETTER = 7;
const ROW_LETTERS = [10, 20];
const WIDEST = 11;
const THINNEST = 0.7;
// An edge under this part of the largest is drawn as carrying nothing.
const VISIBLE = 0.004;

class GraphView {
  // handlers: {hover(node or null, event), choose(node)}.
  constructor(svg, handlers) {
    this.svg = d3.select(svg);
    this.handlers = handlers;
    this.svg.append("clipPath").attr("id", "plot").append("rect");
    this.bands = this.svg.append("g").attr("clip-path", "url(#plot)").append("g");
    const plot = this.svg.append("g").attr("clip-path", "url(#plot)");
    this.world = plot.append("g");
    for (const name of ["edges", "path", "nodes"]) this[name] = this.world.append("g").attr("class", name);
    this.rows = this.svg.append("g").attr("class", "axis");
    this.columns = this.svg.append("g").attr("class", "axis");
    this.zoom = d3.zoom().on("zoom", ({ transform }) => this.moved(transform));
    this.svg.call(this.zoom).on("dblclick.zoom", null);
    this.svg.on("keydown", (event) => this.key(event));
    this.focused = 0;
    this.flows = null;
  }

  // A graph, and where its nodes are.
  show(space, layout) {
    this.space = space;
    this.layout = layout;
    // What flowed through the graph before says nothing of this one.
    this.flows = null;
    this.focused = space.sources[0] ?? 0;
    this.resize();
  }

  resize() {
    const { width, height } = this.svg.node().getBoundingClientRect();
    if (!this.space || width < 50 || height < 50) return;
    const [fewest, most] = ROW_LETTERS;
    this.letters = Math.min(most, Math.max(fewest, Math.floor(width / 50)));
    const longest = d3.max(this.layout?.rows ?? [], (name) => shortened(name, this.letters).length) ?? 0;
    this.left = this.layout ? Math.max(MARGIN.left, LETTER * longest + 18) : 6;
    const below = this.layout ? MARGIN.bottom : 6;
    this.size = [width - this.left - MARGIN.right, height - MARGIN.top - below];
    this.placed = place(this.space, this.layout, ...this.size);
    this.svg.select("#plot rect").attr("x", this.layout ? this.left - 8 : 0).attr("y", MARGIN.top)
      .attr("width", this.size[0] + 16).attr("height", this.size[1]);
    this.draw();
    this.fit();
  }

  fit() {
    const { width, height } = this.placed;
    const scale = Math.min(this.size[0] / width, this.size[1] / height, 1.4);
    this.zoom.scaleExtent([scale * 0.6, Math.max(8, scale * 8)]);
    const x = this.left + (this.size[0] - scale * width) / 2;
    const y = MARGIN.top + (this.size[1] - scale * height) / 2;
    this.svg.call(this.zoom.transform, d3.zoomIdentity.translate(x, y).scale(scale));
  }

  zoomBy(factor) {
    this.svg.call(this.zoom.scaleBy, factor);
  }

  draw() {
    const { placed, space, handlers } = this;
    this.bands.selectAll("rect").data(placed.columns.filter((_, i) => i % 2 === 0)).join("rect")
      .attr("class", "band").attr("x", (c) => c.from).attr("y", -10 * placed.height)
      .attr("width", (c) => c.wide).attr("height", 21 * placed.height);
    this.lines = this.edges.selectAll("path").data(space.edges.map((_, e) => e), (e) => e).join("path")
      .attr("d", (e) => placed.lines[e]).attr("data-edge", (e) => e);
    this.path.selectAll("*").remove();
    const nodes = this.nodes.selectAll("g").data(space.labels.map((_, i) => i), (i) => i).join((enter) => {
      const group = enter.append("g").attr("class", "node").attr("role", "button");
      group.append("rect").attr("class", "shape");
      group.append("circle").attr("class", "hit");
      group.append("circle").attr("class", "shape");
      group.append("text");
      return group;
    });
    nodes.attr("transform", (i) => `translate(${placed.x[i]},${placed.y[i]})`)
      .attr("data-node", (i) => space.labels[i])
      .attr("tabindex", (i) => (i === this.focused ? 0 : -1))
      .on("mouseenter mousemove", (event, i) => handlers.hover(i, event))
      .on("mouseleave", () => handlers.hover(null, null))
      .on("focus", (_, i) => { this.focused = i; handlers.hover(i, null); })
      .on("blur", () => handlers.hover(null, null))
      .on("click", (_, i) => handlers.choose(i));
    nodes.select("text").text((i) => placed.boxes?.[i].text ?? "").attr("dy", "0.35em");
    nodes.select("rect").attr("rx", 7).attr("visibility", placed.boxes ? null : "hidden")
      .attr("x", (i) => -(placed.boxes?.[i].width ?? 0) / 2).attr("y", -BOX_HEIGHT / 2)
      .attr("width", (i) => placed.boxes?.[i].width ?? 0).attr("height", BOX_HEIGHT);
    nodes.selectAll("circle").attr("visibility", placed.boxes ? "hidden" : null);
    this.marks = nodes;
    if (this.flows) this.update(this.flows, this.state);
  }

  // flows: {along, through}; state: {chosen, path, divided}: node sets and the nodes of a path.
  update(flows, state) {
    this.flows = flows;
    this.state = state;
    const { space } = this;
    const largest = d3.max(flows.along, Math.abs) || 0;
    const part = (e) => (largest ? Math.abs(flows.along[e]) / largest : 0);
    const widest = Math.min(WIDEST, 0.34 * this.cell());
    this.lines.attr("class", (e) => (part(e) < VISIBLE ? "none" : flows.along[e] > 0 ? "pos" : "neg"))
      .attr("stroke-width", (e) => THINNEST + (widest - THINNEST) * part(e))
      .attr("stroke-opacity", (e) => (part(e) < VISIBLE ? null : 0.4 + 0.55 * Math.sqrt(part(e))))
      .sort((a, b) => part(a) - part(b));
    const most = d3.max(flows.through, Math.abs) || 1;
    this.radius = (i) => 2.6 + 4.4 * Math.sqrt(Math.abs(flows.through[i]) / most);
    const onPath = new Set(state.path ?? []);
    this.marks.attr("class", (i) => ["node", state.chosen.has(i) ? "chosen" : "",
      onPath.has(i) ? "on-path" : "", state.divided.has(i) ? "divided" : "",
      flows.through[i] || flows.along.length === 0 ? "" : "silent"].join(" "))
      .attr("aria-label", (i) => `${space.labels[i]}, ${signed(flows.through[i])} through it`)
      .attr("aria-pressed", (i) => String(state.chosen.has(i)));
    const pairs = d3.pairs(state.path ?? []).map(([u, v]) => space.edge(u, v));
    this.path.selectAll("path").data([...pairs, ...pairs]).join("path")
      .attr("class", (_, i) => (i < pairs.length ? "halo" : "line")).attr("d", (e) => this.placed.lines[e]);
    this.rescale();
  }

  // The smaller side of a cell of the layout, in pixels of the plane.
  cell() {
    const { columns, rows, width, height, many } = this.placed;
    // Of thousands of edges wide ones would cover all others.
    if (many) return Math.max(8, 40 * Math.min(1, this.size[0] / width, this.size[1] / height));
    if (!columns.length || !rows.length) return 40;
    return Math.min(columns[0].wide, this.placed.height / rows.length);
  }

  moved(transform) {
    this.transform = transform;
    this.world.attr("transform", transform);
    this.bands.attr("transform", transform);
    const spread = (all, scale) => {
      const gap = all.length > 1 ? Math.abs(all[1].at - all[0].at) * scale : 100;
      return all.filter((_, i) => i % Math.max(1, Math.ceil(12 / gap)) === 0);
    };
    const [width, height] = this.size;
    const rows = spread(this.placed.rows, transform.k)
      .map((r) => ({ ...r, y: transform.applyY(r.at) }))
      .filter(({ y }) => y > MARGIN.top && y < MARGIN.top + height);
    this.rows.selectAll("text").data(rows, (r) => r.name).join("text").attr("x", this.left - 14)
      .attr("y", (r) => r.y).attr("dy", "0.35em").attr("text-anchor", "end")
      .text((r) => shortened(r.name, this.letters)).append("title").text((r) => r.name);
    const longest = d3.max(this.placed.columns, (c) => c.name.length) || 1;
    const gap = (this.placed.columns[0]?.wide ?? 100) * transform.k;
    const every = Math.max(1, Math.ceil((7 * longest + 8) / gap));
    const columns = this.placed.columns.filter((_, i) => i % every === 0)
      .map((c) => ({ ...c, x: transform.applyX(c.at) }))
      .filter(({ x }) => x > this.left - 6 && x < this.left + width + 6);
    this.columns.selectAll("text").data(columns, (c) => c.at).join("text").attr("x", (c) => c.x)
      .attr("y", MARGIN.top + height + 17).attr("text-anchor", "middle").text((c) => c.name);
    this.rescale();
  }

  // Circles keep their size on the screen, whatever the zoom.
  rescale() {
    if (!this.transform || !this.flows) return;
    const { k } = this.transform;
    const shrink = Math.min(1, Math.max(0.45, (this.cell() * k) / 20));
    this.marks.select("circle.shape").attr("r", (i) => (this.radius(i) * shrink) / k);
    this.marks.select("circle.hit").attr("r", Math.max(9 * shrink, 5) / k);
  }

  // Arrow keys go to the nearest node in a direction, Enter and the space bar choose.
  key(event) {
    const direction = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.key === "Enter" || event.key === " ") this.handlers.choose(this.focused);
    else if (direction) this.step(direction);
    else return;
    event.preventDefault();
  }

  step([dx, dy]) {
    const { x, y } = this.placed;
    const from = this.focused;
    let best = null;
    let least = Infinity;
    x.forEach((_, i) => {
      const ahead = (x[i] - x[from]) * dx + (y[i] - y[from]) * dy;
      const aside = Math.abs((x[i] - x[from]) * dy) + Math.abs((y[i] - y[from]) * dx);
      if (i !== from && ahead > 1 && ahead + 2.5 * aside < least) {
        least = ahead + 2.5 * aside;
        best = i;
      }
    });
    if (best !== null) this.focus(best);
  }

  focus(node) {
    this.focused = node;
    this.marks.attr("tabindex", (i) => (i === node ? 0 : -1));
    this.marks.filter((i) => i === node).node().focus();
  }
}
