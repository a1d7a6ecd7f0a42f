"""What a metadata store keeps of the names in policy files, and how denies by name come upon what bears the name."""

from __future__ import annotations

import pytest

from herdbook.entities import Link
from herdbook.entities.ledger import AppliedPolicy, BoundName, Effect, NameDeny, NameKind, PolicyFile
from herdbook.names import CatalogName, ModelName
from herdbook.ports.metadata import MetadataStore, WriteTransaction
from herdbook.testing.metadata_samples import ALICE, ALICE_ID, StoreFixtures, add_model, new_id, stamp
from herdbook.verdicts import Privilege, SecurableKind

_K = SecurableKind
_FILES = AppliedPolicy(revision=0, files=(PolicyFile(path="a.csv", text="# nothing"),))
_DENIES = (
    NameDeny(
        key="c.s.m",
        securable_kind=_K.REGISTERED_MODEL,
        principal_id=ALICE_ID,
        privilege=Privilege.EXECUTE,
        origin="a.csv:1",
    ),
    NameDeny(
        key="c.s",
        alias_key="champion",
        securable_kind=_K.SCHEMA,
        principal_id=ALICE_ID,
        privilege=Privilege.SET_ALIAS,
        origin="a.csv:2",
    ),
)


def apply(tx: WriteTransaction, *names: BoundName, denies: tuple[NameDeny, ...] = ()) -> int:
    """Apply files that say something else of names each time."""
    return tx.apply_policy(_FILES, add=(), names=names, denies=denies, reason=None, stamp=stamp())


def denied(tx: WriteTransaction) -> set[tuple[str, str | None, str]]:
    """Return what is denied now: the id, the alias of its slots, and where it is written."""
    lines = tx.snapshot().lines
    assert {line.effect for line in lines} <= {Effect.DENY}
    return {(line.securable_id, line.alias_key, line.origin) for line in lines}


class MetadataNamesContract(StoreFixtures):
    """The part of the metadata store contract that is about names in policy files."""

    def test_bound_names_are_replaced_whole(self, ready: MetadataStore) -> None:
        """Names that were bound keep their revision, new ones get that of the apply, and others are forgotten."""
        first = BoundName(kind=NameKind.SECURABLE, key="c.s", id="1" * 32)
        other = BoundName(kind=NameKind.PRINCIPAL, key="user:a", id="2" * 32)
        with ready.write(exclusive=True) as tx:
            assert (tx.applied_revision(), tx.bound_names()) == (0, ())
            moved = [tx.moved]
            assert apply(tx, first, other) == 1
            assert [*moved, tx.moved] == [False, True]
            [kept] = [name for name in tx.bound_names() if name.key == "c.s"]
            assert (kept.revision, kept.id) == (1, "1" * 32)
        with ready.write(exclusive=True) as tx:
            assert not tx.moved
            apply(tx, kept, BoundName(kind=NameKind.SECURABLE, key="c", id="3" * 32))
            assert {(name.key, name.revision) for name in tx.bound_names()} == {("c.s", 1), ("c", 2)}

    def test_questions_about_many(self, ready: MetadataStore) -> None:
        """Live things are found by name, chains by id or owner, and what is in the trash still exists."""
        with ready.write(exclusive=True) as tx:
            one, two = (add_model(tx, ModelName.parse(text)) for text in ("C.S.M", "c.s.n"))
            assert tx.bearers(["c", "c.s", "c.s.m", "c.s.x", "d"]) == {
                "c": one.catalog_id,
                "c.s": one.schema_id,
                "c.s.m": one.model_id,
            }
            assert tx.principals_named([ALICE.key, "user:nobody"]) == {ALICE.key: ALICE_ID}
            assert tx.principal_names([ALICE_ID, "9" * 32]) == {ALICE_ID: ALICE}
            chains = tx.chains(ids=[two.model_id, one.catalog_id], owner_ids=["9" * 32])
            assert [chain.object.name for chain in chains] == ["C", "C.S.n"]
            assert len(tx.chains(owner_ids=[ALICE_ID])) == 4
            tx.delete(Link(id=two.model_id, kind=_K.REGISTERED_MODEL, name="c.s.n"), stamp())
            assert tx.bearers(["c.s.n"]) == {}
            assert tx.chains(ids=[two.model_id]) == ()
            ids = [two.model_id, one.schema_id, ALICE_ID, "9" * 32]
            assert tx.existing(ids) == set(ids[:3])

    def test_what_comes_to_bear_a_name_gets_its_denies(self, ready: MetadataStore) -> None:
        """Made, renamed (by itself or with its container) or restored: each is one revision with the lines missing."""
        with ready.write(exclusive=True) as tx:
            apply(tx, denies=_DENIES)
        with ready.write() as tx:
            made = add_model(tx, ModelName.parse("C.s.M"))
            assert tx.moved
            assert tx.revision() == 3
            assert denied(tx) == {(made.schema_id, "champion", "a.csv:2"), (made.model_id, None, "a.csv:1")}
            add_model(tx, ModelName.parse("c.s.other"))
            assert tx.revision() == 3
        away = Link(id=made.catalog_id, kind=_K.CATALOG, name="C")
        with ready.write(exclusive=True) as tx:
            before = denied(tx)
            tx.rename(away, CatalogName.parse("old"), stamp())
            other = add_model(tx, ModelName.parse("d.s.m"))
            assert (tx.revision(), denied(tx)) == (3, before)
            tx.rename(Link(id=other.catalog_id, kind=_K.CATALOG, name="d"), CatalogName.parse("c"), stamp())
            assert tx.revision() == 4
            after = before | {(other.schema_id, "champion", "a.csv:2"), (other.model_id, None, "a.csv:1")}
            assert denied(tx) == after
        with ready.read() as reading:
            changes = reading.changes(3)
            assert changes is not None
            assert [(change.revision, change.added) for change in changes] == [(4, True), (4, True)]
        schema = Link(id=other.schema_id, kind=_K.SCHEMA, name="c.s")
        with ready.write(exclusive=True) as tx:
            tx.delete(schema, stamp())
            lines = tx.snapshot().lines
            tx.change_rights(end=lines, reason=None, stamp=stamp())
            tx.restore(schema, stamp())
            assert denied(tx) == after - before
            tx.delete_principal(ALICE_ID, reason=None, stamp=stamp())
            add_model(tx, ModelName.parse("old.s.fresh"), owner_id=new_id())
            tx.rename(Link(id=other.catalog_id, kind=_K.CATALOG, name="c"), CatalogName.parse("d"), stamp())
            tx.rename(away, CatalogName.parse("c"), stamp())
            assert denied(tx) == set()

    @pytest.mark.parametrize("exclusive", [False, True])
    def test_what_is_rolled_back_leaves_no_revision(self, ready: MetadataStore, *, exclusive: bool) -> None:
        """A revision that a name began goes with the transaction that was given up."""
        with ready.write(exclusive=True) as tx:
            apply(tx, denies=_DENIES)

        def give_up() -> None:
            with ready.write(exclusive=exclusive) as tx:
                add_model(tx, ModelName.parse("c.s.m"))
                raise LookupError

        with pytest.raises(LookupError):
            give_up()
        with ready.read() as reading:
            assert (reading.revision(), tuple(reading.snapshot().lines)) == (1, ())
