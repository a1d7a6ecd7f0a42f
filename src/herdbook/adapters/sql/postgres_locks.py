"""The locks that PostgreSQL writers take, and the transactions that begin with them."""

from __future__ import annotations

import hashlib
from functools import cache

from herdbook.adapters.sql.store import Mode
from herdbook.adapters.sql.writes import SqlWrites, count_event, event_row, gone
from herdbook.entities.ledger import Event, IdempotencyRecord
from herdbook.verdicts import SecurableKind

# Advisory locks are a database's own; the first number sets ours apart from those of other programs in it.
_OURS = 0x48455244
_WRITERS = f"{_OURS}, 1"
_WRITE = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
BEGIN = {
    Mode.READ: ("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",),
    Mode.WRITE: (_WRITE, f"SELECT pg_advisory_xact_lock_shared({_WRITERS})"),
    Mode.EXCLUSIVE: (_WRITE, f"SELECT pg_advisory_xact_lock({_WRITERS})"),
}
"""How each transaction begins, in one round trip, mostly that of its first statement. Every later statement of a writer
sees what was committed before it got its lock, so an exclusive one finds rights, names and rows as nobody else can
change them any more."""

SCHEMA_LOCK = f"SELECT pg_advisory_xact_lock({_OURS}, 2)"
"""Held while the schema is made or upgraded."""

_TABLES = {
    SecurableKind.METASTORE: "metastore",
    SecurableKind.CATALOG: "catalogs",
    SecurableKind.SCHEMA: "schemas",
    SecurableKind.REGISTERED_MODEL: "registered_models",
}


class PostgresWrites(SqlWrites):
    """A write transaction beside others, which waits for those that change the same thing."""

    serial = False

    def lock(self, kind: SecurableKind, securable_id: str) -> None:
        """Lock a securable's row against other changes; foreign keys to it are not kept waiting."""
        self._run.one(f"SELECT 1 FROM {_TABLES[kind]} WHERE id = :id FOR NO KEY UPDATE", id=securable_id)

    def emit(self, event: Event) -> int:
        """Write an outbox row and return its sequence number, in one round trip."""
        if event.securable_id in self._counted:
            return super().emit(event)
        row = self._run.one(_counted_and_written(event.securable_kind), **event_row(event))
        if row is None:
            raise gone(event)
        return int(row[0])

    def idempotent(self, principal_id: str, operation: str, key: str, *, now_ms: int) -> IdempotencyRecord | None:
        """Return the answer kept for a key; who uses the same key at the same time waits for the first."""
        digest = hashlib.sha256(f"{principal_id}\0{operation}\0{key}".encode()).digest()
        self._run.later("SELECT pg_advisory_xact_lock(:key)", key=int.from_bytes(digest[:8], signed=True))
        return super().idempotent(principal_id, operation, key, now_ms=now_ms)


@cache
def _counted_and_written(kind: SecurableKind) -> str:
    columns = ("id", "at", "type", "securable_kind", "securable_id", "payload")
    counted = count_event(kind).replace(":id", ":securable_id")
    return f"""WITH counted AS ({counted}) INSERT INTO outbox ({", ".join(columns)}, event_seq)
        SELECT {", ".join(f":{column}" for column in columns)}, event_seq FROM counted RETURNING event_seq"""
