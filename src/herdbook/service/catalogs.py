"""Catalogs, governed."""

from __future__ import annotations

from herdbook.entities import Catalog, Link, Page
from herdbook.policy.limits import check_comment, check_new_level
from herdbook.ports.metadata import Stamp, WriteTransaction
from herdbook.ports.registry import CatalogLike, Catalogs
from herdbook.service import subjects
from herdbook.service.gate import Admitted, Idempotency, Outcome
from herdbook.service.ledger import Happened
from herdbook.service.life import Asked, LivingPart
from herdbook.service.part import check_expected
from herdbook.service.shown import shown, shown_alone
from herdbook.verdicts import Operation, SecurableKind
from herdbook.wire import from_json, to_json


class GovernedCatalogs(LivingPart, Catalogs):
    """The verbs over catalogs."""

    def create_catalog(
        self, name: CatalogLike, *, comment: str | None = None, idempotency_key: str | None = None
    ) -> Catalog:
        """Create a catalog."""
        new = subjects.catalog_name(name)
        check_new_level(new)
        check_comment(comment)
        holder = subjects.catalog(new)

        def body(tx: WriteTransaction, _: Admitted[None], stamp: Stamp) -> Outcome[Catalog]:
            self._refuse_taken(tx, holder)
            catalog_id = self._core.ids.new()
            tx.insert_catalog(catalog_id, new, comment=comment, owner_id=stamp.by, stamp=stamp)
            made = Link(id=catalog_id, kind=SecurableKind.CATALOG, name=str(new), owner_id=stamp.by)
            happened = Happened(on=made, event="catalog.created", detail={"comment": comment})
            return Outcome(result=self._core.gate.reread(tx, holder), happened=happened)

        idempotency: Idempotency[Catalog] = Idempotency(
            key=idempotency_key,
            request=lambda: [str(new), comment],
            keep=to_json,
            restore=lambda _tx, answer: from_json(answer, Catalog),
        )
        return self._creating(
            holder,
            lambda: self._core.gate.change(
                self._caller, Operation.CREATE_CATALOG, subjects.metastore(), body, idempotency=idempotency
            ),
        )

    def get_catalog(self, name: CatalogLike) -> Catalog:
        """Return a catalog."""
        subject = subjects.catalog(subjects.catalog_name(name))
        admitted = self._core.gate.admit(self._caller, Operation.GET_CATALOG, subject)
        found = self._core.gate.present(admitted, subject)
        return shown_alone(self._core.gate, self._caller, found, admitted.chain)

    def list_catalogs(self, *, max_results: int = 100, page_token: str | None = None) -> Page[Catalog]:
        """List the catalogs that the caller may see."""
        core, caller = self._core, self._caller

        def fetch(after: str | None, limit: int) -> tuple[Catalog, ...]:
            with core.store.read() as tx:
                show = shown(core.gate.authority, caller, SecurableKind.CATALOG, tx)
                found = tx.list_catalogs(show.seen, after=after or "", limit=limit)
                return show.of(found)

        return self._page(("list_catalogs",), page_token, max_results, fetch, lambda catalog: catalog.name.key)

    def update_catalog(
        self,
        name: CatalogLike,
        *,
        comment: str | None,
        expected_row_version: int | None = None,
        reason: str | None = None,
    ) -> Catalog:
        """Replace a catalog's comment."""
        check_comment(comment)
        subject = subjects.catalog(subjects.catalog_name(name))

        def body(tx: WriteTransaction, admitted: Admitted[Catalog], stamp: Stamp) -> Outcome[Catalog]:
            found = self._core.gate.present(admitted, subject)
            check_expected(subject.what, expected_row_version, found.row_version)
            tx.set_comment(SecurableKind.CATALOG, found.id, comment, stamp)
            happened = Happened(on=admitted.chain.object, event="catalog.updated", detail={"comment": comment})
            return Outcome(result=self._core.gate.reread(tx, subject), happened=happened)

        return self._core.gate.change(self._caller, Operation.UPDATE_CATALOG, subject, body, reason=reason)

    def rename_catalog(
        self,
        name: CatalogLike,
        new_name: CatalogLike,
        *,
        expected_row_version: int | None = None,
        reason: str | None = None,
    ) -> Catalog:
        """Rename a catalog."""
        old, new = subjects.catalog_name(name), subjects.catalog_name(new_name)
        asked = Asked(operation=Operation.RENAME_CATALOG, expected_row_version=expected_row_version, reason=reason)
        return self._rename(subjects.catalog(old), old, new, subjects.catalog(new), asked)

    def delete_catalog(
        self,
        name: CatalogLike,
        *,
        force: bool = False,
        expected_row_version: int | None = None,
        reason: str | None = None,
    ) -> None:
        """Move a catalog to the trash."""
        asked = Asked(operation=Operation.DELETE_CATALOG, expected_row_version=expected_row_version, reason=reason)
        self._delete(subjects.catalog(subjects.catalog_name(name)), asked, force=force)

    def restore_catalog(
        self, catalog_id: str, *, new_name: CatalogLike | None = None, reason: str | None = None
    ) -> Catalog:
        """Bring a catalog back from the trash."""
        new = None if new_name is None else subjects.catalog_name(new_name)
        asked = Asked(operation=Operation.RESTORE_CATALOG, reason=reason)
        return self._restore(SecurableKind.CATALOG, catalog_id, new, subjects.catalog, asked)

    def purge_catalog(self, catalog_id: str, *, reason: str | None = None) -> None:
        """Remove a catalog from the trash for good."""
        asked = Asked(operation=Operation.PURGE_CATALOG, reason=reason)
        self._purge(SecurableKind.CATALOG, catalog_id, asked)
