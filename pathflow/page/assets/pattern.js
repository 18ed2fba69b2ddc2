// Patterns as text: the same grammar, and the same messages, as pathflow/graph/_pattern_text.py.
//
//   pattern  := both ("|" both)*
//   both     := sequence ("&" sequence)*
//   sequence := unit (blank unit)*
//   unit     := "~"* operand repetition?

// What Python's `\s` matches, which is not quite what JavaScript's does.
const BLANK = /^[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]$/;
const MAX_PARENTHESES = 50;
const MAX_NESTING = 100;
const MAX_DIGITS = 18;

class PatternError extends Error {
  // Where the text is wrong (a column from 1), or null where no one place is.
  constructor(message, column = null, excerpt = null) {
    super(message);
    this.column = column;
    this.excerpt = excerpt;
  }
}

// A pattern's tree: {kind: "step", name, index} | {kind: "empty"} | {kind: "then" | "either" | "both",
// parts} | {kind: "not", part} | {kind: "repeat", part, least, most}; index is null or [low, high) pairs.
function parsePattern(text) {
  return new PatternReader(text).read();
}

class PatternReader {
  constructor(text) {
    // Characters, not UTF-16 units: columns and `?` count what a reader counts.
    this.text = Array.from(text);
    this.at = 0;
    this.open = [];
  }

  read() {
    if (this.text.every((c) => BLANK.test(c))) {
      throw new PatternError(
        "pattern is empty; `()` matches the empty sequence, and `.*` matches every path.");
    }
    const pattern = this.pattern();
    if (this.peek() === ")") this.refuse("this `)` closes nothing; remove it, or open it with `(`");
    return pattern;
  }

  pattern() {
    const either = [];
    let both = [];
    let then = [];
    for (;;) {
      then.push(this.unit());
      const char = this.peek();
      if (!["", "|", "&", ")"].includes(char)) {
        if (!BLANK.test(this.text[this.at - 1])) this.refuseJoined();
        continue;
      }
      both.push(joined("then", then));
      then = [];
      if (char !== "&") {
        either.push(joined("both", both));
        both = [];
      }
      if (char !== "&" && char !== "|") return joined("either", either);
      this.at += 1;
    }
  }

  unit() {
    let negations = 0;
    while (this.peek() === "~") {
      this.at += 1;
      negations += 1;
    }
    let part = this.repeated(...this.operand());
    for (let i = 0; i < negations; i += 1) part = nested({ kind: "not", part });
    return part;
  }

  // An operand, and whether it is a bare name, at which `*` and `?` would be globs.
  operand() {
    const char = this.peek();
    if (char === "(") return [this.group(), false];
    if (["", ")", "|", "&"].includes(char)) {
      const where = char ? `before \`${char}\`` : "at the end";
      this.refuse(`a step is missing ${where}; \`()\` is the empty sequence`);
    }
    if ("+{}".includes(char)) {
      this.refuse(`\`${char}\` has nothing to repeat; it follows what it repeats without a blank, ` +
        "and a name that holds it is quoted");
    }
    if (char === "@") this.refuse("a name is missing before `@`; `.@2` is any node of step 2");
    return this.named(char);
  }

  named(char) {
    let glob;
    let bare = false;
    const next = this.text[this.at + 1];
    if (char === "." && (next === undefined || BLANK.test(next) || "@()|&+{}*?".includes(next))) {
      glob = ["*"];
      this.at += 1;
    } else if (char === "'") {
      glob = this.quoted();
    } else {
      glob = this.name();
      bare = true;
    }
    const index = this.index();
    return [{ kind: "step", name: glob.join(""), glob, index }, bare && index === null];
  }

  quoted() {
    const glob = [];
    for (let i = this.at + 1; i < this.text.length; i += 1) {
      let char = this.text[i];
      if (char === "'" && glob.length) {
        this.at = i + 1;
        return glob;
      }
      if (char === "\\") {
        i += 1;
        char = this.text[i];
      } else if (char === "'") break;
      if (char === undefined || char === "@" || BLANK.test(char)) break;
      glob.push("*?\\".includes(char) ? `\\${char}` : char);
    }
    return this.refuse("a quoted name has no blank, no `@`, and a quote at its end");
  }

  // The pieces of a glob: a character, or a backslash and a character.
  name() {
    const glob = [];
    for (; this.at < this.text.length; this.at += 1) {
      const char = this.text[this.at];
      if (char === "\\") {
        const next = this.text[this.at + 1];
        if (next === undefined || next === "@" || BLANK.test(next)) break;
        this.at += 1;
        glob.push("*?\\".includes(next) ? `\\${next}` : next);
      } else if (BLANK.test(char) || "@()|&+{}".includes(char)) break;
      else glob.push(char);
    }
    if (!glob.length) {
      this.refuse("a backslash stands before a character of a name, which is no blank and no `@`");
    }
    return glob;
  }

  group() {
    if (this.open.length === MAX_PARENTHESES) {
      this.refuse(`parentheses are nested more than ${MAX_PARENTHESES} deep; write it flatter`);
    }
    this.open.push(this.at);
    this.at += 1;
    const inner = this.peek() === ")" ? { kind: "empty" } : this.pattern();
    const opened = this.open.pop();
    if (this.peek() !== ")") this.refuse("this `(` is never closed; add `)`", opened);
    this.at += 1;
    return inner;
  }

  repeated(part, bare) {
    const bounds = this.repetition(bare);
    if (bounds === null) return part;
    const end = this.at;
    if (this.repetition(false) !== null) {
      this.refuse("two repetitions in a row; put parentheses around the first", end);
    }
    return nested({ kind: "repeat", part, least: bounds[0], most: bounds[1] });
  }

