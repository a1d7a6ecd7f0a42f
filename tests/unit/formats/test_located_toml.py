"""TOML whose every mistake is told with file, line and the nearest right word."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from attrs import field, frozen
from hypothesis import given
from hypothesis import strategies as st

from herdbook.errors import InvalidArgumentError
from herdbook.formats.located_toml import load_toml, structure_located
from herdbook.names import CatalogName
from herdbook.settings import load_settings
from herdbook.wire import converter

DOCUMENT = '''\
# a = 0
top = 1
"quoted key" = 2
dotted.inner.leaf = 3
dotted.inner.other = 4

[table]  # a comment with [brackets] and x = 1
first = "a = b # no comment"
list = [
  1,  # one ]
  "[not.a.header]",
  "x = 1",
]
after_list = 1
long = """
[fake]
fake = 1
\\""" still "
"""
after_long = 2
quotes = ["""a"""", "b", \'\'\'c\'\'\'\'\']
after_quotes = 3
literal = \'\'\'
[[fake]]
\\\'\'\'
after_literal = 4
inline = { x = 1, y = "}" }
after_inline = 5
escaped = "\\"["
after_escaped = 6
  indented = 7

[ spaced . "quo.ted" ]
leaf = 1

[[rules]]
rule = "one"

[[rules]]
rule = "two"
params = { a = 1 }

[[rules.parts]]
name = "p0"

[[rules.parts]]
name = "p1"

[rules.table]
deep = 1

[[rules]]
rule = "three"

[[rules.parts]]
name = "q0"

[end]
last = true
'''

LINES: dict[tuple[str | int, ...], str] = {
    ("top",): "top = 1",
    ("quoted key",): '"quoted key" = 2',
    ("dotted", "inner", "leaf"): "dotted.inner.leaf = 3",
    ("dotted", "inner", "other"): "dotted.inner.other = 4",
    ("dotted",): "dotted.inner.leaf = 3",
    ("dotted", "inner"): "dotted.inner.leaf = 3",
    ("table",): "[table]  # a comment with [brackets] and x = 1",
    ("table", "first"): 'first = "a = b # no comment"',
    ("table", "list"): "list = [",
    ("table", "list", 1): "list = [",
    ("table", "after_list"): "after_list = 1",
    ("table", "long"): 'long = """',
    ("table", "after_long"): "after_long = 2",
    ("table", "quotes"): 'quotes = ["""a"""", "b", \'\'\'c\'\'\'\'\']',
    ("table", "after_quotes"): "after_quotes = 3",
    ("table", "after_literal"): "after_literal = 4",
    ("table", "inline"): 'inline = { x = 1, y = "}" }',
    ("table", "inline", "y"): 'inline = { x = 1, y = "}" }',
    ("table", "after_inline"): "after_inline = 5",
    ("table", "after_escaped"): "after_escaped = 6",
    ("table", "indented"): "  indented = 7",
    ("spaced", "quo.ted"): '[ spaced . "quo.ted" ]',
    ("spaced", "quo.ted", "leaf"): "leaf = 1",
    ("rules", 0, "rule"): 'rule = "one"',
    ("rules", 1, "rule"): 'rule = "two"',
    ("rules", 1, "params", "a"): "params = { a = 1 }",
    ("rules", 1, "parts", 0, "name"): 'name = "p0"',
    ("rules", 1, "parts", 1, "name"): 'name = "p1"',
    ("rules", 1, "table", "deep"): "deep = 1",
    ("rules", 2, "rule"): 'rule = "three"',
    ("rules", 2, "parts", 0, "name"): 'name = "q0"',
    ("end", "last"): "last = true",
}


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("path", LINES, ids=str)
def test_every_construct_has_its_line(path: tuple[str | int, ...], newline: str) -> None:
    """Tables, arrays of tables, dotted and quoted keys, long texts and lists: each key is found where it stands."""
    table = load_toml(DOCUMENT.replace("\n", newline), file="f.toml")
    assert DOCUMENT.split("\n")[table.line_of(path) - 1] == LINES[path]


def test_nothing_is_located_that_is_not_there() -> None:
    """What looks like keys and headers inside texts and comments is none, and every key path leads to a value."""
    table = load_toml(DOCUMENT, file="f.toml")
    for path in table.lines:
        value: Any = table.data
        for step in path:
            value = value[step]


def test_headers_of_arrays_count_up() -> None:
    """An entry's own line is its `[[...]]`."""
    table = load_toml("[[a]]\n[[a]]\n\n[[a.b]]\n[[a]]\n[[a.b]]\n[[a.b]]\n", file="f.toml")
    entries = [("a", 0), ("a", 1), ("a", 1, "b", 0), ("a", 2), ("a", 2, "b", 0), ("a", 2, "b", 1)]
    assert [table.line_of(path) for path in entries] == [1, 2, 4, 5, 6, 7]


@pytest.mark.parametrize("header", ['["a#b"]', '["a] #b"]', "['a]b']", '["a\\"b"]', '["\\u0061"]', '[""]', "[x.'y.z']"])
def test_quoted_headers_are_read_whole(header: str) -> None:
    """Brackets, '#', dots and escapes inside a quoted key belong to the key."""
    table = load_toml(f"\n{header}\nleaf = 1\n", file="f.toml")
    path: tuple[str, ...] = ()
    value: Any = table.data
    while isinstance(value, dict):
        ((key, value),) = value.items()
        path += (key,)
    assert table.line_of(path) == 3
    assert table.line_of(path[:-1]) == 2


def test_quoted_keys_are_read_whole() -> None:
    """An escaped quoted key is found under the name that it stands for."""
    table = load_toml('x = 1\n"a\\"=b" = 2\n"\\u0063" = 3\n', file="f.toml")
    assert [table.line_of((key,)) for key in table.data] == [1, 2, 3]


@given(st.data())
def test_any_document_is_located(data: st.DataObject) -> None:
    """Documents put together at random: each key is told on the line where it was written."""
    lines: list[str] = []
    expected: dict[tuple[str | int, ...], int] = {}

    def write_keys(prefix: tuple[str | int, ...]) -> None:
        for name in data.draw(st.lists(NAMES, max_size=3, unique=True)):
            expected[(*prefix, name)] = len(lines) + 1
            spelled = data.draw(st.sampled_from([json.dumps(name), f" {json.dumps(name)} "]))
            lines.extend(f"{spelled}= {data.draw(st.sampled_from(VALUES))}".split("\n"))
        lines.extend(data.draw(st.lists(st.sampled_from(["", "# [x] = 1", "  # '"]), max_size=2)))

    write_keys(())
    for table in data.draw(st.lists(st.sampled_from(["T", "U"]), max_size=2, unique=True)):
        for entry in range(data.draw(st.integers(1, 3))):
            path = (table, entry)
            expected[path] = len(lines) + 1
            lines.append(f"[[{table}]] # [[x]]")
            write_keys(path)
            if data.draw(st.booleans()):
                lines.append(f"[ {table} . 'in ner' ]")
                expected[(*path, "in ner")] = len(lines)
                write_keys((*path, "in ner"))
    located = load_toml("\n".join(lines), file="f.toml")
    assert {path: located.line_of(path) for path in expected} == expected


NAMES = st.text("ab.=[]# \"'", min_size=1, max_size=4)
VALUES = [
    *("1", "'#'", '"]"', "[1, [2]]", "{ a = '}', b = [1] }", "2026-01-01T00:00:00Z", "''''''''"),
    *('"""\n[x]\ny = 1\n\\"""z"""', "'''\n\"\"\"\nx = 1\\'''", "[\n  ']', # [\n  1,\n]", '"\\"" # "'),
]


