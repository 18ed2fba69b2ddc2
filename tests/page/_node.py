"""The page's own scripts run by node: functions called with JSON, answers as JSON."""

import json
import shutil
import subprocess
from importlib.resources import files
from typing import Any

_SOURCES = ("pattern.js", "automaton.js", "space.js", "paths.js", "words.js")

# What the tests ask; big integers travel as texts.
_DRIVER = """
const spaces = new Map();
const spaceOf = (raw) => {
  const key = JSON.stringify(raw);
  if (!spaces.has(key)) spaces.set(key, new Space(raw));
  return spaces.get(key);
};
const asked = {
  parse({ text }) {
    try {
      parsePattern(text);
      return { error: null };
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      return { error: error.message, column: error.column, excerpt: error.excerpt };
    }
  },
  match({ space, n, ranks, pattern }) {
    const found = spaceOf(space);
    const paths = new Paths(found, n, ranks);
    const automaton = new Automaton(parsePattern(pattern), found.nodes);
    const { mask, count } = paths.match(automaton);
    return { mask: [...mask], count: String(count), why: explainNoMatch(found, automaton) };
  },
  through({ space, n, ranks, nodes }) {
    return [...new Paths(spaceOf(space), n, ranks).through(nodes)];
  },
  paths({ space, n, ranks }) {
    const found = spaceOf(space);
    const paths = new Paths(found, n, ranks);
    const texts = [];
    for (let i = 0; i < n; i += 1) texts.push(found.text(paths.path(i)));
    return { count: String(found.count), texts };
  },
  flows({ space, n, ranks, values, chosen }) {
    const found = spaceOf(space);
    const edges = new Paths(found, n, ranks).edgeFlows(values, chosen);
    return { edges: [...edges], nodes: [...nodeFlows(found, edges)] };
  },
  cover({ values, mask, part }) {
    const order = masked(byMagnitude(Float64Array.from(values)), mask);
    const k = smallestCover(values, order, part);
    return { order: [...order], k, sum: sumOf(values, order.subarray(0, k)) };
  },
  rows({ numbers, n, row }) {
    return [...rowOf(decodeNumbers(numbers), n, row)];
  },
  pattern({ space, rank }) {
    const found = spaceOf(space);
    return patternOf(found, found.path(found.integer(rank)));
  },
  compact({ space, rank }) {
    const found = spaceOf(space);
    return compactPath(found, found.path(found.integer(rank)));
  },
  words({ counts, numbers }) {
    const written = numbers.map((x) => signed(x));
    return { counts: counts.map((c) => counted(BigInt(c))), numbers: written };
  },
};
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { name, argument } = JSON.parse(line);
  let answer;
  try {
    answer = { value: asked[name](argument) };
  } catch (error) {
    answer = { failure: String(error.stack) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\\n`);
});
"""


def find_node() -> str | None:
    """The path of node, or None."""
    return shutil.which("node")


class Node:
    """A process of node that answers one line for each line."""

    def __init__(self, path: str):
        assets = files("pathflow.page").joinpath("assets")
        sources = [assets.joinpath(name).read_text("utf-8") for name in _SOURCES]
        self._process = subprocess.Popen(
            [path, "-e", "\n".join([*sources, _DRIVER])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def ask(self, name: str, **argument: Any) -> Any:
        """What one of the driver's functions answers."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"name": name, "argument": argument}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "failure" not in answer, answer["failure"]
        return answer["value"]

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()
