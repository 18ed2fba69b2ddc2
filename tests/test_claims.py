"""Numbers that pages state in words, against what they are numbers of."""

import ast
import json
import re
import tomllib
from pathlib import Path

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest

import pathflow as pf
from benchmarks._gates import gate_graph
from pathflow.page._encode import numbers_size

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def words_of(page: str) -> str:
    return " ".join((ROOT / page).read_text().split())


def paths(steps: int) -> int:
    """From the first word of a two-layer LSTM, counted on a graph that is written down by hand."""
    return gate_graph(steps, 2, live=False).count


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("README.md", f"a two-layer LSTM has 1e{len(str(paths(100))) - 1} of them over a hundred"),
        (
            "README.md",
            f"two of the subject's {paths(4):,} paths and two of the {paths(1)} from",
        ),
        ("README.md", f"two-layer LSTM over five words ({paths(5):,})"),
        ("docs/limits.md", f"All {paths(5):,} paths of a two-layer LSTM over five words"),
        ("docs/page.md", f"The {paths(5):,} paths of five words through a two-layer LSTM"),
        ("docs/algorithms.md", f"($10^{{{len(str(paths(50))) - 1}}}$ in a two-layer LSTM over 50"),
        ("docs/algorithms.md", f"the first hundred of {paths(20):.1e} paths".replace("e+", "e")),
    ],
)
def test_a_number_of_paths_is_right(page, text):
    assert text in words_of(page)


def test_what_a_naive_reading_of_stacked_steps_counts():
    """Each step of a layer, and the result, taken to depend on all steps of what is below."""
    graph, states = nx.DiGraph(), [["x@0"], *([f"h{i}@{t}" for t in range(2)] for i in range(2))]
    for layer in range(2):
        for t in range(2):
            for gate in "fiog":
                name = f"{gate}{layer}@{t}"
                before = [f"h{layer}@{t - 1}"] if t else []
                graph.add_edges_from((u, name) for u in states[layer] + before)
                graph.add_edge(name, f"{'h' if gate == 'o' else 'c'}{layer}@{t}")
            graph.add_edge(f"c{layer}@{t}", f"h{layer}@{t}")
        graph.add_edge(f"c{layer}@0", f"c{layer}@1")
    graph.add_edges_from((h, "qoi") for h in states[2])
    found = {"x@0": 1}
    for node in nx.topological_sort(graph):
        found.setdefault(node, sum(found[u] for u in graph.predecessors(node)))
    assert f"have {found['qoi']} paths where there are {paths(2)}" in words_of("docs/algorithms.md")


def test_units_through_a_rectifier_and_a_cumulative_sum():
    def model(x):
        kept = pf.tag(jax.nn.relu(pf.tag(x * 1, "x")), "kept")
        return pf.tag(jnp.cumsum(kept), "sums").sum()

    split = {name: pf.Components() for name in ("kept", "sums")}
    graph = pf.trace(model, jnp.ones(32), split={"x": pf.Components(), **split}, inputs=())
    sources = [f"x[{i}]" for i in range(32)]
    count = sum(graph.count_paths(source, "output") for source in sources)
    assert f"have {count} paths, not {32**3:,}" in words_of("docs/algorithms.md")


def test_the_size_of_a_page(tmp_path):
    graph = pf.trace(lambda x: pf.tag(jnp.tanh(x), "h").sum(), jnp.ones(2))
    result = pf.attribute(graph, (jnp.ones(2),), source="x", doi=pf.Point())
    size = result.save_html(tmp_path / "page.html").stat().st_size
    kilobytes = int(re.search(r"A page takes about (\d+) kB", words_of("docs/page.md"))[1])
    assert abs(size / 1000 - kilobytes) < 10
    whole = size + numbers_size(paths(5), "<f8")
    assert f"make {whole / 1e6:.1f} MB" in words_of("docs/page.md")


def test_the_number_of_slips():
    tree = ast.parse((ROOT / "tests/test_faults_of_use.py").read_text())
    (faults,) = [
        node.value.keys
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "FAULTS"
    ]
    assert f"| {len(faults)} slips |" in (ROOT / "docs/promises.md").read_text()


def numbers(text: str) -> list[tuple[float, int]]:
    """Numbers with their decimals; a per cent is one of a hundred."""
    found = re.findall(r"(?<![\w.])(\d[\d,]*(?:\.(\d+))?(?:e\d+)?)(?![\w])", text)
    return [(float(number.replace(",", "")), len(decimals)) for number, decimals in found]


def test_the_gallery_says_what_the_examples_say():
    gallery = (ROOT / "docs/examples.md").read_text()
    checked = 0
    for section in gallery.split("\n## ")[1:]:
        folder = re.search(r"python -m examples\.(\w+)", section)[1]
        own = [n for n, _ in numbers((ROOT / "examples" / folder / "README.md").read_text())]
        for number, decimals in numbers(section.split("```")[0]):
            assert any(round(n, decimals) == number for n in own), (folder, number)
            checked += 1
    assert checked > 20


def test_the_readme_names_what_each_extra_brings():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    told = {name: set(re.findall(r"[\w-]+", brings)) for name, brings in rows}
    for name in ("plot", "table", "export", "cli", "models", "study", "examples", "dask"):
        brought = set()
        for requirement in extras[name]:
            package, inner = re.match(r"([\w-]+)(?:\[([\w,]+)\])?", requirement).groups()
            brought |= set(inner.split(",")) if package == "pathflow" else {package}
        assert told[name] == brought, name


def rows(name: str) -> list[dict]:
    return json.loads((RESULTS / f"{name}.json").read_text())["rows"]


def power(value: float) -> str:
    return f"{value:.1e}".replace("e-0", "e-")


def test_what_is_promised_of_precision_was_measured():
    promises = words_of("docs/promises.md")
    lstm, encoder, *_ = rows("precision")
    assert lstm["influences"] == paths(5)
    residuals = [power(lstm[f"residual {dtype}"]) for dtype in ("float64", "float32")]
    assert f"{residuals[0]} and {residuals[1]} on all {paths(5):,} paths of a trained" in promises
    worst = [power(row["worst / largest"]) for row in (lstm, encoder)]
    assert f"off by {worst[0]} of the largest (trained LSTM), by {worst[1]} (trained e" in promises


def test_what_is_promised_of_memory_was_measured():
    ratios = [row["ratio"] for row in rows("memory")]
    assert np.isfinite(ratios).all()
    told = f"{len(ratios)} questions, ratios {min(ratios):.2f} to {max(ratios):.2f}"
    assert told in words_of("docs/promises.md")
    scan, convolutions = rows("memory_outside")
    told = f"{scan['ratio']:.2f} (an untagged scan of 200 steps) and {convolutions['ratio']:.2f}"
    assert told in words_of("docs/promises.md")
    for row in (scan, convolutions):
        told = f"({row['predicted MB']:.1f} and {row['measured MB']:.1f} MB)"
        assert told in words_of("docs/limits.md")


def test_what_is_said_of_the_first_paths_was_measured():
    found = {row["T"]: row for row in rows("topk")}
    assert all(row["exact"] for row in found.values())
    assert found[8]["same list"]
    assert found[20]["paths"] == pytest.approx(paths(20))
    thousands = {7: "seven"}[round(found[20]["followed"] / 1000)]
    worst = f"over fifty words it was as little as {found[50]['greedy, worst']:.1g} of it"
    assert worst in words_of("docs/peers.md")
    assert f"paths take {thousands} thousand beginnings" in words_of("docs/algorithms.md")
