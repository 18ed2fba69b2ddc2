// The paths of a sheet with their influences: all of a graph's, or some of them and what is known of the
// rest. Paths have positions 0 .. n - 1 here: ranks where all are held, else places in the list.

// A running sum that keeps what rounding drops (A. Neumaier, 1974): exact sums do not depend on the order.
class Sum {
  constructor() {
    this.high = 0;
    this.low = 0;
  }

  add(value) {
    const next = this.high + value;
    this.low += Math.abs(this.high) >= Math.abs(value)
      ? (this.high - next) + value : (value - next) + this.high;
    this.high = next;
  }

  get value() {
    // Infinite sums have no rounding error, and NaN - NaN would hide them.
    return Number.isFinite(this.high) ? this.high + this.low : this.high;
  }
}

class Paths {
  // ranks: of the listed paths, as texts or numbers, or null where all paths are held, in order.
  constructor(space, n, ranks) {
    this.space = space;
    this.n = n;
    this.ranks = ranks === null ? null : ranks.map((r) => space.integer(r));
    this.listed = null;
  }

  rank(position) {
    return this.ranks === null ? position : this.ranks[position];
  }

  path(position) {
    return this.space.path(this.rank(position));
  }

  // The listed paths, decoded once.
  list() {
    this.listed ??= this.ranks.map((rank) => this.space.path(rank));
    return this.listed;
  }

  // {mask, count}: which of the paths held a pattern matches, and how many of all the space's.
  match(automaton) {
    const mask = new Uint8Array(this.n);
    if (this.ranks === null) {
      const count = matchingRuns(this.space, automaton, (first, end) => mask.fill(1, first, end));
      return { mask, count };
    }
    this.list().forEach((path, i) => {
      const last = path.reduce((state, node) => automaton.next(state, node), automaton.start);
      mask[i] = automaton.accepts(last) ? 1 : 0;
    });
    return { mask, count: matchingEndings(this.space, automaton).count };
  }

  // Which paths pass through all of some nodes.
  through(nodes) {
    const mask = new Uint8Array(this.n);
    if (this.ranks !== null) {
      this.list().forEach((path, i) => { mask[i] = nodes.every((n) => path.includes(n)) ? 1 : 0; });
      return mask;
    }
    const wanted = [...nodes].sort((a, b) => a - b);
    const { space } = this;
    const walk = (u, met, rank) => {
      const now = met + (u === wanted[met] ? 1 : 0);
      if (now === wanted.length) mask.fill(1, rank, rank + space.endings[u]);
      // Positions ascend along a path: what has been passed by is not met again.
      else if (u < wanted[now]) {
        space.successors[u].forEach((v, i) => walk(v, now, rank + space.offsets[u][i]));
      }
    };
    space.sources.forEach((s, i) => walk(s, 0, space.sourceOffsets[i]));
    return mask;
  }

  // The influence that passes each edge on the chosen paths.
  edgeFlows(values, chosen) {
    const { space } = this;
    const flows = new Float64Array(space.edges.length);
    if (this.ranks !== null) {
      this.list().forEach((path, i) => {
        if (!chosen[i] || !values[i]) return;
        for (let k = 1; k < path.length; k += 1) flows[space.edge(path[k - 1], path[k])] += values[i];
      });
      return flows;
    }
    const walk = (u, rank) => {
      if (u === space.target) return chosen[rank] ? values[rank] : 0;
      let sum = 0;
      const { offsets, successors, firstEdge } = space;
      for (let i = 0; i < successors[u].length; i += 1) {
        const below = walk(successors[u][i], rank + offsets[u][i]);
        flows[firstEdge[u] + i] += below;
        sum += below;
      }
      return sum;
    };
    space.sources.forEach((s, i) => walk(s, space.sourceOffsets[i]));
    return flows;
  }
}

// What flows through each node: out of it, or into the target.
function nodeFlows(space, edgeFlows) {
  const flows = new Float64Array(space.nodes.length);
  space.edges.forEach(([u, v], e) => {
    flows[u] += edgeFlows[e];
    if (v === space.target) flows[v] += edgeFlows[e];
  });
  return flows;
}

// All positions, the largest size first; equal ones by position.
function byMagnitude(values) {
  const order = Uint32Array.from(values, (_, i) => i);
  return order.sort((a, b) => Math.abs(values[b]) - Math.abs(values[a]) || a - b);
}

// The matching positions of an order.
function masked(order, mask) {
  return order.filter((i) => mask[i]);
}

// How many of the first of an order, largest first, reach a part of the sum of all sizes.
function smallestCover(values, order, part) {
  const total = new Sum();
  order.forEach((i) => total.add(Math.abs(values[i])));
  const wanted = part * total.value;
  if (part >= 1 || !(total.value > 0)) return order.length;
  const reached = new Sum();
  let k = 0;
  while (k < order.length && reached.value < wanted) reached.add(Math.abs(values[order[k++]]));
  return k;
}

function sumOf(values, positions) {
  const sum = new Sum();
  positions.forEach((i) => sum.add(values[i]));
  return sum.value;
}

// The mean over examples, or one example, of the numbers of a table with a row per example.
function rowOf(table, n, row) {
  if (row !== null) return table.subarray(row * n, (row + 1) * n);
  const examples = table.length / n;
  if (examples === 1) return table;
  const mean = new Float64Array(n);
  for (let e = 0; e < examples; e += 1) for (let i = 0; i < n; i += 1) mean[i] += table[e * n + i];
  return mean.map((x) => x / examples);
}

// Numbers that Python wrote as base64 of little-endian floats.
function decodeNumbers({ dtype, data }) {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  return dtype === "float32" ? new Float32Array(bytes.buffer) : new Float64Array(bytes.buffer);
}