  repetition(bare) {
    const char = this.text[this.at];
    const simple = { "*": [0, null], "+": [1, null], "?": [0, 1] }[char];
    if (simple && !(bare && "*?".includes(char))) {
      this.at += 1;
      return simple;
    }
    if (char !== "{") return null;
    const rest = this.text.slice(this.at, this.at + 200).join("");
    const match = /^\{\s*([0-9]+)\s*(?:(,)\s*([0-9]+)?\s*)?\}/d.exec(rest);
    if (match === null) this.refuse("a repetition is `{m}`, `{m,}` or `{m,n}`, in numbers from 0");
    const low = this.number(match[1], this.at + match.indices[1][0]);
    let high = match[2] ? null : low;
    if (match[3]) high = this.number(match[3], this.at + match.indices[3][0]);
    if (high !== null && high < low) {
      this.refuse(`\`${match[0]}\` repeats at least ${low} and at most ${high} times; swap them`);
    }
    this.at += match[0].length;
    return [low, high];
  }

  index() {
    if (this.text[this.at] !== "@") return null;
    if (this.text[this.at + 1] === "(" && this.text[this.at + 2] === ")") {
      this.at += 3;
      return [];
    }
    const levels = [];
    while (!levels.length || this.text[this.at] === ".") {
      this.at += 1;
      levels.push(this.level());
    }
    return levels;
  }

  level() {
    const start = this.at;
    const low = this.digits();
    if (this.text[this.at] !== ":") {
      if (low === null) {
        this.refuse("an index is a number from 0, or a range as in `@2:`, `@:5`, `@2:5` or `@:`, " +
          "with `.` between the levels of nested loops");
      }
      return [low, low + 1];
    }
    this.at += 1;
    const high = this.digits();
    if (high !== null && high <= (low ?? 0)) {
      this.refuse(`the range ${low ?? 0}:${high} is empty; it goes from its first number to just ` +
        "before its second", start);
    }
    return [low ?? 0, high];
  }

  digits() {
    let end = this.at;
    while (end < this.text.length && /^[0-9]$/.test(this.text[end])) end += 1;
    if (end === this.at) return null;
    const number = this.number(this.text.slice(this.at, end).join(""), this.at);
    this.at = end;
    return number;
  }

  number(digits, at) {
    if (digits.length > MAX_DIGITS) this.refuse(`the number is longer than ${MAX_DIGITS} digits`, at);
    return Number(digits);
  }

  peek() {
    while (this.at < this.text.length && BLANK.test(this.text[this.at])) this.at += 1;
    return this.text[this.at] ?? "";
  }

  refuseJoined() {
    this.refuse(`\`${this.text[this.at]}\` follows without a blank; put one between steps, and quote ` +
      "a name that holds such a character, as in 'odd(name)'");
  }

  refuse(why, at = this.at) {
    const shown = this.text.map((c) => (BLANK.test(c) ? " " : c));
    const first = Math.max(0, at - 60);
    const line = (first ? "…" : "") + shown.slice(first, at + 40).join("") +
      (at + 40 < shown.length ? "…" : "");
    const caret = `${" ".repeat(at - first + (first ? 1 : 0))}^`;
    throw new PatternError(`column ${at + 1}: ${why}.`, at + 1, `${line}\n${caret}`);
  }
}

function joined(kind, parts) {
  if (parts.length === 1) return parts[0];
  return nested({ kind, parts: parts.flatMap((p) => (p.kind === kind ? p.parts : [p])) }, parts);
}

// Refuses what would be nested too deep to walk, as the Python side does.
function nested(pattern, parts = pattern.parts ?? [pattern.part]) {
  pattern.depth = 1 + Math.max(...parts.map((p) => p.depth ?? 0));
  if (pattern.depth > MAX_NESTING) {
    throw new PatternError(`the pattern is nested more than ${MAX_NESTING} deep; write it flatter, or ` +
      "count with `{m,n}`.");
  }
  return pattern;
}

// Whether a node, {name, index}, is one of a step's.
function stepMatches(step, node) {
  const levels = step.index;
  if (levels !== null) {
    if (levels.length !== node.index.length) return false;
    if (!levels.every(([low, high], i) => low <= node.index[i] &&
      (high === null || node.index[i] < high))) return false;
  }
  return nameMatches(step, node.name);
}

function nameMatches(step, name) {
  step.expression ??= new RegExp(`^(?:${globSource(step.glob)})$`, "us");
  return step.expression.test(name);
}

// What stands between two stars is taken where it first comes and never again, which loses no match:
// to try every place would take exponential time. A group in a look-ahead, repeated behind it, is
// what other languages write as an atomic group.
function globSource(glob) {
  const parts = [""];
  for (const piece of glob) {
    if (piece === "*") parts.push("");
    else parts[parts.length - 1] += globPiece(piece);
  }
  if (parts.length === 1) return parts[0];
  const first = parts.shift();
  const last = parts.pop();
  const middle = parts.filter((part) => part);
  return `${first}${middle.map((part, i) => `(?=(.*?${part}))\\${i + 1}`).join("")}.*${last}`;
}

function globPiece(piece) {
  if (piece === "?") return ".";
  const char = piece[0] === "\\" && piece.length > 1 ? piece.slice(1) : piece;
  // With the flag `u` only these may stand after a backslash; all others are themselves.
  return "^$\\.*+?()[]{}|/".includes(char) ? `\\${char}` : char;
}

// Every step of a pattern, in the order of the text, each place once.
function stepsOf(pattern) {
  if (pattern.kind === "step") return [pattern];
  const parts = pattern.parts ?? (pattern.part ? [pattern.part] : []);
  return parts.flatMap(stepsOf);
}