@frozen(kw_only=True)
class Part:
    name: str
    size: int = 0


@frozen(kw_only=True)
class Span:
    low: int = 0
    high: int = 0

    def __attrs_post_init__(self) -> None:
        if self.high < self.low:
            raise InvalidArgumentError("high is less than low.", hint="Swap them.")


@frozen(kw_only=True)
class Sheet:
    title: str
    catalog: CatalogName | None = None
    parts: tuple[Part, ...] = field(default=())


def mistakes(text: str, kind: type = Sheet, path: tuple[str | int, ...] = ()) -> list[str]:
    with pytest.raises(InvalidArgumentError) as caught:
        structure_located(load_toml(text, file="s.toml"), path, kind, converter=converter)
    assert str(caught.value) == "; ".join(caught.value.details["faults"]) + "."
    return list(caught.value.details["faults"])


def test_all_mistakes_are_told_each_with_its_line() -> None:
    """Several mistakes are one error that lists them all."""
    text = 'tilte = "x"\n\n[[parts]]\nname = 3\n\n[[parts]]\nname = "b"\nsize = "big"\nsice = 1\n'
    assert sorted(mistakes(text)) == [
        "s.toml:1: the key title is missing",
        "s.toml:1: unknown key 'tilte'; did you mean 'title'?",
        "s.toml:4: parts[0].name: expected text, not 3",
        "s.toml:8: parts[1].size: expected a whole number, not 'big'",
        "s.toml:9: unknown key 'sice' in parts[1]; did you mean 'size'?",
    ]


