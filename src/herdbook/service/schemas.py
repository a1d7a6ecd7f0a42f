"""Schemas, governed."""

from __future__ import annotations

from herdbook.entities import Catalog, Link, Page, Schema
from herdbook.names import fold
from herdbook.policy.limits import check_comment, check_new_level
from herdbook.ports.metadata import Stamp, WriteTransaction
from herdbook.ports.registry import CatalogLike, SchemaLike, Schemas
from herdbook.service import subjects
from herdbook.service.gate import Admitted, Idempotency, Outcome
from herdbook.service.ledger import Happened
from herdbook.service.life import Asked, LivingPart
from herdbook.service.part import check_expected
from herdbook.service.shown import shown, shown_alone
from herdbook.verdicts import Operation, SecurableKind
from herdbook.wire import from_json, to_json


class GovernedSchemas(LivingPart, Schemas):
    """The verbs over schemas."""

    def create_schema(
        self, name: SchemaLike, *, comment: str | None = None, idempotency_key: str | None = None
    ) -> Schema:
        """Create a schema."""
        new = subjects.schema_name(name)
        check_new_level(new)
        check_comment(comment)
        holder = subjects.schema(new)

        def body(tx: WriteTransaction, container: Admitted[Catalog], stamp: Stamp) -> Outcome[Schema]:
            self._refuse_taken(tx, holder)
            schema_id = self._core.ids.new()
            tx.insert_schema(schema_id, container.chain.object.id, new, comment=comment, owner_id=stamp.by, stamp=stamp)
            made = Link(id=schema_id, kind=SecurableKind.SCHEMA, name=str(new), owner_id=stamp.by)
            happened = Happened(on=made, event="schema.created", detail={"comment": comment})
            return Outcome(result=self._core.gate.reread(tx, holder), happened=happened)

        idempotency: Idempotency[Schema] = Idempotency(
            key=idempotency_key,
            request=lambda: [str(new), comment],
            keep=to_json,
            restore=lambda _tx, answer: from_json(answer, Schema),
        )
        return self._creating(
            holder,
            lambda: self._core.gate.change(
                self._caller, Operation.CREATE_SCHEMA, subjects.catalog(new.parent), body, idempotency=idempotency
            ),
        )

    def get_schema(self, name: SchemaLike) -> Schema:
        """Return a schema."""
        subject = subjects.schema(subjects.schema_name(name))
        admitted = self._core.gate.admit(self._caller, Operation.GET_SCHEMA, subject)
        found = self._core.gate.present(admitted, subject)
        return shown_alone(self._core.gate, self._caller, found, admitted.chain)

    def list_schemas(
        self, catalog: CatalogLike, *, max_results: int = 100, page_token: str | None = None
    ) -> Page[Schema]:
        """List the schemas of a catalog that the caller may see."""
        core, caller = self._core, self._caller
        container = subjects.catalog(subjects.catalog_name(catalog))

        def fetch(after: str | None, limit: int) -> tuple[Schema, ...]:
            with core.store.read() as tx:
                catalog_id = core.gate.admit(caller, Operation.LIST_SCHEMAS, container, tx, tx).chain.object.id
                show = shown(core.gate.authority, caller, SecurableKind.SCHEMA, tx)
                found = tx.list_schemas(catalog_id, show.seen, after=after or "", limit=limit)
                return show.of(found)

        query = ("list_schemas", fold(container.what))
        return self._page(query, page_token, max_results, fetch, lambda schema: schema.name.key)

    def update_schema(
        self,
        name: SchemaLike,
        *,
        comment: str | None,
        expected_row_version: int | None = None,
        reason: str | None = None,
    ) -> Schema:
        """Replace a schema's comment."""
        check_comment(comment)
        subject = subjects.schema(subjects.schema_name(name))

        def body(tx: WriteTransaction, admitted: Admitted[Schema], stamp: Stamp) -> Outcome[Schema]:
            found = self._core.gate.present(admitted, subject)
            check_expected(subject.what, expected_row_version, found.row_version)
            tx.set_comment(SecurableKind.SCHEMA, found.id, comment, stamp)
            happened = Happened(on=admitted.chain.object, event="schema.updated", detail={"comment": comment})
            return Outcome(result=self._core.gate.reread(tx, subject), happened=happened)

        return self._core.gate.change(self._caller, Operation.UPDATE_SCHEMA, subject, body, reason=reason)

    def rename_schema(
        self,
        name: SchemaLike,
        new_name: SchemaLike,
        *,
        expected_row_version: int | None = None,
        reason: str | None = None,
    ) -> Schema:
        """Rename a schema."""
        old, new = subjects.schema_name(name), subjects.schema_name(new_name)
        asked = Asked(operation=Operation.RENAME_SCHEMA, expected_row_version=expected_row_version, reason=reason)
        return self._rename(subjects.schema(old), old, new, subjects.schema(new), asked)

    def delete_schema(
        self,
        name: SchemaLike,
        *,
        force: bool = False,
        expected_row_version: int | None = None,
        reason: str | None = None,
    ) -> None:
        """Move a schema to the trash."""
        asked = Asked(operation=Operation.DELETE_SCHEMA, expected_row_version=expected_row_version, reason=reason)
        self._delete(subjects.schema(subjects.schema_name(name)), asked, force=force)

    def restore_schema(
        self, schema_id: str, *, new_name: SchemaLike | None = None, reason: str | None = None
    ) -> Schema:
        """Bring a schema back from the trash."""
        new = None if new_name is None else subjects.schema_name(new_name)
        asked = Asked(operation=Operation.RESTORE_SCHEMA, reason=reason)
        return self._restore(SecurableKind.SCHEMA, schema_id, new, subjects.schema, asked)

    def purge_schema(self, schema_id: str, *, reason: str | None = None) -> None:
        """Remove a schema from the trash for good."""
        asked = Asked(operation=Operation.PURGE_SCHEMA, reason=reason)
        self._purge(SecurableKind.SCHEMA, schema_id, asked)
