"""The authorizer contract over Casbin, and what is dangerous about Casbin itself."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

from herdbook.adapters.casbin_authorizer import CasbinAuthorizer, closures
from herdbook.adapters.casbin_authorizer.model import CasbinModel, Question, role_manager
from herdbook.bootstrap import shipped_model
from herdbook.entities import Caller
from herdbook.entities.ledger import Membership, PolicySnapshot
from herdbook.errors import InvalidArgumentError, PluginConflictError
from herdbook.testing.authorizer_contract import AuthorizerContract
from herdbook.testing.authorizer_samples import MODEL, feed, gates, knows, line, may, member
from herdbook.verdicts import Privilege

P = Privilege


@pytest.fixture
def authorizer() -> CasbinAuthorizer:
    return CasbinAuthorizer(shipped_model())


class TestCasbin(AuthorizerContract):
    @pytest.fixture
    def authorizer(self) -> CasbinAuthorizer:
        return CasbinAuthorizer(shipped_model())


def test_the_abandoned_distribution_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the distribution `casbin`, which overwrites pycasbin's files, nothing starts; the error names both."""
    found = tmp_path / "casbin-1.43.0.dist-info"
    found.mkdir()
    (found / "METADATA").write_text("Metadata-Version: 2.1\nName: casbin\nVersion: 1.43.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(PluginConflictError, match=r"casbin 1\.43\.0 and pycasbin.*Uninstall casbin"):
        CasbinAuthorizer(shipped_model())


@pytest.mark.parametrize("text", ["", "[matchers]\nm = true\n", shipped_model().replace("some(where", "none(where")])
def test_another_model_is_refused(text: str) -> None:
    """What is no such Casbin model does not start."""
    with pytest.raises(InvalidArgumentError, match="not a Casbin model"):
        CasbinAuthorizer(text)


def test_thousands_of_links_are_taken_in(authorizer: CasbinAuthorizer) -> None:
    """A policy with far more memberships than Casbin survives in a live enforcer is replaced again and again."""
    many = tuple(Membership(member_id=f"u{n}", group_id=f"g{n % 50}") for n in range(5_000))
    lines = (*gates("g7"), line("g7", P.EXECUTE, "m"))
    for revision in range(3):
        authorizer.replace(PolicySnapshot(revision=revision, lines=lines, memberships=many))
        assert may(authorizer, "u4957", P.EXECUTE, MODEL)
        assert not may(authorizer, "u4958", P.EXECUTE, MODEL)
    assert len(many) > sys.getrecursionlimit()


def test_strangers_leave_nothing_behind(authorizer: CasbinAuthorizer, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many unknown callers ask, what is kept of them has an end, and no role manager grows by them."""
    monkeypatch.setattr(closures, "_PEOPLE", 64)
    feed(authorizer, member("ann", "team"), *gates("team"), line("team", P.EXECUTE, "m"))
    assert may(authorizer, "ann", P.EXECUTE, MODEL)
    state, model = authorizer._state, authorizer._model
    ann = state.people.of(Caller(principal_id="ann"))
    sizes = [len(each.all_roles) for each in (ann.groups, model._includes, model._denied_with)]
    for number in range(1_000):
        assert not may(authorizer, f"stranger{number}", P.EXECUTE, MODEL)
    assert len(state.people._known) <= 64
    # All that no line speaks of share one voice, and so one remembered answer.
    assert len(state.decisions) < 10
    assert [len(each.all_roles) for each in (ann.groups, model._includes, model._denied_with)] == sizes
    assert set(ann.groups.all_roles) == {"ann", "team"}


def test_memory_has_an_end() -> None:
    """What is remembered is forgotten, the oldest first, before there is too much of it."""
    kept: closures.Bounded[int, int] = closures.Bounded(100)
    for number in range(1_000):
        kept.put(number, number)
        assert len(kept) <= 100
        assert kept.get(number) == number
    assert kept.get(0) is None


def test_nesting_has_an_end(authorizer: CasbinAuthorizer) -> None:
    """Deeper than groups may nest nothing is reached, whatever Casbin's own limits are."""
    deep = [member(f"g{n}", f"g{n + 1}") for n in range(closures.MAX_NESTING + 1)]
    feed(authorizer, member("ann", "g0"), *deep, *gates("ann"), line(f"g{closures.MAX_NESTING}", P.EXECUTE, "m"))
    assert not may(authorizer, "ann", P.EXECUTE, MODEL)
    assert may(authorizer, "g0", P.EXECUTE, MODEL) is False
    feed(authorizer, member("ann", "g0"), *deep, *gates("ann"), line(f"g{closures.MAX_NESTING - 1}", P.EXECUTE, "m"))
    assert may(authorizer, "ann", P.EXECUTE, MODEL)


def test_a_refusal_logs_nothing(authorizer: CasbinAuthorizer, caplog: pytest.LogCaptureFixture) -> None:
    """Casbin's warning at each refusal does not come: names and rights do not go to a log."""
    feed(authorizer, *gates("ann"))
    with caplog.at_level(logging.DEBUG):
        assert not may(authorizer, "ann", P.EXECUTE, MODEL)
        assert not knows(authorizer, "bob", MODEL)
    assert caplog.records == []


def test_the_tree_is_asked_from_below() -> None:
    """A line on a container reaches what lies in it, and one on what lies inside never reaches the container."""
    model = CasbinModel(shipped_model())
    tree, nobody = role_manager([("m", "s"), ("s", "c")]), role_manager([])
    on_c, on_m = ("ann", "c", "EXECUTE", "allow"), ("ann", "m", "EXECUTE", "allow")
    assert model.decide(Question("ann", "m", "m", "EXECUTE"), [on_c], nobody, tree) == (True, 0)
    assert model.decide(Question("ann", "c", "c", "EXECUTE"), [on_m], nobody, tree) == (False, None)
    assert model.decide(Question("bob", "m", "m", "EXECUTE"), [on_c, on_m], nobody, tree) == (False, None)
