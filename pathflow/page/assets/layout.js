// Where nodes and edges are drawn: by time and layers where Python gave their places, else by dagre.

const BOX_HEIGHT = 26;
const LONGEST_LABEL = 22;

// {x, y, lines, width, height, rows, columns, boxes}: places in pixels of a plane that the view fits in.
function place(space, layout, width, height) {
  return layout ? placeInTime(layout, width, height) : placeInLayers(space);
}

function placeInTime(layout, width, height) {
  const columns = layout.columns.length;
  const rows = layout.rows.length;
  const cell = [Math.max(width / columns, 13), Math.max(height / rows, 15)];
  const x = (c) => (c + 0.5) * cell[0];
  const y = (r) => (rows - 0.5 - r) * cell[1];
  const lines = layout.curves.map((c) => {
    let line = `M${x(c[0])},${y(c[1])}`;
    for (let i = 2; i < c.length; i += 6) {
      line += `C${x(c[i])},${y(c[i + 1])} ${x(c[i + 2])},${y(c[i + 3])} ${x(c[i + 4])},${y(c[i + 5])}`;
    }
    return line;
  });
  return {
    x: layout.x.map(x),
    y: layout.y.map(y),
    lines,
    width: columns * cell[0],
    height: rows * cell[1],
    rows: layout.rows.map((name, r) => ({ name, at: y(r) })),
    columns: layout.columns.map((name, c) => ({ name, at: x(c), from: c * cell[0], wide: cell[0] })),
    boxes: null,
  };
}

function placeInLayers(space) {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: "LR", nodesep: 14, edgesep: 8, ranksep: 56, marginx: 12, marginy: 12 });
  graph.setDefaultEdgeLabel(() => ({}));
  const texts = space.labels.map((label) => shortened(label, LONGEST_LABEL));
  const wide = texts.map((text) => 22 + 7.2 * Array.from(text).length);
  texts.forEach((_, i) => graph.setNode(String(i), { width: wide[i], height: BOX_HEIGHT }));
  space.edges.forEach(([u, v]) => graph.setEdge(String(u), String(v)));
  dagre.layout(graph);
  const nodes = texts.map((_, i) => graph.node(String(i)));
  const line = d3.line((p) => p.x, (p) => p.y).curve(d3.curveBasis);
  return {
    x: nodes.map((n) => n.x),
    y: nodes.map((n) => n.y),
    lines: space.edges.map(([u, v]) => line(graph.edge(String(u), String(v)).points)),
    width: graph.graph().width,
    height: graph.graph().height,
    rows: [],
    columns: [],
    boxes: nodes.map((n, i) => ({ width: wide[i], height: BOX_HEIGHT, text: texts[i] })),
  };
}
