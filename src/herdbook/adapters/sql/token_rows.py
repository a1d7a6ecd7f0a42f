"""API tokens and the people of outside issuers, read and written."""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import lru_cache

from herdbook.adapters.sql import token_tables
from herdbook.adapters.sql.sql_text import insert_sql
from herdbook.adapters.sql.statements import Row, Runner
from herdbook.names import PrincipalName
from herdbook.ports.metadata.records import Stamp
from herdbook.ports.metadata.tokens import (
    CredentialResolver,
    NewTokenRow,
    Person,
    Presented,
    TokenReads,
    TokenRow,
    TokenWrites,
)
from herdbook.verdicts import Privilege

_PRESENTED = """SELECT t.id, t.principal_id, p.written, t.minted_by, t.privileges, t.securable_id, t.expires_at, ms.id
    FROM api_tokens t JOIN principals p ON p.id = t.principal_id CROSS JOIN metastore ms
    WHERE t.secret_sha256 = :digest AND t.revoked_at IS NULL
    AND p.enabled = 1 AND p.deleted_at IS NULL"""
_PERSON = """SELECT p.id, p.written, p.enabled, (SELECT [[array g.id]] FROM principals g
        WHERE g.deleted_at IS NULL AND g.key IN (SELECT value FROM [[each keys]]))
    FROM principals p WHERE p.issuer = :issuer AND p.subject = :subject AND p.deleted_at IS NULL"""
_ROW = """SELECT t.id, t.principal_id, p.written, coalesce(b.written, t.minted_by), t.comment, t.privileges,
    t.securable_id, coalesce(
        (SELECT 'metastore:' FROM metastore ms WHERE ms.id = t.securable_id),
        (SELECT c.name FROM catalogs c WHERE c.id = t.securable_id AND c.deleted_at IS NULL),
        (SELECT c.name || '.' || s.name FROM schemas s JOIN catalogs c ON c.id = s.catalog_id
            WHERE s.id = t.securable_id AND s.deleted_at IS NULL),
        (SELECT c.name || '.' || s.name || '.' || m.name FROM registered_models m
            JOIN schemas s ON s.id = m.schema_id JOIN catalogs c ON c.id = m.catalog_id
            WHERE m.id = t.securable_id AND m.deleted_at IS NULL)),
    t.created_at, t.expires_at, t.revoked_at
    FROM api_tokens t JOIN principals p ON p.id = t.principal_id LEFT JOIN principals b ON b.id = t.minted_by"""
_OF = f"""{_ROW} WHERE t.principal_id = :who AND t.id > :after AND t.revoked_at IS NULL AND t.expires_at > :now
    ORDER BY t.id LIMIT :limit"""
_DENIED = """SELECT 1 FROM metastore WHERE EXISTS (SELECT 1 FROM grants
        WHERE effect = 'deny' AND valid_to IS NULL AND principal_id IN (SELECT value FROM [[each who]]))
    OR EXISTS (SELECT 1 FROM name_denies WHERE principal_id IN (SELECT value FROM [[each who]]))"""
_REVOKE = """WITH RECURSIVE ended(id) AS (SELECT id FROM api_tokens WHERE id = :id
        UNION ALL SELECT t.id FROM api_tokens t JOIN ended e ON t.parent_id = e.id)
    UPDATE api_tokens SET revoked_at = :at, revoked_by = :by
    WHERE revoked_at IS NULL AND id IN (SELECT id FROM ended)"""


# Each request with a token reads the name of its principal, and a few of them send most requests.
_principal = lru_cache(maxsize=1024)(PrincipalName.parse)


