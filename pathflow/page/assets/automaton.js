// Brzozowski derivatives: a pattern as an automaton whose states are made when they are reached.
//
// Source: J. Brzozowski, "Derivatives of Regular Expressions", Journal of the ACM 11 (1964); S. Owens,
// J. Reppy, A. Turon, "Regular-expression derivatives re-examined", Journal of Functional Programming
// 19 (2009). The normal forms are those of pathflow/graph/_derivatives.py.

const MAX_STATES = 4096;

// The table of terms: each is kept once, under a number, so that equal numbers are equal sets.
class Terms {
  constructor() {
    this.number = new Map();
    this.terms = [];
    this.nullable = [];
    this.nothing = this.keep("either", [], false);
    this.empty = this.keep("empty", [], true);
    this.everything = this.keep("not", [this.nothing], true);
    this.any = this.keep("any", [], false);
  }

  keep(kind, parts, nullable) {
    const key = `${kind}:${parts.join(",")}`;
    const known = this.number.get(key);
    if (known !== undefined) return known;
    const number = this.terms.length;
    this.number.set(key, number);
    this.terms.push({ kind, parts });
    this.nullable.push(nullable);
    return number;
  }

  // The term of a pattern's tree, its steps being numbered by `stepNumber`.
  of(pattern, stepNumber) {
    const inner = (p) => this.of(p, stepNumber);
    switch (pattern.kind) {
      case "step":
        if (pattern.name === "*" && pattern.index === null) return this.any;
        return this.keep("step", [stepNumber(pattern)], false);
      case "empty":
        return this.empty;
      case "then":
        return pattern.parts.map(inner).reduceRight((tail, head) => this.then(head, tail), this.empty);
      case "either":
        return this.either(pattern.parts.map(inner));
      case "both":
        return this.both(pattern.parts.map(inner));
      case "not":
        return this.not(inner(pattern.part));
      default:
        return this.repeat(inner(pattern.part), pattern.least, pattern.most);
    }
  }

  // What is left of a term after a node that matches the steps in `hits`; `known` remembers.
  derivative(term, hits, known) {
    let result = known.get(term);
    if (result === undefined) {
      result = this.derived(term, hits, known);
      known.set(term, result);
    }
    return result;
  }

  derived(term, hits, known) {
    const { kind, parts } = this.terms[term];
    const inner = (p) => this.derivative(p, hits, known);
    switch (kind) {
      case "any":
        return this.empty;
      case "step":
        return hits.has(parts[0]) ? this.empty : this.nothing;
      case "then": {
        const first = this.then(inner(parts[0]), parts[1]);
        return this.nullable[parts[0]] ? this.either([first, inner(parts[1])]) : first;
      }
      case "either":
        return this.either(parts.map(inner));
      case "both":
        return this.both(parts.map(inner));
      case "not":
        return this.not(inner(parts[0]));
      case "repeat": {
        const [part, least, most] = parts;
        const rest = this.repeat(part, Math.max(least - 1, 0), most === null ? null : most - 1);
        return this.then(inner(part), rest);
      }
      default:
        return this.nothing;
    }
  }

  then(head, tail) {
    const heads = [head];
    while (this.terms[heads.at(-1)].kind === "then") heads.push(...this.terms[heads.pop()].parts);
    return heads.reduceRight((rest, h) => this.pair(h, rest), tail);
  }

  pair(head, tail) {
    if (head === this.nothing || tail === this.nothing) return this.nothing;
    if (head === this.empty) return tail;
    if (tail === this.empty) return head;
    const nullable = this.nullable[head] && this.nullable[tail];
    if (nullable && (head === this.everything || tail === this.everything)) return this.everything;
    return this.keep("then", [head, tail], nullable);
  }

  either(parts) {
    const flat = this.flat("either", parts);
    flat.delete(this.nothing);
    if (flat.has(this.everything) || this.contradicts(flat)) return this.everything;
    const nullable = [...flat].some((p) => this.nullable[p]);
    if (flat.has(this.empty) && [...flat].some((p) => p !== this.empty && this.nullable[p])) {
      flat.delete(this.empty);
    }
    return flat.size === 1 ? [...flat][0] : this.keep("either", ordered(flat), nullable);
  }

  both(parts) {
    const flat = this.flat("both", parts);
    flat.delete(this.everything);
    if (flat.has(this.nothing) || this.contradicts(flat)) return this.nothing;
    const nullable = [...flat].every((p) => this.nullable[p]);
    if (flat.has(this.empty)) return nullable ? this.empty : this.nothing;
    if (!flat.size) return this.everything;
    return flat.size === 1 ? [...flat][0] : this.keep("both", ordered(flat), nullable);
  }

  flat(kind, parts) {
    return new Set(parts.flatMap((p) => (this.terms[p].kind === kind ? this.terms[p].parts : [p])));
  }

  contradicts(flat) {
    return [...flat].some((p) => this.terms[p].kind === "not" && flat.has(this.terms[p].parts[0]));
  }

  not(part) {
    if (this.terms[part].kind === "not") return this.terms[part].parts[0];
    return this.keep("not", [part], !this.nullable[part]);
  }

  repeat(part, fewest, most) {
    if (most === 0 || part === this.empty) return this.empty;
    const least = this.nullable[part] ? 0 : fewest;
    if (part === this.nothing) return least ? this.nothing : this.empty;
    const inner = this.terms[part];
    if (inner.kind === "repeat") {
      // (s+)* = s*, (s*){m,n} = s*, (s+){m,n} = s{m,}, (s{0,b}){0,n} = s{0,bn}
      const [body, low, high] = inner.parts;
      if (high === null && low <= 1) return this.repeat(body, low * least, null);
      if (low === 0) return this.repeat(body, 0, most === null || high === null ? null : most * high);
    }
    if ((least === 1 && most === 1) || part === this.everything) return part;
    if (part === this.any && least === 0 && most === null) return this.everything;
    return this.keep("repeat", [part, least, most], least === 0);
  }
}

function ordered(numbers) {
  return [...numbers].sort((a, b) => a - b);
}

// A deterministic automaton over the nodes of one graph; its states are terms.
class Automaton {
  constructor(pattern, nodes) {
    this.steps = stepsOf(pattern);
    const numbers = new Map(this.steps.map((step, i) => [step, i]));
    this.terms = new Terms();
    this.start = this.terms.of(pattern, (step) => numbers.get(step));
    this.reached = new Set([this.start]);
    const letters = new Map();
    // One letter for each set of steps that a node may match; with it what derivatives are known.
    this.letters = nodes.map((node) => {
      const hits = this.steps.flatMap((step, i) => (stepMatches(step, node) ? [i] : []));
      const key = hits.join(",");
      if (!letters.has(key)) letters.set(key, { hits: new Set(hits), known: new Map() });
      return letters.get(key);
    });
  }

  next(state, node) {
    const letter = this.letters[node];
    const following = this.terms.derivative(state, letter.hits, letter.known);
    if (!this.reached.has(following)) {
      this.reached.add(following);
      if (this.reached.size > MAX_STATES) {
        throw new PatternError(`the pattern needs more than ${MAX_STATES} states to tell paths apart: ` +
          "use `+` or `*` in the place of a long repetition `{m,n}`, or put less after a `.*`.");
      }
    }
    return following;
  }

  accepts(state) {
    return this.terms.nullable[state];
  }

  // Whether all, or none, of the paths from here on match.
  all(state) {
    return state === this.terms.everything;
  }

  none(state) {
    return state === this.terms.nothing;
  }
}
