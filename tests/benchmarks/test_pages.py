"""What pages say of speed is in the files of `benchmarks/results`."""

import json
import re

import pytest

from benchmarks import pages

MADE = dict(pages.pages())
RANDOM, TRAINED = (pages.read(name) for name in (pages._RANDOM, pages._TRAINED))
MODELS = (RANDOM, TRAINED)


@pytest.mark.parametrize("file", MADE, ids=lambda f: str(f.relative_to(pages.ROOT)))
def test_a_table_is_what_was_measured(file):
    assert file.read_text() == MADE[file]
    assert "<!-- measured: " in MADE[file]
    for name, table in pages.tables().items():
        assert (f"<!-- measured: {name} -->" in MADE[file]) == (table in MADE[file])


def test_another_number_would_be_seen(tmp_path, monkeypatch):
    for name in (pages._RANDOM, pages._TRAINED):
        whole = json.loads((pages.RESULTS / f"{name}.json").read_text())
        for row in whole["rows"]:
            row["processor"] = [3 * s for s in row["processor"]] if row["key"] == "captum" else []
        (tmp_path / f"{name}.json").write_text(json.dumps(whole))
    before = pages.times(RANDOM["captum"], RANDOM["pathflow"])
    monkeypatch.setattr(pages, "RESULTS", tmp_path)
    assert pages.read(pages._RANDOM)["captum"].processor_median == pytest.approx(
        3 * before * RANDOM["pathflow"].processor_median
    )
    assert pages.read(pages._RANDOM)["pathflow"].processor_median is None


def claims():
    """Sentences with their numbers filled in."""
    first = sorted(m["pathflow_first"].seconds[0] for m in MODELS)
    yield "limits", f"took {first[0]:.0f} s (trained) and {first[1]:.0f} s (random)"
    assert TRAINED["pathflow_first"].seconds < RANDOM["pathflow_first"].seconds
    median, worst, found = re.search(
        r"is (\S+) of the largest in .* 20 sentences, (\S+) at worst; the largest itself in (\d+)",
        TRAINED["pathflow_greedy"].note,
    ).groups()
    assert TRAINED["guided"].note in TRAINED["pathflow_greedy"].note
    assert float(worst) < float(median) < 1
    for page in ("limits", "peers"):
        yield page, f"in {found} of 20 sentences, and otherwise as little as {worst} of it"
    assert all("the largest itself in 20" in m["pathflow_top"].note for m in MODELS)
    yield "limits", "has the largest in all 20"
    off = max(m["captum_layers"].error for m in MODELS)
    yield "limits", f"up to {off:.0%} off"
    yield "peers", f"up to {off:.0%} of the largest away"
    gap = max(r.error for m in MODELS for k, r in m.items() if r.error and k != "captum_layers")
    yield "limits", f"path by path to {gap:.0e}".replace("e-0", "e-")
    ratios = [pages.times(m["pathflow_total"], m["captum"]) for m in MODELS]
    assert 2 < min(ratios) < max(ratios) < 3.5
    yield "peers", "two to three times as fast"
    ratios = [pages.times(m["pathflow_greedy"], m["guided"]) for m in MODELS]
    assert 3 < min(ratios) < max(ratios) < 5.1
    yield "peers", "three to five times slower"
    rates = [[m[f"floor_{k}_live"].median for k in ("torch", "xla")] for m in MODELS]
    assert all(torch < xla for torch, xla in rates)
    ratios = [pages.times(m["meet_live"], m["pathflow"]) for m in MODELS]
    assert 0.45 < min(ratios) < max(ratios) < 0.75
    yield "peers", "half to three quarters of pathflow's time"


@pytest.mark.parametrize(("page", "sentence"), list(claims()))
def test_what_is_said_in_words_was_measured(page, sentence):
    assert sentence in " ".join((pages.ROOT / f"docs/{page}.md").read_text().split())


def test_later_calls_compiled_nothing_but_those_that_follow_new_paths():
    for model in MODELS:
        for key, row in model.items():
            if key.startswith("pathflow") and key not in ("pathflow_first", "pathflow_greedy"):
                assert "0 compilations" in row.note, key


def test_both_runs_were_of_one_version_and_all_methods_of_one_model():
    whole = [
        json.loads((pages.RESULTS / f"{name}.json").read_text())
        for name in (pages._RANDOM, pages._TRAINED)
    ]
    assert whole[0]["about"]["versions"] == whole[1]["about"]["versions"]
    for one in whole:
        (setting,) = one["about"]["settings"]
        assert (setting["threads"], setting["steps"], setting["points"]) == (1, 5, 50)
        # Without the load nobody could tell what the clock's seconds are worth.
        assert len(one["about"]["load"]) == 3
    assert [w["about"]["settings"][0]["units"] for w in whole] == [650, 200]
