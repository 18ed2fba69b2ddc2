"""`attribute --resume` and `--shard`, and `merge`: the files that the library writes."""

import numpy as np
import pytest

import pathflow as pf
from tests.scale._asked import content


def done(found):
    assert (found.code, found.err) == (0, "")
    return found


def saved(run, *arguments):
    """A command that writes `asked:problem` in blocks of one influence."""
    return run("attribute", "asked:problem", "--block", "1", "--quiet", *arguments)


def test_a_run_that_was_stopped_goes_on(run, asked):
    problem = asked.problem()
    expected = problem.attribute(pf.EnumerateTo("expected", block=1))
    found = done(saved(run, "--out", "run", "--resume", "--json")).json()
    folder = expected.folder.parent / "run"
    assert content(folder) == content(expected.folder)
    assert found["result"] == "Run"
    np.testing.assert_array_equal(found["total"], expected.total)
    assert [row["path"] for row in found["rows"]] == [str(r.path) for r in expected.top()]
    kept = (folder / "influences-000003.npy").stat().st_ino
    for number in (0, 2):
        (folder / f"influences-{number:06d}.npy").unlink()
    text = done(saved(run, "--out", "run", "--resume", "--rows", "2")).out
    assert "4 paths, " in text
    assert content(folder) == content(expected.folder)
    assert (folder / "influences-000003.npy").stat().st_ino == kept


def test_shards_are_merged_to_the_run_of_one_call(run, asked):
    expected = asked.problem().attribute(pf.EnumerateTo("expected", block=1))
    folder = expected.folder.parent / "parts"
    text = done(saved(run, "--out", "parts", "--shard", "1/3")).out
    assert text == "shard 1 of 3 of 4 paths, 1 of 1 blocks\n"
    found = run("merge", "parts", "--quiet")
    assert (found.code, found.out) == (1, "")
    assert "of 3 shards, there is no 0, 2. Run each of them again" in found.err
    assert "as `pathflow attribute --shard 0/3`, or join what there is by --partial." in found.err
    part = done(run("merge", "parts", "--partial", "--quiet", "--json")).json()
    assert part == {
        "result": "Run",
        "folder": "parts",
        "shard": None,
        "complete": False,
        "written": 1,
        "blocks": 4,
    }
    shard = done(saved(run, "--out", "parts", "--shard", "0/3", "--json")).json()
    assert (shard["shard"], shard["complete"]) == ({"index": 0, "of": 3}, True)
    done(saved(run, "--out", "parts", "--shard", "2/3"))
    text = done(run("merge", "parts", "--quiet")).out
    assert content(folder) == content(expected.folder)
    # As a call without shards that finds all of it written.
    assert text == done(saved(run, "--out", "parts", "--resume")).out
    shards = [f"parts/shard-{i}-of-3" for i in range(3)]
    done(run("merge", "elsewhere", *shards, "--quiet"))
    assert content(folder.parent / "elsewhere") == content(expected.folder)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--resume",), "--resume writes block by block; give the folder by --out"),
        (("--shard", "0/2"), "--shard writes block by block; give the folder by --out"),
        (("--resume", "--out", "run", "--top", "3"), "--resume is for all paths"),
        (("--shard", "0/2", "--out", "run", "--above", "0.1"), "--shard is for all paths"),
        (("--block", "4", "--out", "run"), "--block goes with --resume or --shard"),
        (("--block", "0", "--out", "run", "--resume"), "--block 0 takes a number of influences"),
        (("--shard", "2/2", "--out", "run"), "--shard 2/2 is no I/N; shards are counted from 0"),
        (("--shard", "-1/2", "--out", "run"), "--shard -1/2 is no I/N"),
        (("--shard", "1", "--out", "run"), "--shard 1 is no I/N"),
        (("--shard", "0/0", "--out", "run"), "--shard 0/0 is no I/N"),
    ],
)
def test_options_that_do_not_fit_are_refused_before_any_work(run, folder, arguments, why):
    found = run("attribute", "asked:raises", *arguments)
    assert (found.code, found.out) == (1, "")
    assert why in found.err
    assert not (folder / "run").exists()


def test_a_shard_with_other_options_is_refused(run, folder):
    done(run("attribute", "asked:problem", "--out", "run", "--shard", "0/2", "--quiet"))
    done(saved(run, "--out", "run", "--shard", "1/2"))
    found = run("merge", "run")
    assert (found.code, found.out) == (1, "")
    assert "are no shards of one run: blocks block = " in found.err
    assert run("merge", "run", "--rows", "-1").err.startswith("pathflow: error: --rows -1")
    said = run("merge", "nowhere").err
    assert "there are no shards in it" in said
    assert "by `pathflow attribute --shard 0/8` and so on, or name their folders by giving" in said


def test_the_option_that_was_forgotten_is_named(run, folder):
    done(saved(run, "--out", "run", "--resume"))
    found = run("attribute", "asked:problem", "--out", "run", "--resume")
    assert (found.code, found.out) == (1, "")
    assert "was begun with blocks block = [1]" in found.err
    assert "The option is --block." in found.err
    taken = run("attribute", "asked:raises", "--out", "run").err
    assert "give another folder, or delete it first. To go on with" in taken
    assert "add --resume." in taken
    assert "--resume" not in run("attribute", "asked:raises", "--out", "run", "--top", "1").err
