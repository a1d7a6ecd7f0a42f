"""Compiled ranges hold exactly the names that lie in an allowed subtree and in no denied one."""

from __future__ import annotations

import itertools
import random

from hypothesis import example, given
from hypothesis import strategies as st

from herdbook.policy.ranges import EVERYTHING, TOP, compile_ranges, subtree
from herdbook.testing import strategies as ours

# Few letters make many relatives; '-', '_' and digits sort on either side of '.' and '/'.
LEVELS = st.text("a-_0", min_size=1, max_size=3).filter(lambda level: level[0] != "-")
NAMES = st.lists(LEVELS, min_size=1, max_size=3).map(".".join)
SETS = st.lists(NAMES, max_size=6)


def inside(name: str, tops: list[str]) -> bool:
    """Walk the tree: a name lies in a subtree when its first levels are the subtree's name."""
    levels = name.split(".")
    return any(levels[: len(top.split("."))] == top.split(".") for top in tops)


@given(SETS, SETS, st.lists(NAMES, min_size=1, max_size=10))
@example(["prod"], ["prod.hr"], ["prod", "prod-x", "prod.hr", "prod.hr.x", "prod.hr-x", "prod.hr0", "prod0", "prod_"])
def test_membership_is_the_trees(allow: list[str], deny: list[str], asked: list[str]) -> None:
    """A name is in the ranges just when the tree says so; a deny wins."""
    ranges = compile_ranges(allow, deny)
    children = [f"{name}.a" for name in (*allow, *deny)]
    beside = [f"{name}{tail}" for name in (*allow, *deny) for tail in "a-_0"]
    for name in (*asked, *allow, *deny, *children, *beside):
        assert (name in ranges) is (inside(name, allow) and not inside(name, deny)), name


@given(SETS, SETS)
def test_spans_are_sorted_and_disjoint(allow: list[str], deny: list[str]) -> None:
    """Spans are not empty, follow one another, and never touch, so that a join over them repeats no row."""
    spans = compile_ranges(allow, deny).spans
    assert all(low < high for low, high in spans)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(spans))


@given(SETS, SETS, st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(allow: list[str], deny: list[str], chance: random.Random) -> None:
    """The same subtrees compile to the same ranges however they are listed."""
    again = [*allow, *allow]
    chance.shuffle(again)
    assert compile_ranges(again, reversed(deny)) == compile_ranges(allow, deny)


@given(ours.model_names())
def test_real_names_lie_in_everything_and_in_their_parents(name: ours.ModelName) -> None:
    """Every folded name lies below TOP, in its own subtree and in each of its parents'."""
    assert name.key in EVERYTHING
    assert name.key < TOP
    for top in (name.key, name.parent.key, name.parent.parent.key):
        assert name.key in compile_ranges([top])
        assert name.key not in compile_ranges([top], [name.parent.key])


@given(SETS)
def test_nothing_allowed_is_nothing_seen(deny: list[str]) -> None:
    """No allowed subtree, no range; and what is allowed and denied alike is denied."""
    assert compile_ranges([], deny).spans == ()
    assert compile_ranges(deny, deny).spans == ()


def test_a_subtree_is_the_name_and_what_begins_with_it_and_a_dot() -> None:
    """The two spans of a subtree leave out what only begins alike."""
    assert subtree("prod") == (("prod", "prod\x01"), ("prod.", "prod/"))


@given(SETS, SETS, st.lists(NAMES, max_size=10))
@example(["prod"], ["prod.hr.m", "prod.fr"], ["prod.hr.m", "prod.hr.n", "prod.fr.m", "prod.hr.m0"])
def test_pieces_hold_the_models_that_ranges_hold(allow: list[str], deny: list[str], asked: list[str]) -> None:
    """Names alone, wide spans and their holes hold just the names of models that the ranges hold."""
    ranges = compile_ranges(allow, deny)
    pieces = ranges.pieces
    for name in (*asked, *allow, *deny, *(f"{one}.a.a"[: len(one) + 4] for one in (*allow, *deny))):
        if name.count(".") == 2:
            in_wide = any(low <= name < high for low, high in pieces.wide) and name not in pieces.holes
            assert (name in pieces.names or in_wide) is (name in ranges) is (name in ranges.of_models), name
