import copy
import pickle
import random
import time
from itertools import product

import pytest
from hypothesis import given

import pathflow as pf
from pathflow.graph import compile_automaton, signature
from pathflow.graph._minimise import coarsest
from tests.helpers import pattern_matches, patterns

LABELS = ["a@0", "a@1", "b@1"]
NODES = [pf.Node.parse(label) for label in [*LABELS, "c"]]
WORDS = [word for length in range(5) for word in product(NODES, repeat=length)]


def compiled(partition, nodes=NODES, **options) -> pf.Automaton:
    return compile_automaton(partition, {signature(partition.steps, n) for n in nodes}, **options)


def read(automaton, word) -> frozenset[str]:
    state = automaton.start
    for node in word:
        state = automaton.next(state, node)
    return automaton.classes[state]


def same_paths(*several) -> bool:
    """Whether patterns match the same paths: then they share every class."""
    named = {str(i): p for i, p in enumerate(several)}
    return all(len(c) in (0, len(named)) for c in compiled(pf.Patterns(named)).classes)


@given(patterns(LABELS), patterns(LABELS))
def test_automaton_reads_what_the_patterns_mean(first, second):
    automaton = compiled(pf.Patterns({"first": first, "second": second}))
    for word in WORDS:
        expected = {
            n for n, p in [("first", first), ("second", second)] if pattern_matches(p, word)
        }
        assert read(automaton, word) == expected


@given(patterns(LABELS))
def test_minimal_and_reachable(pattern):
    automaton = compiled(pf.Patterns({"p": pattern}))
    reached = {automaton.start: ()}
    for state in list(reached):
        waiting = [state]
        while waiting:
            q = waiting.pop()
            for row in automaton.table:
                if row[q] not in reached:
                    reached[row[q]] = ()
                    waiting.append(row[q])
    assert len(reached) == automaton.n_states
    # Pairs that some word tells apart, found by going backward from the classes.
    states = range(automaton.n_states)
    apart = {(p, q) for p in states for q in states if automaton.classes[p] != automaton.classes[q]}
    while True:
        more = {
            (p, q)
            for p in states
            for q in states
            if any((row[p], row[q]) in apart for row in automaton.table)
        }
        if more <= apart:
            break
        apart |= more
    assert all((p, q) in apart for p in states for q in states if p != q)
    assert len(set(automaton.table)) == len(automaton.table)


@given(patterns(LABELS), patterns(LABELS), patterns(LABELS))
def test_laws(a, b, c):
    assert same_paths(~~a, a)
    assert same_paths(~(a | b), ~a & ~b)
    assert same_paths(a >> (b | c), (a >> b) | (a >> c))
    assert same_paths(a & (b | c), (a & b) | (a & c))
    assert same_paths(a.repeat(0).repeat(2, 5), a.repeat(0))
    assert same_paths(a.repeat(1).repeat(0, 2), a.repeat(0))
    assert same_paths(a.repeat(1).repeat(2, 3), a.repeat(2))
    assert same_paths(a.repeat(0, 2).repeat(0, 2), a.repeat(0, 4))
    assert same_paths(a.repeat(2, 3), (a >> a) | (a >> a >> a))
    assert not same_paths(a, ~a)


def test_equal_languages_have_equal_automata():
    texts = ["(a@0 | b) (b | a@0)*", "(a@0 | b)+ & ~()"]
    one, other = (compiled(pf.Patterns({"p": text})) for text in texts)
    assert (one.table, one.classes) == (other.table, other.classes)
    assert compiled(pf.Patterns({"p": "a b"})) == compiled(pf.Patterns({"p": "a  b"}))
    assert hash(one) == hash(copy.deepcopy(one))


def test_letters_that_no_state_tells_apart_are_one():
    automaton = compiled(pf.Patterns({"p": "(a@0 | a@1) b .*"}))
    assert len(automaton.letters) == 4
    assert len(automaton.table) == 3
    assert automaton.letter(NODES[0]) == automaton.letter(NODES[1]) != automaton.letter(NODES[2])


def test_a_letter_that_was_not_compiled():
    automaton = compiled(pf.Patterns({"p": "a b"}), nodes=NODES[:2])
    with pytest.raises(pf.PatternError, match="node b@1 matches `b`, a combination that"):
        automaton.letter(NODES[2])
    with pytest.raises(pf.PatternError, match="node c matches no step"):
        automaton.next(0, NODES[3])


