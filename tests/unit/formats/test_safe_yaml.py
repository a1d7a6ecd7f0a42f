"""YAML from strangers: plain data comes out, under limits, or InvalidArgumentError; nothing is built or run."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.errors import InvalidArgumentError
from herdbook.formats.safe_yaml import MAX_ALIASES, MAX_BYTES, MAX_DEPTH, MAX_NODES, load_yaml


def load(text: str | bytes) -> Any:
    return load_yaml(text.encode() if isinstance(text, str) else text, what="MLmodel")


def bomb(levels: int, width: int) -> str:
    lines = ["a0: &a0 [" + ", ".join(["lol"] * width) + "]"]
    lines += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * width) + "]" for n in range(1, levels)]
    return "\n".join(lines)


BILLION_LAUGHS = bomb(9, 9)
FEW_ALIASES = bomb(7, 9)

REFUSED = {
    "billion laughs": (BILLION_LAUGHS, "more than"),
    "laughs under the limit on aliases": (FEW_ALIASES, f"more than {MAX_NODES:,} values"),
    "alias to itself": ("a: &x [*x]", f"more than {MAX_NODES:,} values"),
    "alias to a mapping around it": ("&x {a: {b: *x}}", f"more than {MAX_NODES:,} values"),
    "too many aliases": ("a: &x 1\nb: [" + "*x, " * (MAX_ALIASES + 1) + "]", f"line 2: it has more than {MAX_ALIASES}"),
    "unknown alias": ("a: *nobody", "."),
    "deep lists": ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), f"nested more than {MAX_DEPTH} deep"),
    "very deep lists": ("[" * 500_000, f"nested more than {MAX_DEPTH} deep"),
    "deep mappings": ("{a: " * (MAX_DEPTH + 1) + "1" + "}" * (MAX_DEPTH + 1), f"nested more than {MAX_DEPTH} deep"),
    "deep blocks": ("\n".join(" " * n + "a:" for n in range(MAX_DEPTH + 2)), f"nested more than {MAX_DEPTH} deep"),
    "too many values": ("[" + "1," * (MAX_NODES + 1) + "]", f"more than {MAX_NODES:,} values"),
    "too large": ("a: " + "x" * MAX_BYTES, "at most 1,048,576 are read"),
    "duplicate key": ("a: 1\nb: 2\na: 3", "line 3: the key 'a' is there twice"),
    "duplicate key, quoted": ("a: 1\n'a': 3", "line 2: the key 'a' is there twice"),
    "duplicate key inside": ("x: {k: 1, k: 1}", "the key 'k' is there twice"),
    "key that is a number": ("1: a", "the key 1 is not text"),
    "key that is a truth value": ("on: a", "the key True is not text"),
    "key that is null": ("~: a", "the key None is not text"),
    "key that is a list": ("? [1]\n: 2", r"the key \[1\] is not text"),
    "merge key": ("<<: {a: 1}", "."),
    "object": ("a: !!python/object:os.system x", "python/object"),
    "applied object": ("!!python/object/apply:os.system ['exit 1']", "python/object"),
    "module": ("a: !!python/module:os", "python/module"),
    "name": ("a: !!python/name:os.system", "python/name"),
    "tuple": ("a: !!python/tuple [1]", "python/tuple"),
    "own tag": ("a: !herd 1", "!herd"),
    "set": ("a: !!set {x, y}", "set"),
    "omap": ("a: !!omap [x: 1]", "omap"),
    "pairs": ("a: !!pairs [x: 1]", "pairs"),
    "binary": ("a: !!binary aGVsbG8=", "binary"),
    "empty int": ('a: !!int ""', "cannot be read"),
    "empty float": ('a: !!float ""', "cannot be read"),
    "no bool": ("a: !!bool maybe", "cannot be read"),
    "no int": ("a: !!int x", "cannot be read"),
    "map of a list": ("a: !!map [1]", "a mapping was expected"),
    "map of text": ("a: !!map abc", "a mapping was expected"),
    "list of a mapping": ("a: !!seq {a: 1}", "."),
    "endless number": ("a: " + "9" * 5000, "cannot be read"),
    "two documents": ("--- 1\n--- 2", "another document"),
    "not UTF-8": (b"a: \xff", r"not UTF-8 text \(byte 3\)"),
    "UTF-16": ("a: 1".encode("utf-16"), "not UTF-8"),
    "NUL": ("a: \x00", "."),
    "half a surrogate": ('a: "\\ud800"', "."),
    "broken": ("a: [1", "line"),
    "tab": ("a:\n\t- 1", "line 2"),
}


@pytest.mark.parametrize(("text", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_the_hostile_corpus_is_refused(text: str | bytes, why: str) -> None:
    """Each document is refused with what it is and what is wrong, in little time, and builds nothing."""
    before = time.perf_counter()
    with pytest.raises(InvalidArgumentError, match=why) as caught:
        load(text)
    assert time.perf_counter() - before < 10
    assert str(caught.value).startswith("MLmodel ")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("a: 2020-01-01", {"a": "2020-01-01"}),
        ("a: 2020-01-01T00:00:00Z", {"a": "2020-01-01T00:00:00Z"}),
        ("a: 2020-01-01 00:00:00.5", {"a": "2020-01-01 00:00:00.5"}),
        ("a: .nan\nb: .inf\nc: -.inf", {"a": ".nan", "b": ".inf", "c": "-.inf"}),
        ("a: 1e3\nb: 1.5\nc: 1", {"a": "1e3", "b": 1.5, "c": 1}),
        ("a: yes\nb: ~\nc: 'yes'", {"a": True, "b": None, "c": "yes"}),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ("a: |\n  one\n  two\n", {"a": "one\ntwo\n"}),
        ("é: ü", {"é": "ü"}),
    ],
)
def test_plain_data_comes_out(text: str, value: Any) -> None:
    """What YAML says in JSON's terms is read; times and numbers that JSON lacks stay text."""
    assert load(text) == value


def test_limits_are_reached_before_they_refuse() -> None:
    """Exactly at its limits a document is still read."""
    assert load("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    assert len(load("a: &x 1\nb: [" + "*x, " * MAX_ALIASES + "]")["b"]) == MAX_ALIASES
    text = "a: "
    assert load(text + "x" * (MAX_BYTES - len(text)))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_json_is_yaml(value: Any) -> None:
    """A JSON document, written in ASCII, reads as itself."""
    # YAML has no surrogate pairs in escapes, so only characters of the first plane are compared.
    text = json.dumps(value)
    if "\\ud8" in text or "\\ud9" in text or "\\uda" in text or "\\udb" in text:
        return
    assert load(text) == value


@given(st.one_of(st.binary(max_size=60), st.text("ab:-{}[],&*!|>'\"#%@`?\n\t 01.", max_size=40)))
def test_nothing_else_is_ever_raised(data: bytes | str) -> None:
    """Any bytes give JSON's plain data or InvalidArgumentError."""
    try:
        value = load(data)
    except InvalidArgumentError:
        return
    json.dumps(value, allow_nan=False)


TAGS = ["int", "float", "bool", "null", "str", "seq", "map", "set", "omap", "pairs", "binary", "timestamp", "merge"]


@given(
    st.sampled_from(TAGS),
    st.sampled_from(["", "''", "x", "[]", "{}", "[1]", "{a: 1}", "0x", "0b", "1:", "-", ".", "="]),
)
def test_standard_tags_on_anything(tag: str, value: str) -> None:
    """A standard tag on a value that it does not fit is refused, not a defect."""
    try:
        json.dumps(load(f"a: !!{tag} {value}"), allow_nan=False)
    except InvalidArgumentError:
        return
