// All paths of a graph by their ranks: counted, found again from a number, and matched. No list is held.
// The order and the ranks are those of pathflow/graph/_space.py.

class Space {
  // raw: {names, name, index, successors, sources, target}; nodes are in topological order.
  constructor(raw) {
    this.nodes = raw.name.map((n, i) => ({ name: raw.names[n], index: raw.index[i] }));
    this.labels = this.nodes.map(({ name, index }) =>
      (index.length ? `${name}@${index.join(".")}` : name));
    this.successors = raw.successors;
    this.sources = raw.sources;
    this.target = raw.target;
    this.edges = this.successors.flatMap((after, u) => after.map((v) => [u, v]));
    let edge = 0;
    // The number of the first edge of each node: its edges follow in the order of its successors.
    this.firstEdge = this.successors.map((after) => (edge += after.length) - after.length);
    this.count = 0;
    this.offsets = [];
    this.sourceOffsets = [];
    if (this.target !== null) this.number();
  }

  // Counts the endings of each node. Integers are exact: BigInt throughout where a Number is too short.
  number() {
    let endings = this.successors.map(() => 0n);
    endings[this.target] = 1n;
    for (let u = this.target - 1; u >= 0; u -= 1) {
      endings[u] = this.successors[u].reduce((sum, v) => sum + endings[v], 0n);
    }
    this.big = this.sources.reduce((sum, s) => sum + endings[s], 0n) > BigInt(Number.MAX_SAFE_INTEGER);
    if (!this.big) endings = endings.map(Number);
    this.zero = this.big ? 0n : 0;
    const before = (nodes) => {
      let sum = this.zero;
      return nodes.map((v) => (sum += endings[v]) - endings[v]);
    };
    this.endings = endings;
    this.offsets = this.successors.map(before);
    this.sourceOffsets = before(this.sources);
    this.count = this.sources.reduce((sum, s) => sum + endings[s], this.zero);
  }

  integer(text) {
    return this.big ? BigInt(text) : Number(text);
  }

  // The nodes of the path with a rank.
  path(rank) {
    let i = lastNotAfter(this.sourceOffsets, rank);
    let left = rank - this.sourceOffsets[i];
    const nodes = [this.sources[i]];
    for (let u = nodes[0]; u !== this.target; ) {
      i = lastNotAfter(this.offsets[u], left);
      left -= this.offsets[u][i];
      u = this.successors[u][i];
      nodes.push(u);
    }
    return nodes;
  }

  edge(u, v) {
    return this.firstEdge[u] + this.successors[u].indexOf(v);
  }

  text(nodes) {
    return nodes.map((n) => this.labels[n]).join(" ");
  }
}

function lastNotAfter(offsets, rank) {
  let low = 0;
  let high = offsets.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (offsets[middle] <= rank) low = middle;
    else high = middle - 1;
  }
  return low;
}

// The pairs of a node and a state that lie on a matching path, as a map from state to the number of
// matching endings, for each node; and how many paths match.
function matchingEndings(space, automaton) {
  const reached = space.nodes.map(() => new Map());
  const starts = space.sources.map((s) => automaton.next(automaton.start, s));
  space.sources.forEach((s, i) => reached[s].set(starts[i], space.zero));
  reached.forEach((states, u) => {
    for (const state of states.keys()) {
      // Where all or none match there is nothing left to tell apart.
      if (automaton.all(state) || automaton.none(state)) continue;
      for (const v of space.successors[u]) reached[v].set(automaton.next(state, v), space.zero);
    }
  });
  const one = space.big ? 1n : 1;
  for (let u = reached.length - 1; u >= 0; u -= 1) {
    for (const state of reached[u].keys()) {
      let endings = space.zero;
      if (automaton.all(state)) endings = space.endings[u];
      else if (u === space.target) endings = automaton.accepts(state) ? one : space.zero;
      else if (!automaton.none(state)) {
        for (const v of space.successors[u]) endings += reached[v].get(automaton.next(state, v));
      }
      reached[u].set(state, endings);
    }
  }
  const count = space.sources.reduce((sum, s, i) => sum + reached[s].get(starts[i]), space.zero);
  return { reached, starts, count };
}

// Calls `emit(first, end)` for runs of ranks, ascending, that are exactly the matching paths.
function matchingRuns(space, automaton, emit) {
  const { reached, starts, count } = matchingEndings(space, automaton);
  const walk = (u, state, rank) => {
    const endings = reached[u].get(state);
    if (!endings) return;
    if (endings === space.endings[u]) {
      emit(rank, rank + endings);
      return;
    }
    space.successors[u].forEach((v, i) => walk(v, automaton.next(state, v), rank + space.offsets[u][i]));
  };
  space.sources.forEach((s, i) => walk(s, starts[i], space.sourceOffsets[i]));
  return count;
}

// Why nothing matches, in words: steps that no node on the paths fits.
function explainNoMatch(space, automaton) {
  const names = [...new Set(space.nodes.map((n) => n.name))];
  const reasons = automaton.steps.filter((step) => !space.nodes.some((n) => stepMatches(step, n)))
    .map((step) => {
      const named = space.nodes.filter((n) => nameMatches(step, n.name));
      const shown = step.glob.map((p) => (p.length > 1 && p[0] === "\\" ? p.slice(1) : p)).join("");
      if (!named.length) {
        return `no node has a name like “${shown}” (there are ${names.slice(0, 8).join(", ")}` +
          `${names.length > 8 ? ", …" : ""})`;
      }
      if (named.every((n) => n.index.length !== step.index.length)) {
        return `“${shown}” is given ${step.index.length} levels of an index, and its nodes have ` +
          `${named[0].index.length}`;
      }
      return `no node “${shown}” has the index that is asked for`;
    });
  if (reasons.length) return `No path matches: ${[...new Set(reasons)].join("; ")}.`;
  return "No path matches. A pattern describes whole paths, from the source through the target; " +
    "put `.*` where anything may stand.";
}
