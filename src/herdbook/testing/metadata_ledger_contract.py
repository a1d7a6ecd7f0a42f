"""What a metadata store keeps of aliases, tags, the ledger, policies and held bytes."""

from __future__ import annotations

import hashlib
import itertools
from datetime import UTC, datetime

import pytest
from attrs import evolve

from herdbook.entities import FileEntry, Manifest, Principal
from herdbook.entities.ledger import (
    AppliedPolicy,
    AuditRow,
    Effect,
    Event,
    IdempotencyRecord,
    Membership,
    PolicyChange,
    PolicyFile,
    PolicyLine,
)
from herdbook.errors import ConcurrentUpdateError
from herdbook.names import ModelName, PrincipalName
from herdbook.ports.authorizer import Held, Reach, Visible
from herdbook.ports.metadata import MetadataStore, WriteTransaction
from herdbook.testing.metadata_samples import (
    ALICE,
    ALICE_ID,
    FAILED,
    METASTORE_ID,
    MODEL,
    PENDING,
    READY,
    StoreFixtures,
    Tree,
    add_model,
    add_version,
    entry,
    finish,
    new_id,
    stamp,
    version_row,
)
from herdbook.verdicts import Privilege, SecurableKind
from herdbook.wire import to_json

LISTED = Visible(reach=Reach.LISTED)
OWNED = Held(owned=frozenset(SecurableKind))

SLOT = MODEL.alias("Champion")


def line(principal_id: str, securable_id: str, privilege: Privilege = Privilege.EXECUTE) -> PolicyLine:
    """Return a line of policy on a model."""
    return PolicyLine(
        id=new_id(),
        principal_id=principal_id,
        privilege=privilege,
        effect=Effect.DENY,
        securable_kind=SecurableKind.REGISTERED_MODEL,
        securable_id=securable_id,
        origin="grants.csv:3",
    )


