"""Which privilege can be granted or denied on what, and with what right (AUTHORIZATION R4, R5, R7, R14, R23)."""

from __future__ import annotations

from enum import Enum

from herdbook.entities.ledger import Effect
from herdbook.errors import InvalidArgumentError
from herdbook.verdicts import Privilege, SecurableKind

_P = Privilege
_K = SecurableKind

_ON_MODEL = frozenset(
    {
        _P.BROWSE,
        _P.CREATE_MODEL_VERSION,
        _P.READ_METADATA,
        _P.EXECUTE,
        _P.MODIFY,
        _P.APPLY_TAG,
        _P.SET_ALIAS,
        _P.APPROVE,
        _P.MANAGE,
        _P.ALL_PRIVILEGES,
    }
)
GRANTABLE: dict[SecurableKind, frozenset[Privilege]] = {
    _K.METASTORE: frozenset({_P.CREATE_CATALOG, _P.MANAGE, _P.MANAGE_POLICY, _P.READ_AUDIT}),
    _K.CATALOG: _ON_MODEL | {_P.USE_CATALOG, _P.USE_SCHEMA, _P.CREATE_SCHEMA, _P.CREATE_MODEL, _P.READ_AUDIT},
    _K.SCHEMA: _ON_MODEL | {_P.USE_SCHEMA, _P.CREATE_MODEL},
    _K.REGISTERED_MODEL: _ON_MODEL,
    _K.MODEL_ALIAS: frozenset({_P.SET_ALIAS, _P.APPROVE}),
}
"""What can be granted on each kind of securable."""

DENIABLE: dict[SecurableKind, frozenset[Privilege]] = {**GRANTABLE, _K.METASTORE: frozenset(Privilege)}
"""What can be denied on each kind: on the metastore any privilege (R4)."""

KEPT_BY_REVOKE_ALL = frozenset({_P.MANAGE, _P.APPROVE, _P.BROWSE})
"""What a principal keeps when ALL_PRIVILEGES is revoked (R40)."""


class Giver(Enum):
    """Where MANAGE is needed to set or lift a line."""

    THERE = "there"
    CONTAINER = "container"
    CATALOG = "catalog"


def giver(privilege: Privilege, effect: Effect) -> Giver:
    """Return where MANAGE is needed for a line; on the metastore and for a catalog's container it is the metastore."""
    if effect is Effect.DENY or privilege is Privilege.APPROVE:
        return Giver.CONTAINER
    return Giver.CATALOG if privilege is Privilege.BROWSE else Giver.THERE


def check_line(privilege: Privilege, effect: Effect, kind: SecurableKind) -> None:
    """Refuse a line that means nothing on such a securable.

    Raises:
        InvalidArgumentError: the privilege cannot be granted (or denied) on that kind.
    """
    allowed = GRANTABLE if effect is Effect.ALLOW else DENIABLE
    if privilege in allowed[kind]:
        return
    word = "granted" if effect is Effect.ALLOW else "denied"
    fitting = ", ".join(sorted(k.value for k in SecurableKind if privilege in allowed[k])) or "nothing"
    raise InvalidArgumentError(f"{privilege} cannot be {word} on a {kind}.", hint=f"It can be {word} on: {fitting}.")


def privilege_named(text: Privilege | str) -> Privilege:
    """Return a privilege by its exact name; Unity Catalog's spelling with a space is accepted (R17)."""
    if isinstance(text, Privilege):
        return text
    name = text.replace(" ", "_") if isinstance(text, str) else text
    if not isinstance(name, str) or name not in set(Privilege):
        raise InvalidArgumentError(
            f"{text!r} is no privilege.", hint=f"The privileges are {', '.join(sorted(Privilege))}."
        )
    return Privilege(name)
