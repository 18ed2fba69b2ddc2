// Where nodes and edges are drawn: by time and layers where Python gave their places, else by dagre, which
// takes minutes for thousands of edges; such graphs get layers of longest paths.

const BOX_HEIGHT = 26;
const LONGEST_LABEL = 22;
// Steps from layer to layer, of all edges together, that dagre lays out in about a second.
const MOST_STEPS = 800;
const BETWEEN_LAYERS = 150;
const BETWEEN_BOXES = 14;
const SWEEPS = 8;

// {x, y, lines, width, height, rows, columns, boxes, many}: places in pixels of a plane that the view fits in.
function place(space, layout, width, height) {
  return layout ? placeInTime(layout, width, height) : placeInLayers(space, width / height);
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

function placeInLayers(space, aspect) {
  const layer = longestPathLayers(space);
  const steps = space.edges.reduce((sum, [u, v]) => sum + layer[v] - layer[u], 0);
  return steps > MOST_STEPS ? placeMany(space, layer, aspect) : placeByDagre(space);
}

// How many edges the longest path to each node has; nodes are in topological order.
function longestPathLayers(space) {
  const layer = space.nodes.map(() => 0);
  space.edges.forEach(([u, v]) => { layer[v] = Math.max(layer[v], layer[u] + 1); });
  return layer;
}

// Layers from left to right, in each the nodes in the order of the mean place of their neighbours (the
// barycentre rule of Sugiyama et al., 1981). Edges pass under the boxes between their ends. The layers are so
// far apart that the whole is as wide for its height as the view, or wider.
function placeMany(space, layer, aspect) {
  const { texts, wide } = boxTexts(space);
  const layers = d3.groups(space.nodes.map((_, i) => i), (i) => layer[i]).sort((a, b) => a[0] - b[0]).map(([, nodes]) => nodes);
  const neighbours = [space.nodes.map(() => []), space.nodes.map(() => [])];
  space.edges.forEach(([u, v]) => {
    neighbours[0][v].push(u);
    neighbours[1][u].push(v);
  });
  const pitch = BOX_HEIGHT + BETWEEN_BOXES;
  const middle = (Math.max(...layers.map((nodes) => nodes.length)) * pitch) / 2;
  const y = new Float64Array(space.nodes.length);
  const spread = (nodes) => nodes.forEach((n, i) => { y[n] = middle + (i - (nodes.length - 1) / 2) * pitch; });
  layers.forEach(spread);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const forth = sweep % 2 === 0;
    for (const nodes of forth ? layers : [...layers].reverse()) {
      const mean = new Map(nodes.map((n) => [n, d3.mean(neighbours[forth ? 0 : 1][n], (m) => y[m]) ?? y[n]]));
      nodes.sort((a, b) => mean.get(a) - mean.get(b) || a - b);
      spread(nodes);
    }
  }
  const x = new Float64Array(space.nodes.length);
  const widest = layers.map((nodes) => Math.max(...nodes.map((n) => wide[n])));
  const free = 2 * middle * aspect - d3.sum(widest);
  const gap = Math.max(BETWEEN_LAYERS, free / Math.max(1, layers.length - 1));
  let left = BETWEEN_BOXES;
  layers.forEach((nodes, i) => {
    nodes.forEach((n) => { x[n] = left + widest[i] / 2; });
    left += widest[i] + gap;
  });
  return {
    x: [...x],
    y: [...y],
    lines: space.edges.map(([u, v]) => {
      const [from, to] = [x[u] + wide[u] / 2, x[v] - wide[v] / 2];
      const half = (from + to) / 2;
      return `M${from},${y[u]}C${half},${y[u]} ${half},${y[v]} ${to},${y[v]}`;
    }),
    width: left - gap + BETWEEN_BOXES,
    height: 2 * middle,
    rows: [],
    columns: [],
    many: true,
    boxes: wide.map((width, i) => ({ width, height: BOX_HEIGHT, text: texts[i] })),
  };
}

function boxTexts(space) {
  const texts = space.labels.map((label) => shortened(label, LONGEST_LABEL));
  return { texts, wide: texts.map((text) => 22 + 7.2 * Array.from(text).length) };
}

function placeByDagre(space) {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: "LR", nodesep: 14, edgesep: 8, ranksep: 56, marginx: 12, marginy: 12 });
  graph.setDefaultEdgeLabel(() => ({}));
  const { texts, wide } = boxTexts(space);
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