def test_the_primary_path_of_an_lstm_has_a_state_per_step():
    partition = pf.Patterns({"primary": "x g0 c0 h0 g1 c1+ h1 qoi"})
    nodes = [pf.Node(n, (0,)) for n in ["x", *map("".join, product("ifgoch", "01"))]]
    automaton = compiled(partition, [*nodes, pf.Node("qoi")])
    # One before each of the eight steps, one at the end, and one for what has left the path.
    assert automaton.n_states == 10
    assert automaton.classes[-1] == {"primary"}
    assert sum(map(bool, automaton.classes)) == 1


@pytest.mark.parametrize(
    "pattern",
    [
        "a{1,100000}",
        "((a)? (b)?){1,100000}",
        ".* a .{20}",
        "(a{0,3} b{1,4} | (a b a)*){5,300000} & ~(.* a .{9} b .*)",
    ],
)
def test_too_many_states_is_said_soon(pattern):
    start = time.process_time()
    with pytest.raises(pf.PatternError) as caught:
        compiled(pf.Patterns({"p": pattern}))
    assert time.process_time() - start < 10
    assert str(caught.value) == (
        "the classes 'p' need more than 4096 states to tell paths apart: use `+` or `*` in the "
        "place of a long repetition `{m,n}`, put less after a `.*`, or ask for fewer classes, or "
        "a shorter list of paths, at a time."
    )


def test_long_repetitions_within_the_limit():
    automaton = compiled(pf.Patterns({"p": "a{1,700} b{0,300} c"}))
    assert automaton.n_states == 1 + 700 + 300 + 2
    word = [NODES[0]] * 700 + [NODES[2]] * 300
    assert read(automaton, [*word, NODES[3]]) == {"p"}
    assert read(automaton, [NODES[0], *word, NODES[3]]) == frozenset()
    with pytest.raises(pf.PatternError, match="need more than 100 states"):
        compiled(pf.Patterns({"p": "a{1,2000}"}), max_states=100)


def test_coarsest_against_refinement_until_nothing_changes():
    # On the last three a block is split that waits to be a splitter itself, and both halves count.
    for seed in (*range(150), 457, 506, 599):
        draw = random.Random(seed)  # noqa: S311
        n = draw.randint(2, 14)
        table = [[draw.randrange(n) for _ in range(n)] for _ in range(draw.randint(1, 3))]
        kinds = [draw.randrange(draw.choice((2, 2, 3, 4))) for _ in range(n)]
        blocks = list(kinds)
        while True:
            finer = [(b, *(blocks[row[q]] for row in table)) for q, b in enumerate(blocks)]
            numbers = {key: i for i, key in enumerate(dict.fromkeys(finer))}
            if len(numbers) == len(set(blocks)):
                break
            blocks = [numbers[key] for key in finer]
        found = coarsest(table, kinds)
        pairs = list(product(range(n), repeat=2))
        same = [blocks[p] == blocks[q] for p, q in pairs]
        assert [found[p] == found[q] for p, q in pairs] == same


def test_patterns_as_values():
    partition = pf.Patterns({"p": "a b", "q": ". c@1:"})
    assert partition == pf.Patterns({"p": pf.Step("a") >> "b", "q": ". c@1:"})
    assert partition != pf.Patterns({"q": ". c@1:", "p": "a b"})
    assert hash(partition) == hash(pickle.loads(pickle.dumps(partition)))  # noqa: S301
    assert copy.deepcopy(partition) == partition
    assert repr(partition) == "Patterns({'p': 'a b', 'q': '. c@1:'})"
    assert partition.patterns["p"] == pf.Pattern.parse("a b")
    assert partition.steps == tuple(map(pf.Pattern.parse, ["a", "b", "c@1:"]))


def test_a_node_of_no_letter_that_it_was_compiled_for():
    automaton = compile_automaton(pf.Patterns({"p": "a b"}), [frozenset({0})])
    said = "a combination that the automaton was not compiled for; compile it with the signatures"
    for node, matched in (("b", "`b`"), ("z", "no step")):
        with pytest.raises(pf.PatternError, match=f"^node {node} matches {matched}, {said} of all"):
            automaton.letter(pf.Node(node))
    # Without a letter for `b`, no word is in the class.
    assert repr(automaton) == "Automaton(1 states, 1 letters, ('p',))"


def test_letters_are_numbered_in_one_order_however_they_come():
    partition = pf.Patterns({"p": "a b", "q": ". c"})
    letters = [frozenset(s) for s in ((2,), (), (0, 1), (1,), (0,), (0, 2))]
    first = compile_automaton(partition, letters)
    assert list(first.letters) == sorted(letters, key=sorted)
    assert compile_automaton(partition, letters[::-1]) == first