class SqlCredentialResolver(CredentialResolver):
    """Credentials to principals, on whatever runner it is given."""

    _run: Runner

    def presented(self, secret_sha256: str, *, now_ms: int) -> Presented | None:
        """Return the token with a secret of that SHA-256, if it holds."""
        memory = self._run.memory()
        found: Presented | None = memory.get(secret_sha256)
        if found is None:
            row = self._run.one(_PRESENTED, digest=secret_sha256)
            if row is None:
                return None
            found = memory[secret_sha256] = _presented(row)
        return found if found.holds_at(now_ms) else None

    def person(self, issuer: str, subject: str, group_keys: Collection[str]) -> Person | None:
        """Return the principal that an issuer's subject is."""
        row = self._run.one(_PERSON, issuer=issuer, subject=subject, keys=json.dumps(sorted(group_keys)))
        if row is None:
            return None
        return Person(
            principal_id=row[0],
            principal=_principal(row[1]),
            enabled=bool(row[2]),
            group_ids=frozenset(json.loads(row[3])),
        )


class SqlTokenReads(TokenReads):
    """What is asked about tokens."""

    _run: Runner

    def token(self, token_id: str) -> TokenRow | None:
        """Return a token, ended or not."""
        row = self._run.one(f"{_ROW} WHERE t.id = :id", id=token_id)
        return None if row is None else _token(row)

    def tokens_of(self, principal_id: str, *, now_ms: int, after: str, limit: int) -> tuple[TokenRow, ...]:
        """Return a principal's tokens that hold."""
        found = self._run.all(_OF, who=principal_id, now=now_ms, after=after, limit=limit)
        return tuple(_token(row) for row in found)

    def denied(self, principal_ids: Collection[str]) -> bool:
        """Return whether any denial names one of some principals."""
        return self._run.one(_DENIED, who=json.dumps(sorted(principal_ids))) is not None

    def subject_of(self, principal_id: str) -> tuple[str, str] | None:
        """Return the issuer and the subject that a principal is."""
        row = self._run.one("SELECT issuer, subject FROM principals WHERE id = :id", id=principal_id)
        return None if row is None or row[0] is None else (row[0], row[1])


class SqlTokenWrites(TokenWrites):
    """Changes of tokens."""

    _run: Runner

    def insert_token(self, new: NewTokenRow, *, secret_sha256: str, stamp: Stamp) -> None:
        """Insert a token."""
        row: dict[str, object] = {
            "id": new.id,
            "principal_id": new.principal_id,
            "secret_sha256": secret_sha256,
            "minted_by": new.minted_by,
            "parent_id": new.parent_id,
            "comment": new.comment,
            "privileges": json.dumps(sorted(new.privileges)),
            "securable_id": new.securable_id,
            "created_at": stamp.at_ms,
            "expires_at": new.expires_ms,
        }
        self._run.run(insert_sql(token_tables.api_tokens, *row), **row)

    def revoke_token(self, token_id: str, *, stamp: Stamp) -> int:
        """End a token, those made by it, and so on."""
        return self._run.run(_REVOKE, id=token_id, at=stamp.at_ms, by=stamp.by)

    def bind_person(self, principal_id: str, *, issuer: str, subject: str, stamp: Stamp) -> None:
        """Make a principal stand for an issuer's subject."""
        sql = """UPDATE principals SET issuer = :issuer, subject = :subject, updated_at = :at, updated_by = :by
            WHERE id = :id"""
        self._run.run(sql, issuer=issuer, subject=subject, at=stamp.at_ms, by=stamp.by, id=principal_id)


def _privileges(text: str) -> frozenset[Privilege]:
    return frozenset(Privilege(each) for each in json.loads(text)) if text != "[]" else frozenset()


def _presented(row: Row) -> Presented:
    return Presented(
        id=row[0],
        principal_id=row[1],
        principal=_principal(row[2]),
        minted_by=row[3],
        privileges=_privileges(row[4]),
        securable_id=row[5],
        expires_ms=row[6],
        metastore_id=row[7],
    )


def _token(row: Row) -> TokenRow:
    return TokenRow(
        id=row[0],
        principal_id=row[1],
        principal=_principal(row[2]),
        minted_by=row[3],
        comment=row[4],
        privileges=_privileges(row[5]),
        securable_id=row[6],
        securable=row[7],
        created_ms=row[8],
        expires_ms=row[9],
        revoked=row[10] is not None,
    )