class LedgerContract(StoreFixtures):
    """The part of the metadata store's contract that is not about the tree."""

    def test_an_alias_moves_and_its_past_stays(self, ready: MetadataStore, tree: Tree) -> None:
        """An alias points to one version at a time, in any case, and the slot answers for each moment of its past."""
        with ready.write() as tx:
            one, two = add_version(tx, tree.model_id), add_version(tx, tree.model_id)
            for alias, version, at in (("Champion", one, 1000), ("Champion", two, 2000), ("b", two, 2000)):
                tx.set_alias(tree.model_id, alias, version.id, reason="r", new_id=new_id(), stamp=stamp(at))
        found = ready.point.alias(MODEL.alias("CHAMPION"))
        assert found.row is not None
        assert (found.row.version.version, found.row.version.aliases) == (2, ("b", "Champion"))
        model = ready.point.model(MODEL).row
        assert model is not None
        assert model.aliases == {"b": 2, "Champion": 2}
        with ready.write() as tx:
            tx.delete_alias(tree.model_id, "champion", stamp=stamp(3000))
        expected: dict[int | None, int | None] = {999: None, 1000: 1, 1999: 1, 2000: 2, 2999: 2, 3000: None, None: None}
        for moment, number in expected.items():
            row = ready.point.alias(SLOT, as_of_ms=moment).row
            assert (None if row is None else row.version.version) == number
        with ready.read() as tx:
            assert [a.alias for a in tx.aliases(tree.model_id)] == ["b"]
            history = tx.alias_history(tree.model_id, "champion", before_ms=None, limit=9)
            assert tx.alias_history(tree.model_id, "champion", before_ms=2000, limit=9) == history[1:]
        assert [(a.version, a.ended_by, a.reason) for a in history] == [(2, str(ALICE), "r"), (1, str(ALICE), "r")]
        assert history[1].valid_to == history[0].valid_from

    def test_an_alias_set_many_times_in_a_millisecond(self, ready: MetadataStore, tree: Tree) -> None:
        """However fast it is moved, deleted and set, or if the clock goes back, each moment has one answer."""
        with ready.write() as tx:
            one, two = add_version(tx, tree.model_id), add_version(tx, tree.model_id)
            for version, at in ((one, 1000), (two, 1000), (one, 1000), (None, 1000), (two, 1000), (one, 500)):
                if version is None:
                    tx.delete_alias(tree.model_id, "champion", stamp=stamp(at))
                else:
                    tx.set_alias(tree.model_id, "champion", version.id, reason=None, new_id=new_id(), stamp=stamp(at))
            history = tx.alias_history(tree.model_id, "champion", before_ms=None, limit=9)
        assert [a.version for a in history] == [1, 2, 1, 2, 1]
        for newer, older in itertools.pairwise(history):
            assert older.valid_to is not None
            assert older.valid_from < older.valid_to <= newer.valid_from
        assert history[0].valid_to is None

    def test_tags(self, ready: MetadataStore, tree: Tree) -> None:
        """A tag is set, replaced and deleted on a model or a version, and does not show on the other."""
        with ready.write() as tx:
            version = add_version(tx, tree.model_id)
            tx.set_tag("registered_model", tree.model_id, "k", "1", stamp())
            tx.set_tag("registered_model", tree.model_id, "k", "2", stamp())
            tx.set_tag("model_version", version.id, "é", '"quoted"', stamp())
            assert not tx.delete_tag("model_version", version.id, "k", stamp())
        model = ready.point.model(MODEL).row
        assert model is not None
        assert (model.tags, version_row(ready, 1).version.tags) == ({"k": "2"}, {"é": '"quoted"'})
        with ready.write() as tx:
            assert tx.delete_tag("registered_model", tree.model_id, "k", stamp())
        model = ready.point.model(MODEL).row
        assert model is not None
        assert model.tags == {}

    def test_events_are_counted_on_their_securable(self, ready: MetadataStore, tree: Tree) -> None:
        """Each securable counts its own events from 1, and an event on nothing is refused with all of its change."""
        model, metastore = SecurableKind.REGISTERED_MODEL, SecurableKind.METASTORE

        def emit(tx: WriteTransaction, kind: SecurableKind, securable_id: str) -> int:
            event = Event(id=new_id(), at_ms=1, type="t", securable_kind=kind, securable_id=securable_id, payload=b"{}")
            return tx.emit(event)

        with ready.write() as tx:
            assert [emit(tx, model, tree.model_id) for _ in range(3)] == [1, 2, 3]
            assert emit(tx, metastore, METASTORE_ID) == 1
        with pytest.raises(ConcurrentUpdateError), ready.write() as tx:  # noqa: PT012 the first is taken back too
            emit(tx, model, tree.model_id)
            emit(tx, model, "0" * 32)
        row = AuditRow(
            id=new_id(), at_ms=1, principal_id=ALICE_ID, operation="o", securable_kind=model,
            securable_id=tree.model_id, payload=b"{}", sha256="0" * 64,
        )  # fmt: skip
        with ready.write() as tx:
            tx.audit(row)
            assert emit(tx, model, tree.model_id) == 4

    def test_idempotency(self, ready: MetadataStore) -> None:
        """An answer is kept for one principal, operation and key until it expires; then the key is free again."""
        old = IdempotencyRecord(
            principal_id="p", operation="o", key="k", request_sha256="0" * 64, answer=b"1", expires_ms=1000
        )
        new = IdempotencyRecord(
            principal_id="p", operation="o", key="k", request_sha256="1" * 64, answer=b"2", expires_ms=3000
        )
        with ready.write() as tx:
            tx.remember(old)
            assert tx.idempotent("p", "o", "k", now_ms=999) == old
            for who, operation, key in (("q", "o", "k"), ("p", "x", "k"), ("p", "o", "K")):
                assert tx.idempotent(who, operation, key, now_ms=999) is None
            assert tx.idempotent("p", "o", "k", now_ms=1000) is None
            tx.remember(new)
            assert tx.forget_expired(now_ms=2999) == 0
            assert tx.idempotent("p", "o", "k", now_ms=2999) == new
            assert tx.forget_expired(now_ms=3000) == 1

    def test_policy_revisions(self, ready: MetadataStore, tree: Tree) -> None:
        """Applying begins the next revision: its files, its steps in order, and a chain that names it at once."""
        first, second = line(ALICE_ID, tree.model_id), line("b" * 32, tree.catalog_id)
        member = Membership(member_id=ALICE_ID, group_id="b" * 32, origin="groups.csv:1")
        files = (PolicyFile(path="a.toml", text="1"), PolicyFile(path="b.toml", text="é"))
        bob = Principal(id="b" * 32, name=PrincipalName.parse("role:bob"), enabled=False, created_at=datetime.now(UTC))
        with ready.read() as tx:
            assert (tx.revision(), tx.changes(0) or (), tx.applied().files) == (0, (), ())
        with ready.write(exclusive=True) as tx:
            tx.insert_principal(bob)
            one = AppliedPolicy(revision=0, files=files)
            assert tx.apply_policy(one, add=[first, member], reason="r", stamp=stamp()) == 1
        with ready.write(exclusive=True) as tx:
            two = AppliedPolicy(revision=1, files=files[:1])
            assert tx.apply_policy(two, add=[second], reason=None, stamp=stamp()) == 2
        with ready.read() as tx:
            steps: list[tuple[int, PolicyLine | Membership]] = [(1, first), (1, member), (2, second)]
            changes = tuple(PolicyChange(revision=revision, added=True, item=item) for revision, item in steps)
            assert [tx.changes(since) for since in (0, 1, 2)] == [changes, changes[2:], ()]
            assert tx.changes(-1) is None
            snapshot = tx.snapshot()
            assert (snapshot.revision, snapshot.disabled) == (2, frozenset(["b" * 32]))
            assert {*snapshot.lines, *snapshot.memberships} == {first, second, member}
            assert (tx.applied().revision, tx.applied().files) == (tx.applied_revision(), files[:1]) == (2, files[:1])
            assert (tx.applied().applied_by, tx.applied().reason) == (str(ALICE), None)
        assert ready.point.metastore().policy_revision == 2

    def test_what_may_be_seen(self, ready: MetadataStore) -> None:
        """Allowed and owned subtrees, the latter only behind passed gates, without denied ones."""
        names = ("c.s.m", "c.s.n", "c.t.m", "d.s.m")
        with ready.write() as tx:
            trees = {text: add_model(tx, ModelName.parse(text), owner_id="0" * 32) for text in names[:2]}
            trees["c.t.m"] = add_model(tx, ModelName.parse("c.t.m"), owner_id="1" * 32)
            trees["d.s.m"] = add_model(tx, ModelName.parse("d.s.m"), owner_id="2" * 32)
        m, t = trees["c.s.m"], trees["c.t.m"]
        ids, one, two = frozenset, frozenset(["1" * 32]), frozenset(["2" * 32])
        cases = [
            (Visible(reach=Reach.ALL), set(names)),
            (LISTED, set()),
            (evolve(LISTED, browse=ids([m.catalog_id])), set(names[:3])),
            (evolve(LISTED, browse=ids([m.catalog_id]), deny=ids([m.schema_id])), {"c.t.m"}),
            (evolve(LISTED, browse=ids([m.model_id]), deny=ids([t.model_id])), {"c.s.m"}),
            (evolve(LISTED, browse=ids([METASTORE_ID]), within=t.catalog_id), set(names[:3])),
            (evolve(LISTED, browse=ids([METASTORE_ID]), within="0" * 32), set()),
            (evolve(LISTED, browse=ids([METASTORE_ID]), deny=ids([METASTORE_ID])), set()),
            (evolve(LISTED, held=(Held(allow=ids([m.catalog_id])),)), set(names[:3])),
            (evolve(LISTED, held=(Held(allow=ids([m.catalog_id]), deny=ids([t.schema_id])),)), set(names[:2])),
            (evolve(LISTED, held=(Held(allow=ids([m.catalog_id])),), gates=(Held(),)), set()),
            (
                evolve(LISTED, held=(Held(allow=ids([m.catalog_id])),), gates=(Held(allow=ids([t.schema_id])),)),
                {"c.t.m"},
            ),
            (evolve(LISTED, held=(OWNED,), owners=two), {"d.s.m"}),
            (evolve(LISTED, held=(OWNED,), owners=two, deny=ids([trees["d.s.m"].model_id])), set()),
            (evolve(LISTED, held=(evolve(OWNED, deny=ids([t.catalog_id])),), owners=one | two), {"d.s.m"}),
        ]
        with ready.read() as tx:
            for visible, expected in cases:
                ranges = tx.visible_ranges(visible, SecurableKind.REGISTERED_MODEL)
                assert {text for text in names if text in ranges} == expected
            listed = evolve(LISTED, browse=ids([t.catalog_id]), deny=ids([t.schema_id]))
            assert "c" in tx.visible_ranges(listed, SecurableKind.CATALOG)
            schemas = tx.visible_ranges(listed, SecurableKind.SCHEMA)
            assert ("c.s" in schemas, "c.t" in schemas) == (True, False)

    def test_a_model_owner_needs_both_gates(self, ready: MetadataStore) -> None:
        """Whoever owns a model alone sees it only where the gates of its catalog and its schema are both passed."""
        with ready.write() as tx:
            tree = add_model(tx, ModelName.parse("c.s.m"))
            other = new_id()
            name = ModelName.parse("c.s.n")
            tx.insert_model(other, tree.schema_id, name, comment=None, owner_id="1" * 32, stamp=stamp())
        with ready.read() as tx:
            for listed in ((), (tree.catalog_id,), (tree.schema_id,), (tree.catalog_id, tree.schema_id)):
                passed = frozenset(listed)
                gates = tuple(Held(allow=passed & frozenset([each])) for each in (tree.catalog_id, tree.schema_id))
                visible = evolve(LISTED, owners=frozenset(["1" * 32]), held=(OWNED,), gates=gates)
                ranges = tx.visible_ranges(visible, SecurableKind.REGISTERED_MODEL)
                assert (name.key in ranges) == (len(passed) == 2)
                assert "c.s.m" not in ranges

    def test_who_holds_bytes(self, ready: MetadataStore, tree: Tree) -> None:
        """Holders are models with a READY version of the file, each once and at most `limit` of them."""
        a, b, c = entry("a", b"1"), entry("b", b"22"), entry("c", b"333")
        with ready.write() as tx:
            others = [add_model(tx, ModelName.parse(f"x.y.m{i}")) for i in range(4)]
            for _ in range(3):
                add_version(tx, tree.model_id, files=(a, b))
            for other in others:
                add_version(tx, other.model_id, files=(a,))
            add_version(tx, tree.model_id, files=(c,), status=FAILED)
        everyone = {tree.model_id, *(other.model_id for other in others)}
        with ready.read() as tx:
            assert set(tx.holders(a.sha256, a.size)) == set(tx.size_holders(1)) == everyone
            assert tx.holders(b.sha256, b.size) == tx.size_holders(2) == (tree.model_id,)
            assert tx.holders(c.sha256, c.size) == tx.holders("0" * 64, 1) == tx.size_holders(3) == ()
            assert len(set(tx.holders(a.sha256, a.size, limit=2))) == len(tx.size_holders(1, limit=2)) == 2
            lie = FileEntry(path="lie", size=a.size + 40, sha256=a.sha256)
            assert tx.held_by(tree.model_id, [a, b, c, lie]) == {(a.sha256, a.size), (b.sha256, b.size)}
            assert tx.held_by(others[0].model_id, [a, b, c, lie]) == {(a.sha256, a.size)}
            assert tx.sizes_held_by(tree.model_id, [1, 2, 3, 9]) == {1, 2}
            assert tx.sizes_held_by(others[0].model_id, [1, 2, 3, 9]) == {1}
            assert not tx.held_by(tree.model_id, [])
            assert not tx.sizes_held_by("0" * 32, [1])

    def test_who_holds_a_whole_manifest(self, ready: MetadataStore, tree: Tree) -> None:
        """A READY version of that model with just these files does; one that failed, or is in the trash, does not."""
        a, b = entry("a", b"1"), entry("b", b"22")
        both, one, failed = (hashlib.sha256(to_json(Manifest.of(files))).hexdigest() for files in ((a, b), (a,), (b,)))
        with ready.write() as tx:
            other = add_model(tx, ModelName.parse("x.y.m"))
            kept = add_version(tx, tree.model_id, files=(a, b))
            add_version(tx, other.model_id, files=(a,))
            add_version(tx, tree.model_id, files=(b,), status=FAILED)
        with ready.read() as tx:
            assert tx.holds_manifest(tree.model_id, both)
            assert tx.holds_manifest(other.model_id, one)
            for model_id, sha256 in ((tree.model_id, one), (other.model_id, both), (tree.model_id, failed)):
                assert not tx.holds_manifest(model_id, sha256)
        with ready.write() as tx:
            tx.delete_version(kept.id, stamp())
        with ready.read() as tx:
            assert not tx.holds_manifest(tree.model_id, both)

    def test_uploads_and_live_bytes(self, ready: MetadataStore, tree: Tree) -> None:
        """Bytes live while an upload or a version that did not fail refers to them; a file sent again replaces."""
        a, b, c, b2 = entry("a", b"1"), entry("b", b"2"), entry("c", b"3"), entry("b", b"4")
        digests = [a.sha256, b.sha256, c.sha256, b2.sha256]
        with ready.write() as tx:
            add_version(tx, tree.model_id, files=(a,))
            failed = add_version(tx, tree.model_id, files=(c,), status=FAILED)
            pending = add_version(tx, tree.model_id, status=PENDING)
            tx.add_uploads(pending.id, [a, b], stamp())
            tx.add_uploads(pending.id, [b2], stamp())
            assert tx.uploads(pending.id) == (a, b2)
            assert tx.live_digests(digests) == {a.sha256, b2.sha256}
            assert tx.live_digests(digests, without=[pending.id, failed.id]) == {a.sha256}
            tx.drop_uploads(pending.id)
            assert tx.uploads(pending.id) == ()
            assert tx.live_digests(digests) == {a.sha256}

    def test_abandoned_versions(self, ready: MetadataStore, tree: Tree) -> None:
        """Only pending versions that nobody touched or leases are abandoned; failing one fences its lease."""
        with ready.write() as tx:
            old, leased, touched = (
                add_version(tx, tree.model_id, status=PENDING, files=(entry("a", b"1"),)) for _ in range(3)
            )
            add_version(tx, tree.model_id, status=READY)
            tx.add_uploads(touched.id, [entry("a", b"1")], stamp(3000))
            assert leased.manifest_id is not None
            lease = tx.take_lease(leased.id, leased.manifest_id, now_ms=1000, until_ms=9000)

            def abandoned(now_ms: int, limit: int = 9) -> list[str]:
                return [row.version.id for row in tx.abandoned(before_ms=2000, now_ms=now_ms, limit=limit)]

            assert abandoned(8999) == [old.id]
            assert set(abandoned(9000)) == {old.id, leased.id}
            assert len(abandoned(9000, limit=1)) == 1
            tx.fail_abandoned(leased.id, "left alone", stamp(9000))
            assert abandoned(9000) == [old.id]
        row = version_row(ready, leased.version).version
        assert (row.status, row.status_reason) == (FAILED, "left alone")
        with pytest.raises(ConcurrentUpdateError), ready.write() as tx:
            finish(tx, leased.id, lease)