def test_a_word_that_resembles_nothing_gets_the_list() -> None:
    """Where no key is near, all are named."""
    assert mistakes('title = "x"\nzzz = 1\n') == ["s.toml:2: unknown key 'zzz'; the keys are catalog, parts, title"]


def test_a_missing_key_is_told_where_its_table_stands() -> None:
    """What is not there has no line, so its entry's line is told."""
    assert mistakes('title = "x"\n[[parts]]\nname = "a"\n[[parts]]\nsize = 1\n') == [
        "s.toml:4: the key parts[1].name is missing"
    ]


def test_errors_of_names_have_lines_too() -> None:
    """A malformed name is told with its line and its own message."""
    (fault,) = mistakes('title = "x"\n\ncatalog = "no good"\n')
    assert fault.startswith("s.toml:3: catalog: 'no good' is not a catalog name")


def test_a_part_of_a_document_is_told_by_its_whole_path() -> None:
    """Settings of a plugin are structured alone and still told where they stand in the file."""
    text = '[plugins.one]\ntitle = "x"\n[plugins.two]\ntitle = 4\n'
    assert mistakes(text, Sheet, ("plugins", "two")) == ["s.toml:4: plugins.two.title: expected text, not 4"]
    table = load_toml(text, file="s.toml")
    assert structure_located(table, ("plugins", "one"), Sheet, converter=converter) == Sheet(title="x")


@pytest.mark.parametrize(
    ("text", "line"),
    [("a = 1\nb = \n", 2), ("a = 1\n\na = 2\n", 3), ("[a\n", 1), ("a = 1\nb = 'x\n", 2), ('a = """\nx\n', 2)],
)
def test_broken_toml_is_told_with_file_and_line(text: str, line: int) -> None:
    """A file that is no TOML is refused with the line that breaks it, or the one after."""
    with pytest.raises(InvalidArgumentError, match=rf"^f\.toml:({line}|{line + 1}): "):
        load_toml(text, file="f.toml")


def test_a_mistake_of_a_whole_value_names_the_value() -> None:
    """What only the parts together make wrong is told at the table, or at the top of the file."""
    assert mistakes("low = 1\n", Span) == ["s.toml:1: high is less than low. Swap them"]
    assert mistakes("\n[a.b]\nlow = 1\n", Span, ("a", "b")) == ["s.toml:2: a.b: high is less than low. Swap them"]


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("x = 1\n", ("plugins", "one"), r"^s\.toml:1: the key plugins is missing"),
        ("\n[plugins]\n", ("plugins", "one"), r"^s\.toml:2: the key plugins.one is missing"),
        ("\nplugins = 1\n", ("plugins", "one"), r"^s\.toml:2: the key plugins.one is missing"),
        ("\n[[rules]]\n", ("rules", 1), r"^s\.toml:2: the key rules\[1\] is missing"),
        ("\n[[rules]]\n", ("rules", "x"), r"^s\.toml:2: the key rules.x is missing"),
    ],
)
def test_a_part_that_is_not_there_is_told(text: str, path: tuple[str | int, ...], message: str) -> None:
    """Asking for a table that the document lacks is the document's mistake, told at what is around it."""
    with pytest.raises(InvalidArgumentError, match=message):
        structure_located(load_toml(text, file="s.toml"), path, Sheet, converter=converter)


def test_a_number_without_end_is_told_with_its_line() -> None:
    """Python refuses to read numbers of thousands of digits; that is the document's mistake."""
    with pytest.raises(InvalidArgumentError, match=r"^f\.toml:3: .*digits"):
        load_toml("a = 1\n\nb = " + "9" * 5000 + "\n", file="f.toml")


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("alow = []", "unknown key 'alow' in plugins; did you mean 'allow'?"),
        ("allow = 3", "plugins.allow: expected a list"),
    ],
)
def test_mistakes_about_plugins_have_their_line(line: str, fault: str, tmp_path: Path) -> None:
    """[plugins] of the settings holds both settings and plugins' own tables, and is told like the rest."""
    file = tmp_path / "herdbook.toml"
    file.write_text(f"[plugins.own]\nx = 1\n\n[plugins]\n{line}\n")
    with pytest.raises(InvalidArgumentError, match=rf"herdbook\.toml:5: {re.escape(fault)}"):
        load_settings(file, environ={})


def test_hostile_nesting_is_refused() -> None:
    """A document nested without end is refused, not a defect."""
    with pytest.raises(InvalidArgumentError, match=r"^f\.toml:1: .*nested"):
        load_toml("a = " + "[" * 5000 + "]" * 5000, file="f.toml")
