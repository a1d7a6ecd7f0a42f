"""What privileges include and where they count: the tables behind g3 and g4 of the Casbin model (R1, R2, R4, R12)."""

from __future__ import annotations

from collections.abc import Iterable

from herdbook.verdicts import Privilege, SecurableKind

_P = Privilege
_K = SecurableKind

ALLOWS: dict[Privilege, str] = {
    _P.BROWSE: "know that it is there without passing the gates; its name, comment and tags",
    _P.USE_CATALOG: "pass the gate of a catalog to what lies in it",
    _P.USE_SCHEMA: "pass the gate of a schema to what lies in it",
    _P.CREATE_CATALOG: "make catalogs",
    _P.CREATE_SCHEMA: "make schemas in a catalog",
    _P.CREATE_MODEL: "make registered models in a schema",
    _P.CREATE_MODEL_VERSION: "register versions of a model",
    _P.READ_METADATA: "read every field of models and versions, and no bytes",
    _P.EXECUTE: "load or download a model's bytes",
    _P.MODIFY: "change comments",
    _P.APPLY_TAG: "set and delete tags",
    _P.SET_ALIAS: "set, move and delete an alias; on a model or above any alias there",
    _P.APPROVE: "approve versions and moves of aliases, but never one's own",
    _P.MANAGE: "grant, revoke, hand over, rename, delete, restore",
    _P.READ_AUDIT: "read the audit log, and ask about the rights of others",
    _P.MANAGE_POLICY: "apply policy files, and thereby decide all rights below the metastore",
    _P.ALL_PRIVILEGES: "all that it stands for whenever it is checked",
}
"""What each privilege allows, in words."""

ALL_INCLUDES: tuple[Privilege, ...] = (
    _P.USE_CATALOG,
    _P.USE_SCHEMA,
    _P.CREATE_SCHEMA,
    _P.CREATE_MODEL,
    _P.CREATE_MODEL_VERSION,
    _P.READ_METADATA,
    _P.EXECUTE,
    _P.MODIFY,
    _P.APPLY_TAG,
    _P.SET_ALIAS,
)
"""What ALL_PRIVILEGES stands for whenever it is checked."""

OWNER_INCLUDES: tuple[Privilege, ...] = (*ALL_INCLUDES, _P.MANAGE)
"""What an owner has on the thing itself (R2)."""

OWNER_ABOVE_INCLUDES: tuple[Privilege, ...] = (_P.MANAGE, _P.USE_SCHEMA)
"""What the owner of a container has on what lies inside (R2)."""

INCLUDES: dict[Privilege, tuple[Privilege, ...]] = {
    _P.EXECUTE: (_P.READ_METADATA,),
    _P.MANAGE: (_P.READ_METADATA,),
    _P.APPROVE: (_P.READ_METADATA,),
}
"""What a privilege includes besides itself (R1); a deny takes those that include what it names."""

INCLUDED_IN: dict[Privilege, tuple[Privilege, ...]] = {
    _P.READ_METADATA: (_P.READ_METADATA, *(privilege for privilege, within in INCLUDES.items() if within)),
}
"""Privileges that include one (R1); a privilege that is not a key is included in itself only."""

DENIES_ALL: frozenset[Privilege] = frozenset({_P.BROWSE, _P.ALL_PRIVILEGES})
"""Privileges whose deny takes everything, sight and MANAGE too (R1)."""

ADMIN_NEEDS_NO_GATE: frozenset[Privilege] = frozenset({_P.MANAGE, _P.READ_METADATA})
"""What a metastore admin has everywhere, past gates and denies below the metastore (R3)."""

METASTORE_ONLY: frozenset[Privilege] = frozenset({_P.CREATE_CATALOG, _P.MANAGE_POLICY})
"""Privileges of the metastore alone, which do not flow down (R4)."""

_ON_MODELS = (
    _P.READ_METADATA,
    _P.EXECUTE,
    _P.MANAGE,
    _P.CREATE_MODEL_VERSION,
    _P.MODIFY,
    _P.APPLY_TAG,
    _P.SET_ALIAS,
    _P.APPROVE,
    _P.READ_AUDIT,
)
_ON_SCHEMAS = (_P.USE_SCHEMA, _P.CREATE_MODEL, *_ON_MODELS)

SHOWING: dict[SecurableKind, tuple[Privilege, ...]] = {
    _K.CATALOG: (_P.USE_CATALOG, _P.CREATE_SCHEMA, *_ON_SCHEMAS),
    _K.SCHEMA: _ON_SCHEMAS,
    _K.REGISTERED_MODEL: _ON_MODELS,
}
"""Privileges of which any one on a thing shows it behind open gates (R12): those that can be granted on its kind, and
READ_AUDIT. A gate that somebody passes is no privilege on what lies behind it, or a gate alone would show it all."""

GATES: dict[SecurableKind, tuple[tuple[Privilege, SecurableKind], ...]] = {
    _K.METASTORE: (),
    _K.CATALOG: (),
    _K.SCHEMA: ((_P.USE_CATALOG, _K.CATALOG),),
    _K.REGISTERED_MODEL: ((_P.USE_CATALOG, _K.CATALOG), (_P.USE_SCHEMA, _K.SCHEMA)),
    _K.MODEL_ALIAS: ((_P.USE_CATALOG, _K.CATALOG), (_P.USE_SCHEMA, _K.SCHEMA)),
}
"""The usage gates on the way to a kind, the outermost first (R6)."""


def taken_by(privilege: Privilege) -> frozenset[Privilege]:
    """Return the privileges whose deny takes one: itself, what it includes, and those that take everything (R1)."""
    return DENIES_ALL | {privilege, *INCLUDES.get(privilege, ())}


def given_by(privilege: Privilege) -> frozenset[Privilege]:
    """Return the privileges whose grant gives one, but for what INCLUDED_IN says: itself, and ALL_PRIVILEGES."""
    return frozenset({privilege, _P.ALL_PRIVILEGES} if privilege in ALL_INCLUDES else {privilege})


def expanded(privileges: Iterable[Privilege]) -> frozenset[Privilege]:
    """Return privileges with all that ALL_PRIVILEGES stands for, where it is among them."""
    listed = frozenset(privileges)
    return listed | frozenset(ALL_INCLUDES) if _P.ALL_PRIVILEGES in listed else listed
