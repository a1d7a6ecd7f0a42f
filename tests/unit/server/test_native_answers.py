"""What verbs return becomes the same plain data as the converter makes of it, whatever is remembered."""

from __future__ import annotations

import pytest
from attrs import frozen

from herdbook.entities import ModelDescription, Page
from herdbook.server.native import answers
from herdbook.wire import converter


def described(number, length=1):
    return ModelDescription(requirements=tuple(f"package{number}" for _ in range(length)))


@pytest.fixture
def made(monkeypatch):
    """What was made plain, by a memory of three small things."""
    monkeypatch.setattr(answers, "KEPT", 3)
    plain, seen = converter.get_unstructure_hook(ModelDescription), []

    def make(value):
        seen.append(value)
        return plain(value)

    return answers._Kept(make), seen


def test_one_thing_is_made_plain_once(made):
    """It is told by what it is, not by what it is like; what it was made of is kept as long."""
    kept, seen = made
    one = described(1)
    assert kept(one) is kept(one)
    assert kept(one) == converter.unstructure(one)
    assert len(seen) == 1
    for number in range(20):
        assert kept(described(number)) == converter.unstructure(described(number))
    assert len(seen) == 21


def test_what_is_large_is_not_kept(made):
    """Some signatures have thousands of columns."""
    kept, seen = made
    large = described(1, length=answers.SMALL)
    assert kept(large) == kept(large) == converter.unstructure(large)
    assert len(seen) == 2
    assert not kept._known


def test_a_page_remembers_too():
    """What many versions of one page have in common is made plain once."""
    shared = described(1)
    plain = answers.plain_of(Page[_Described])
    page = plain(Page(items=tuple(_Described(model=shared) for _ in range(3))))
    first, *others = (item["model"] for item in page["items"])
    assert first == converter.unstructure(shared)
    assert all(other is first for other in others)


@frozen
class _Described:
    model: ModelDescription
