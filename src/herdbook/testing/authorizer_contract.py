"""What every authorizer keeps, whatever judges in it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from attrs import evolve

from herdbook.entities import Caller, TokenScope
from herdbook.entities.ledger import Effect, Membership, PolicyChange, PolicyLine
from herdbook.ports.authorizer import Authorizer, Reach
from herdbook.testing.authorizer_samples import (
    CATALOG,
    METASTORE,
    MODEL,
    SCHEMA,
    SLOT,
    deny,
    feed,
    gates,
    knows,
    line,
    may,
    member,
)
from herdbook.testing.policy_samples import sample_caller, sample_policy, seeded
from herdbook.testing.reference_evaluator import ReferenceEvaluator
from herdbook.verdicts import Denied, Privilege, Requirement, SecurableKind, Sight

_K = SecurableKind
_P = Privilege
_NESTING = 8


class AuthorizerContract:
    """Override the fixture `authorizer`: one that was fed nothing yet."""

    @pytest.fixture
    def authorizer(self) -> Authorizer:
        """An authorizer."""
        raise NotImplementedError("override the fixture `authorizer`")

    def test_nothing_fed_is_denied(self, authorizer: Authorizer) -> None:
        """Before anything was fed nobody may do or know anything, and the revision is before every other."""
        assert authorizer.revision == -1
        for chain in (SLOT, MODEL, SCHEMA, CATALOG):
            assert not may(authorizer, "ann", _P.READ_METADATA, chain)
            assert not knows(authorizer, "ann", chain)
        assert authorizer.closure(Caller(principal_id="ann")) == {"ann"}

    def test_inheritance_and_denies(self, authorizer: Authorizer) -> None:
        """A right flows down; a deny at any level takes it from there down, from groups and owners alike (R1, R2)."""
        feed(authorizer, *gates("team"), member("ann", "team"), line("team", _P.EXECUTE, "s"))
        assert may(authorizer, "ann", _P.EXECUTE, MODEL)
        for place in ("m", "s", "c", "ms"):
            for who in ("ann", "team"):
                items = (*gates("team"), member("ann", "team"), line("team", _P.EXECUTE, "s"))
                feed(authorizer, *items, deny(who, _P.EXECUTE, place))
                assert not may(authorizer, "ann", _P.EXECUTE, MODEL)
                assert not may(authorizer, "ann", _P.READ_METADATA, MODEL), "EXECUTE denied does not even include it"
        feed(authorizer, *gates("mona"), deny("mona", _P.READ_METADATA, "m"))
        held = {privilege for privilege in Privilege if privilege not in (_P.CREATE_SCHEMA, _P.CREATE_MODEL)}
        left = {privilege for privilege in held if may(authorizer, "mona", privilege, MODEL)}
        assert {_P.MODIFY, _P.SET_ALIAS} <= left
        assert not left & {_P.READ_METADATA, _P.EXECUTE, _P.MANAGE, _P.APPROVE}

    @pytest.mark.parametrize("everything", [_P.BROWSE, _P.ALL_PRIVILEGES])
    def test_denying_everything(self, authorizer: Authorizer, everything: Privilege) -> None:
        """A deny of BROWSE or ALL_PRIVILEGES takes rights, MANAGE and sight from owners too, below the place (R1)."""
        feed(authorizer, line("sam", _P.USE_CATALOG, "c"), line("sam", _P.BROWSE, "m"), deny("sam", everything, "s"))
        for chain in (SCHEMA, MODEL, SLOT):
            assert not any(may(authorizer, "sam", each, chain) for each in (_P.MANAGE, _P.BROWSE, _P.USE_SCHEMA))
            assert not knows(authorizer, "sam", chain)
        assert knows(authorizer, "sam", CATALOG)

    def test_admins(self, authorizer: Authorizer) -> None:
        """No deny below the metastore binds an admin's MANAGE, reading and sight; one on the metastore does (R3)."""
        denies = [deny("root", each, "c") for each in (_P.ALL_PRIVILEGES, _P.BROWSE, _P.MANAGE, _P.READ_METADATA)]
        feed(authorizer, line("root", _P.MANAGE, "ms"), *denies)
        for chain in (SLOT, MODEL, SCHEMA, CATALOG):
            assert may(authorizer, "root", _P.MANAGE, chain)
            assert may(authorizer, "root", _P.READ_METADATA, chain)
            assert knows(authorizer, "root", chain)
            assert not may(authorizer, "root", _P.SET_ALIAS, chain)
        assert authorizer.visible(Caller(principal_id="root"), _K.REGISTERED_MODEL).reach is Reach.ALL
        for each in (_P.MANAGE, _P.READ_METADATA, _P.BROWSE, _P.ALL_PRIVILEGES):
            feed(authorizer, line("root", _P.MANAGE, "ms"), deny("root", each, "ms"))
            assert not may(authorizer, "root", _P.MANAGE, MODEL)
            assert not knows(authorizer, "root", MODEL)
            assert authorizer.visible(Caller(principal_id="root"), _K.REGISTERED_MODEL).reach is Reach.LISTED

    def test_what_does_not_flow_down(self, authorizer: Authorizer) -> None:
        """The right to create catalogs, or to apply policies, shows no catalog (R4)."""
        feed(authorizer, line("ann", _P.CREATE_CATALOG, "ms"), line("ann", _P.MANAGE_POLICY, "ms"))
        assert may(authorizer, "ann", _P.CREATE_CATALOG, METASTORE)
        assert not knows(authorizer, "ann", CATALOG)
        feed(authorizer, line("ann", _P.READ_AUDIT, "ms"))
        assert may(authorizer, "ann", _P.READ_AUDIT, CATALOG)

    def test_gates(self, authorizer: Authorizer) -> None:
        """Without a gate a right is worth nothing, gates alone show nothing behind them; BROWSE needs none (R6, R7)."""
        feed(authorizer, line("ann", _P.EXECUTE, "c"), line("ann", _P.USE_SCHEMA, "c"))
        assert not may(authorizer, "ann", _P.EXECUTE, MODEL)
        assert not knows(authorizer, "ann", MODEL)
        feed(authorizer, *gates("ann"))
        assert [knows(authorizer, "ann", chain) for chain in (CATALOG, SCHEMA, MODEL)] == [True, True, False]
        feed(authorizer, line("ann", _P.USE_CATALOG, "c"))
        assert [knows(authorizer, "ann", chain) for chain in (CATALOG, SCHEMA, MODEL)] == [True, False, False]
        feed(authorizer, line("ann", _P.BROWSE, "m"))
        assert [knows(authorizer, "ann", chain) for chain in (CATALOG, SCHEMA, MODEL)] == [False, False, True]
        assert not may(authorizer, "ann", _P.READ_METADATA, MODEL)

    @pytest.mark.parametrize("place", ["m@champion", "s@champion", "c@champion"])
    def test_alias_slots(self, authorizer: Authorizer, place: str) -> None:
        """A line on slots holds for that alias alone, does not show the model, and its deny binds owners (R14)."""
        other = evolve(SLOT, links=(evolve(SLOT.object, id="m@other"), *SLOT.links[1:]))
        feed(authorizer, *gates("ann"), line("ann", _P.SET_ALIAS, place))
        assert may(authorizer, "ann", _P.SET_ALIAS, SLOT)
        assert not may(authorizer, "ann", _P.SET_ALIAS, other)
        assert not may(authorizer, "ann", _P.SET_ALIAS, MODEL)
        assert not knows(authorizer, "ann", MODEL)
        feed(authorizer, *gates("mona"), deny("mona", _P.SET_ALIAS, place))
        assert not may(authorizer, "mona", _P.SET_ALIAS, SLOT)
        assert may(authorizer, "mona", _P.SET_ALIAS, other)

    def test_scopes_name_all_privileges(self, authorizer: Authorizer) -> None:
        """A scope of ALL_PRIVILEGES leaves what that stands for; a token is shown by what its scope leaves (R24)."""
        feed(authorizer, *gates("ann"), line("ann", _P.EXECUTE, "m"), line("ann", _P.MANAGE, "m"))
        scope = TokenScope(privileges=frozenset({_P.ALL_PRIVILEGES}), securable_id="s")
        caller = Caller(principal_id="ann", scope=scope)
        assert may(authorizer, caller, _P.EXECUTE, MODEL)
        assert not may(authorizer, caller, _P.MANAGE, MODEL)
        narrow = evolve(caller, scope=TokenScope(privileges=frozenset({_P.APPROVE}), securable_id="ms"))
        assert [knows(authorizer, narrow, chain) for chain in (CATALOG, SCHEMA, MODEL)] == [False] * 3

    @pytest.mark.parametrize("depth", [1, 2, _NESTING])
    def test_nesting(self, authorizer: Authorizer, depth: int) -> None:
        """Rights and denies of groups reach through as many groups as may nest, and through circles only once (R20)."""
        names = ["ann", *(f"g{n}" for n in range(depth))]
        nested = [member(inner, outer) for inner, outer in pairwise(names)]
        feed(authorizer, *gates("ann"), line("ann", _P.EXECUTE, "m"), *nested, member(names[-1], "ann"))
        assert may(authorizer, "ann", _P.EXECUTE, MODEL)
        feed(authorizer, *gates(names[-1]), line(names[-1], _P.EXECUTE, "m"), *nested)
        assert may(authorizer, "ann", _P.EXECUTE, MODEL)
        feed(authorizer, *gates("ann"), line("ann", _P.EXECUTE, "m"), *nested, deny(names[-1], _P.EXECUTE, "m"))
        assert not may(authorizer, "ann", _P.EXECUTE, MODEL)

    def test_steps(self, authorizer: Authorizer) -> None:
        """Each step acts at once; of two equal lines or memberships only the one that is named ends (R40)."""
        feed(authorizer, *gates("team"), member("ann", "team"), revision=1)
        right = line("team", _P.EXECUTE, "m")
        filed = evolve(right, id="filed", origin="policies/team.csv:3")
        again = evolve(member("ann", "team"), origin="policies/team.csv:9")
        steps: list[tuple[PolicyLine | Membership, bool, bool]] = [
            (right, True, True),
            (filed, True, True),
            (right, False, True),
            (again, True, True),
            (member("ann", "team"), False, True),
            (deny("ann", _P.EXECUTE, "m"), True, False),
            (deny("ann", _P.EXECUTE, "m"), False, True),
            (filed, False, False),
            (right, True, True),
            (again, False, False),
        ]
        for revision, (item, added, expected) in enumerate(steps, 2):
            authorizer.feed((PolicyChange(revision=revision, added=added, item=item),), revision)
            assert authorizer.revision == revision
            assert may(authorizer, "ann", _P.EXECUTE, MODEL) is expected, (revision, item)

    def test_what_is_remembered_is_told_apart(self, authorizer: Authorizer) -> None:
        """An answer is never that for another owner, level, scope, name, slot or sibling."""
        feed(authorizer, *gates("ann"), line("ann", _P.EXECUTE, "s"), line("ann", _P.SET_ALIAS, "s@champion"))
        assert may(authorizer, "ann", _P.EXECUTE, MODEL)
        sibling = evolve(MODEL, links=(evolve(MODEL.object, id="n", name="c.s.n"), *MODEL.links[1:]))
        moved = evolve(MODEL, links=(evolve(MODEL.object, name="c.s.renamed"), *MODEL.links[1:]))
        mine = evolve(MODEL, links=(evolve(MODEL.object, owner_id="ann"), *MODEL.links[1:]))
        elsewhere = evolve(MODEL, links=(MODEL.object, evolve(MODEL.links[1], id="t"), *MODEL.links[2:]))
        assert may(authorizer, "ann", _P.EXECUTE, sibling)
        assert not may(authorizer, "ann", _P.EXECUTE, elsewhere)
        assert [may(authorizer, "ann", _P.MODIFY, chain) for chain in (MODEL, mine, sibling)] == [False, True, False]
        for chain in (MODEL, moved, sibling):
            decision = authorizer.decide(
                Caller(principal_id="ann"), Requirement(privilege=_P.MODIFY, kind=_K.REGISTERED_MODEL), chain
            )
            assert isinstance(decision, Denied)
            assert (decision.securable, decision.sight) == (chain.object.name, Sight.KNOWN)
        later = evolve(MODEL, policy_revision=5)
        asked = Requirement(privilege=_P.EXECUTE, kind=_K.REGISTERED_MODEL)
        assert authorizer.decide(Caller(principal_id="ann"), asked, later).revision == 5
        other = evolve(SLOT, links=(evolve(SLOT.object, id="m@other"), *SLOT.links[1:]))
        assert [may(authorizer, "ann", _P.SET_ALIAS, chain) for chain in (SLOT, other, SLOT)] == [True, False, True]

    def test_what_decides(self, authorizer: Authorizer) -> None:
        """What decides is named: the deny before any allow, the line with the way through groups, or the ownership."""
        items = (member("ann", "team"), member("team", "staff"), line("staff", _P.EXECUTE, "c"))
        feed(authorizer, *items)
        asked = Requirement(privilege=_P.EXECUTE, kind=_K.REGISTERED_MODEL)
        found = authorizer.deciding(Caller(principal_id="ann"), asked, MODEL)
        assert found is not None
        assert (found.line, found.via, found.effect) == (items[2], ("team", "staff"), Effect.ALLOW)
        feed(authorizer, *items, line("ann", _P.EXECUTE, "m"), deny("team", _P.READ_METADATA, "ms"))
        found = authorizer.deciding(Caller(principal_id="ann"), asked, MODEL)
        assert found is not None
        assert (found.line, found.via) == (deny("team", _P.READ_METADATA, "ms"), ("team",))
        feed(authorizer, member("ann", "mona"))
        found = authorizer.deciding(Caller(principal_id="ann"), asked, MODEL)
        assert found is not None
        assert (found.owned, found.line, found.via) == (MODEL.object, None, ("mona",))
        assert authorizer.deciding(Caller(principal_id="bob"), asked, MODEL) is None

    def test_disabled(self, authorizer: Authorizer) -> None:
        """Who is disabled has nothing, is in nothing, and sees nothing (R18)."""
        items = (*gates("mona"), line("mona", _P.BROWSE, "ms"), member("mona", "team"))
        feed(authorizer, *items, disabled=frozenset({"mona"}))
        assert not any(may(authorizer, "mona", each, MODEL) for each in (_P.MANAGE, _P.BROWSE, _P.EXECUTE))
        assert authorizer.closure(Caller(principal_id="mona")) == frozenset()
        feed(authorizer, *items)
        assert may(authorizer, "mona", _P.EXECUTE, MODEL)

    def test_many_threads(self, authorizer: Authorizer) -> None:
        """Threads that ask different things at once, while lines come and go, each get their own right answers."""
        chance = seeded(3)
        policy = sample_policy(chance, lines=200)
        authorizer.replace(policy.snapshot)
        reference = ReferenceEvaluator(policy.snapshot.lines, policy.snapshot.memberships, policy.snapshot.disabled)
        privileges = (_P.EXECUTE, _P.MANAGE, _P.READ_METADATA, _P.MODIFY)
        cases = [
            (sample_caller(chance, policy), chance.choice(privileges), chance.choice(policy.chains)) for _ in range(300)
        ]
        expected = [reference.can(*case) for case in cases]
        assert 20 < sum(expected) < 280
        stop = threading.Event()

        def churn() -> None:
            # Lines of somebody who never asks: every answer stays what it is, but nothing remembered is safe.
            for revision in range(2, 10**6):
                item = line("stranger", _P.EXECUTE, "ms")
                authorizer.feed((PolicyChange(revision=revision, added=revision % 2 == 0, item=item),), revision)
                if revision % 50 == 0:
                    authorizer.replace(evolve(policy.snapshot, revision=revision))
                if stop.is_set():
                    return

        def ask(seed: int) -> list[int]:
            order = seeded(seed).sample(range(len(cases)), len(cases))
            return [n for n in order for who, what, on in (cases[n],) if may(authorizer, who, what, on) != expected[n]]

        with ThreadPoolExecutor(8) as pool:
            feeding = pool.submit(churn)
            wrong = [found for found in pool.map(ask, range(14)) if found]
            stop.set()
            feeding.result()
        assert wrong == []
