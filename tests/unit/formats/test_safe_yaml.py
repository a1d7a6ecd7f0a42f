"""YAML from strangers: plain data comes out, under limits, or InvalidArgumentError; nothing is built or run."""

from __future__ import annotations

import importlib.util
import json
import re
import time
from types import ModuleType
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from herdbook.errors import InvalidArgumentError
from herdbook.formats import safe_yaml
from herdbook.formats.safe_yaml import MAX_ALIASES, MAX_BYTES, MAX_CHARACTERS, MAX_DEPTH, MAX_NODES, load_yaml


def load(text: str | bytes) -> Any:
    return load_yaml(text.encode() if isinstance(text, str) else text, what="MLmodel")


def bomb(levels: int, width: int) -> str:
    lines = ["a0: &a0 [" + ", ".join(["lol"] * width) + "]"]
    lines += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * width) + "]" for n in range(1, levels)]
    return "\n".join(lines)


def text_bomb(levels: int, width: int) -> str:
    """Few values and few aliases, and gigabytes of text once written out."""
    lines = ["a0: &a0 " + "x" * 900_000]
    lines += [f"a{n}: &a{n} [" + f"*a{n - 1}, " * width + "]" for n in range(1, levels + 1)]
    return "\n".join(lines)


@pytest.fixture
def pure(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module as it is where PyYAML has no libyaml."""
    monkeypatch.delattr(yaml, "CSafeLoader")
    spec = importlib.util.spec_from_file_location("safe_yaml_without_libyaml", safe_yaml.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module._Base is yaml.SafeLoader
    return module


BILLION_LAUGHS = bomb(9, 9)
FEW_ALIASES = bomb(7, 9)

REFUSED = {
    "billion laughs": (BILLION_LAUGHS, "more than"),
    "laughs under the limit on aliases": (FEW_ALIASES, f"more than {MAX_NODES:,} values"),
    "laughs of long texts": (text_bomb(3, 20), f"more than {MAX_CHARACTERS:,} characters"),
    "laughs of long keys": (
        "a: &a {? " + "k" * 10_000 + f" : 1}}\nb: &b [{'*a,' * 30}]\nc: [{'*b,' * 30}]",
        "characters",
    ),
    "laughs at the limit on aliases": (f"a: &a {'x' * 100_000}\nb: [{'*a,' * MAX_ALIASES}]", "line 2: .* characters"),
    "alias to itself": ("a: &x [*x]", r"line 1: the alias \*x stands inside what it names"),
    "alias to a mapping around it": ("&x {a: {b: *x}}", r"line 1: the alias \*x stands inside what it names"),
    "anchor given again inside itself": ("- &x 1\n- &x [*x]", "line 2: the anchor &x is there twice"),
    "anchor given again": ("a: &x 1\nb: &x 2", "line 2: the anchor &x is there twice"),
    "too many aliases": ("a: &x 1\nb: [" + "*x, " * (MAX_ALIASES + 1) + "]", f"line 2: it has more than {MAX_ALIASES}"),
    "unknown alias": ("b: 1\na: *nobody", "line 2: nothing has the anchor &nobody"),
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
    "empty int": ('b: 1\na: !!int ""', "line 2: a value is not acceptable as !!int"),
    "empty float": ('b: 1\na: !!float ""', "line 2: a value is not acceptable as !!float"),
    "no bool": ("b: 1\na: !!bool maybe", "line 2: a value is not acceptable as !!bool"),
    "no int": ("b: 1\na: !!int x", "line 2: a value is not acceptable as !!int"),
    "map of a list": ("a: !!map [1]", "a mapping was expected"),
    "map of text": ("a: !!map abc", "a mapping was expected"),
    "list of a mapping": ("a: !!seq {a: 1}", "."),
    "endless number": ("b: 1\na: " + "9" * 5000, "line 2: a value is not acceptable as !!int"),
    "endless number that is quickly read": ("b: 1\na: 0x" + "f" * 900_000, "line 2: a whole number has more than"),
    "two documents": ("--- 1\n--- 2", "another document"),
    "not UTF-8": (b"b: 1\na: \xff", "line 2: it is not UTF-8 text"),
    "UTF-16": ("a: 1".encode("utf-16"), "not UTF-8"),
    "NUL": ("é: 1\na: \x00", "line 2: "),
    "control character": ("é: 1\na: '\x01'", "line 2: .* not allowed"),
    "half a surrogate": ('b: 1\na: "\\ud800"', "line 2: "),
    "no character": ('b: 1\na: "\\UFFFFFFFF"', "line [12]: "),
    "escape below nothing": ('b: 1\na: "\\U00110000"', "line [12]: "),
    "version without end": (f"%YAML 1.{'9' * 5000}\n---\na: 1", "line 1: "),
    "broken": ("b: 1\na: [1", "line [23]: "),
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
    if text != REFUSED["too large"][0]:
        assert re.search(r"\bline \d+: ", str(caught.value))


SMALL = {name: case for name, case in REFUSED.items() if len(case[0]) < 20_000}


@pytest.mark.parametrize(("text", "why"), SMALL.values(), ids=SMALL.keys())
def test_without_libyaml_the_corpus_is_refused_alike(text: str | bytes, why: str, pure: ModuleType) -> None:
    """Where PyYAML was built without libyaml, its own parser stands under the same limits."""
    with pytest.raises(InvalidArgumentError, match=f"{why}|more than .* allowed|line 2: found unknown") as caught:
        pure.load_yaml(text.encode() if isinstance(text, str) else text, what="MLmodel")
    assert re.search(r"\bline \d+: ", str(caught.value))


def test_both_parsers_read_alike(pure: ModuleType) -> None:
    """A document means the same with and without libyaml."""
    text = "a: &x [1, 0x1f, 1_000, 1.5, yes, ~, 2020-01-01, 1:30, é]\nb:\n  c: *x\n  d: |\n    two\n    lines\n"
    assert pure.load_yaml(text.encode(), what="x") == load(text)


def test_time_is_linear_in_size() -> None:
    """Numbers in base 60 are a square of work for PyYAML; here they are text, as times are."""
    before = time.perf_counter()
    assert load("a: 1" + ":1" * 500_000)["a"].startswith("1:1:1")
    assert time.perf_counter() - before < 5


def test_shared_parts_are_read_up_to_their_limit() -> None:
    """Aliases may stand for text, as long as it stays within bounds once written out."""
    value = load(f"a: &a {'x' * 50_000}\nb: [{'*a,' * 60}]")
    assert len(json.dumps(value)) < MAX_CHARACTERS


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("a: 2020-01-01", {"a": "2020-01-01"}),
        ("a: 2020-01-01T00:00:00Z", {"a": "2020-01-01T00:00:00Z"}),
        ("a: 2020-01-01 00:00:00.5", {"a": "2020-01-01 00:00:00.5"}),
        ("a: .nan\nb: .inf\nc: -.inf", {"a": ".nan", "b": ".inf", "c": "-.inf"}),
        ("a: 1e3\nb: 1.5\nc: 1", {"a": "1e3", "b": 1.5, "c": 1}),
        ("a: 1:30:00\nb: 190:20.5\nc: -1:30", {"a": "1:30:00", "b": "190:20.5", "c": "-1:30"}),
        ("a: 0x1f\nb: 0b11\nc: 1_000", {"a": 31, "b": 3, "c": 1000}),
        ("a: !!float {=: .inf}", {"a": ".inf"}),
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
