"""What an MLmodel file and the requirements beside it say, when they are odd."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
import yaml

from herdbook.client.sources import SourceFile, lineage_of
from herdbook.errors import InvalidArgumentError
from herdbook.formats.mlmodel import MAX_REQUIREMENTS, describe_model, generate_mlmodel
from herdbook.formats.safe_yaml import MAX_BYTES
from herdbook.testing.samples import SIGNATURE
from herdbook.wire import to_json

PLAIN = b"flavors: {}\n"
MOST_TIMES = 25
"""How many times what libyaml takes a file may take; it is about five."""


def fastest(work: Callable[[], object]) -> float:
    """Return the shortest of many times that work took, in seconds."""
    spent = []
    for _ in range(30):
        before = time.perf_counter()
        work()
        spent.append(time.perf_counter() - before)
    return min(spent)


def requirements(text: str | bytes) -> tuple[str, ...]:
    return describe_model(PLAIN, requirements=text.encode() if isinstance(text, str) else text).requirements


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("", ()),
        ("a==1\n\n# none\n  # none either\nb\n", ("a==1", "b")),
        ("a==1  # why\nb @ https://x/y#egg=b\n", ("a==1", "b @ https://x/y#egg=b")),
        ("a==1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\nb", ("a==1 --hash=sha256:00 --hash=sha256:11", "b")),
        ("# a comment does not go on \\\na\n", ("a",)),
        ("a \\", ("a",)),
        ("a\r\nb\r\n", ("a", "b")),
        ("\ufeffa\n", ("a",)),
        (b"a\xff\n", ("a\ufffd",)),
    ],
)
def test_requirements_are_read_as_pip_reads_them(text: str | bytes, entries: tuple[str, ...]) -> None:
    """Comments and blank lines are left out, and an entry that goes on over several lines is one."""
    assert requirements(text) == entries


def test_requirements_have_limits_and_nothing_is_left_out_silently() -> None:
    """At the limit all entries are there; over it the file is refused."""
    assert len(requirements("a\n" * MAX_REQUIREMENTS)) == MAX_REQUIREMENTS
    assert len(requirements("a \\\n --hash=x \\\n --hash=y\n" * MAX_REQUIREMENTS)) == MAX_REQUIREMENTS
    with pytest.raises(InvalidArgumentError, match=r"^requirements.txt has 2,001 entries"):
        requirements("a\n" * (MAX_REQUIREMENTS + 1))
    with pytest.raises(InvalidArgumentError, match=r"^requirements.txt has 1,048,577 bytes"):
        requirements(b"a" * (MAX_BYTES + 1))


@pytest.mark.parametrize("document", ["", "3", "- a", "'text'", "flavors: [", "a: 1\na: 2"])
def test_what_is_no_mapping_is_refused(document: str) -> None:
    """An MLmodel file that is no YAML mapping has nothing to say."""
    with pytest.raises(InvalidArgumentError, match=r"^MLmodel "):
        describe_model(document.encode())


def test_a_broken_signature_leaves_the_rest() -> None:
    """The description is there all the same, and says what is wrong where."""
    text = (
        'run_id: r1\nflavors: {sklearn: {x: .nan, when: 2026-01-01}}\nsignature: {inputs: \'[{"type": "int128"}]\'}\n'
    )
    described = describe_model(text.encode())
    assert described.signature is None
    assert described.signature_error == "inputs[0].type: 'int128' is not a type"
    assert described.run_id == "r1"
    assert described.flavors == {"sklearn": {"x": ".nan", "when": "2026-01-01"}}
    json.loads(to_json(described))


def test_laughs_of_text_cost_nothing() -> None:
    """Few aliases that stand for gigabytes of JSON are refused before any of it is written."""
    long = "x" * 900_000
    text = f"metadata:\n  a: &a {long}\n  b: &b [{'*a,' * 20}]\n  c: &c [{'*b,' * 20}]\n  d: [{'*c,' * 20}]\n"
    with pytest.raises(InvalidArgumentError, match=r"^MLmodel cannot be read, line 3: .* characters"):
        describe_model(text.encode())


@pytest.mark.parametrize("flavor", ["null", "3", "text", "[]", "{python_version: 3.11}"])
def test_a_flavor_of_any_form_is_no_defect_for_the_client(flavor: str) -> None:
    """Lineage is filled from MLmodel files whose flavors are odd."""
    content = f"flavors: {{python_function: {flavor}}}\n".encode()
    file = SourceFile(path="MLmodel", size=len(content), content=content)
    assert lineage_of((file,), "here", None).environment == {}


def test_a_typical_file_is_read_soon() -> None:
    """What MLflow writes for a table of fifty columns is read in a few times what libyaml alone takes for it."""
    columns = json.dumps([{"type": "double", "name": f"column_{n}", "required": True} for n in range(50)])
    extra = "model_id: m-1\nrun_id: r1\nmlflow_version: 3.17.2\nutc_time_created: '2026-01-01 00:00:00.0'\n"
    text = f"{extra}flavors:\n  sklearn: {{pickled_model: model.pkl}}\n"
    text += f"signature:\n  inputs: '{columns}'\n  outputs: '{columns}'\n"
    assert describe_model(text.encode()).signature is not None
    ours = fastest(lambda: describe_model(text.encode()))
    assert ours < MOST_TIMES * fastest(lambda: yaml.load(text, Loader=yaml.CSafeLoader))
    assert describe_model(generate_mlmodel(SIGNATURE)).signature == SIGNATURE
