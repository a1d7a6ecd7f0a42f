"""What every verb needs: the one table that the gate, the documentation and the tests are derived from."""

from __future__ import annotations

from enum import Enum

from attrs import frozen

from herdbook.entities import Chain
from herdbook.verdicts import Operation, Privilege, SecurableKind

K = SecurableKind
P = Privilege
Op = Operation


class Shape(Enum):
    """What a verb does, as far as the gate cares."""

    POINT = "point"
    READ = "read"
    LIST = "list"
    WRITE = "write"


class Target(Enum):
    """Where a need is looked for, relative to what the verb names."""

    # Enum's own is a function in Python, and this is looked up for every decision.
    __hash__ = object.__hash__

    METASTORE = "metastore"
    CATALOG = "catalog"
    SCHEMA = "schema"
    MODEL = "model"
    SLOT = "slot"
    NAMED = "named"
    CONTAINER = "container"


_KINDS = {
    Target.METASTORE: K.METASTORE,
    Target.CATALOG: K.CATALOG,
    Target.SCHEMA: K.SCHEMA,
    Target.MODEL: K.REGISTERED_MODEL,
    Target.SLOT: K.MODEL_ALIAS,
}


def kind_of(target: Target) -> SecurableKind:
    """Return the kind that a fixed target stands for; raises LookupError for NAMED and CONTAINER."""
    return _KINDS[target]


def level_of(target: Target, chain: Chain) -> SecurableKind:
    """Return the level of a chain at which a need is asked."""
    if target is Target.NAMED:
        return chain.object.kind
    if target is Target.CONTAINER:
        # What nothing contains is its own container: on the metastore a metastore admin decides.
        return chain.links[min(1, len(chain.links) - 1)].kind
    return kind_of(target)


class AlsoNeeds(Enum):
    """Needs that depend on what the request says; the service turns each into requirements."""

    EXECUTE_ON_PARENTS = "EXECUTE on every registered source that it names"
    APPLY_TAG_FOR_TAGS = "APPLY_TAG where tags are given"
    MANAGE_FOR_NUMBER = "MANAGE where the number is given"
    CREATE_IN_CONTAINER = "the right to create in the container"
    EVERY_CHILD = "with `force`, every child's right"
    MANAGE_CONTAINER = "MANAGE on the container for denies and APPROVE (R5), on the catalog for BROWSE (R7)"
    NOT_ONES_OWN = "never one's own (R33)"
    READ_WATCHED = "READ_METADATA on what is delivered, at delivery (R38)"
    OTHERS_NEED_MANAGE = "about others, MANAGE there or READ_AUDIT (R13)"
    ONES_OWN_OR_ADMIN = "one's own; another's: metastore admin"


@frozen
class Need:
    """One row of the table.

    Args:
        any_of: Privileges of which one is needed; empty where knowing the thing is enough.
        on: Where.
        shape: What the verb does.
        also: What else it needs, depending on the request.
    """

    any_of: tuple[Privilege, ...]
    on: Target
    shape: Shape
    also: tuple[AlsoNeeds, ...] = ()


_T = Target
_S = Shape
_A = AlsoNeeds

OPERATIONS: dict[Operation, Need] = {
    Op.CREATE_CATALOG: Need((P.CREATE_CATALOG,), _T.METASTORE, _S.WRITE),
    Op.GET_CATALOG: Need((), _T.CATALOG, _S.POINT),
    Op.LIST_CATALOGS: Need((), _T.METASTORE, _S.LIST),
    Op.UPDATE_CATALOG: Need((P.MANAGE,), _T.CATALOG, _S.WRITE),
    Op.RENAME_CATALOG: Need((P.MANAGE,), _T.CATALOG, _S.WRITE, (_A.CREATE_IN_CONTAINER,)),
    Op.DELETE_CATALOG: Need((P.MANAGE,), _T.CATALOG, _S.WRITE, (_A.EVERY_CHILD,)),
    Op.RESTORE_CATALOG: Need((P.MANAGE,), _T.CATALOG, _S.WRITE, (_A.CREATE_IN_CONTAINER,)),
    Op.PURGE_CATALOG: Need((P.MANAGE,), _T.CONTAINER, _S.WRITE),
    Op.CREATE_SCHEMA: Need((P.CREATE_SCHEMA,), _T.CATALOG, _S.WRITE),
    Op.GET_SCHEMA: Need((), _T.SCHEMA, _S.POINT),
    Op.LIST_SCHEMAS: Need((), _T.CATALOG, _S.LIST),
    Op.UPDATE_SCHEMA: Need((P.MANAGE,), _T.SCHEMA, _S.WRITE),
    Op.RENAME_SCHEMA: Need((P.MANAGE,), _T.SCHEMA, _S.WRITE, (_A.CREATE_IN_CONTAINER,)),
    Op.DELETE_SCHEMA: Need((P.MANAGE,), _T.SCHEMA, _S.WRITE, (_A.EVERY_CHILD,)),
    Op.RESTORE_SCHEMA: Need((P.MANAGE,), _T.SCHEMA, _S.WRITE, (_A.CREATE_IN_CONTAINER,)),
    Op.PURGE_SCHEMA: Need((P.MANAGE,), _T.CONTAINER, _S.WRITE),
    Op.CREATE_REGISTERED_MODEL: Need((P.CREATE_MODEL,), _T.SCHEMA, _S.WRITE, (_A.APPLY_TAG_FOR_TAGS,)),
    Op.GET_REGISTERED_MODEL: Need((P.READ_METADATA,), _T.MODEL, _S.POINT),
    Op.LIST_REGISTERED_MODELS: Need((), _T.SCHEMA, _S.LIST),
    Op.SEARCH_REGISTERED_MODELS: Need((), _T.METASTORE, _S.LIST),
    Op.UPDATE_REGISTERED_MODEL: Need((P.MODIFY,), _T.MODEL, _S.WRITE),
    Op.RENAME_REGISTERED_MODEL: Need((P.MANAGE,), _T.MODEL, _S.WRITE, (_A.CREATE_IN_CONTAINER,)),
    Op.DELETE_REGISTERED_MODEL: Need((P.MANAGE,), _T.MODEL, _S.WRITE, (_A.EVERY_CHILD,)),
    Op.RESTORE_REGISTERED_MODEL: Need((P.MANAGE,), _T.MODEL, _S.WRITE, (_A.CREATE_IN_CONTAINER,)),
    Op.PURGE_REGISTERED_MODEL: Need((P.MANAGE,), _T.CONTAINER, _S.WRITE),
    Op.UPLOAD_PLAN: Need((P.CREATE_MODEL_VERSION,), _T.MODEL, _S.READ),
    Op.CREATE_MODEL_VERSION: Need(
        (P.CREATE_MODEL_VERSION,),
        _T.MODEL,
        _S.WRITE,
        (_A.EXECUTE_ON_PARENTS, _A.APPLY_TAG_FOR_TAGS, _A.MANAGE_FOR_NUMBER),
    ),
    Op.UPLOAD_MODEL_VERSION_FILES: Need((P.CREATE_MODEL_VERSION,), _T.MODEL, _S.WRITE),
    Op.FINALIZE_MODEL_VERSION: Need((P.CREATE_MODEL_VERSION,), _T.MODEL, _S.WRITE, (_A.EXECUTE_ON_PARENTS,)),
    Op.COPY_MODEL_VERSION: Need(
        (P.CREATE_MODEL_VERSION,), _T.MODEL, _S.WRITE, (_A.EXECUTE_ON_PARENTS, _A.CREATE_IN_CONTAINER)
    ),
    Op.GET_MODEL_VERSION: Need((P.READ_METADATA,), _T.MODEL, _S.POINT),
    Op.LIST_MODEL_VERSIONS: Need((P.READ_METADATA,), _T.MODEL, _S.READ),
    Op.SEARCH_MODEL_VERSIONS: Need((), _T.METASTORE, _S.LIST),
    Op.UPDATE_MODEL_VERSION: Need((P.MODIFY,), _T.MODEL, _S.WRITE),
    Op.DELETE_MODEL_VERSION: Need((P.MANAGE,), _T.MODEL, _S.WRITE),
    Op.RESTORE_MODEL_VERSION: Need((P.MANAGE,), _T.MODEL, _S.WRITE, (_A.CREATE_IN_CONTAINER,)),
    Op.PURGE_MODEL_VERSION: Need((P.MANAGE,), _T.CONTAINER, _S.WRITE),
    Op.LIST_MODEL_VERSION_FILES: Need((P.READ_METADATA,), _T.MODEL, _S.READ),
    Op.READ_MODEL_VERSION_FILE: Need((P.EXECUTE,), _T.MODEL, _S.READ),
    Op.SET_REGISTERED_MODEL_ALIAS: Need((P.SET_ALIAS,), _T.SLOT, _S.WRITE),
    Op.DELETE_REGISTERED_MODEL_ALIAS: Need((P.SET_ALIAS,), _T.SLOT, _S.WRITE),
    Op.GET_MODEL_VERSION_BY_ALIAS: Need((P.READ_METADATA,), _T.MODEL, _S.POINT),
    Op.LIST_REGISTERED_MODEL_ALIASES: Need((P.READ_METADATA,), _T.MODEL, _S.READ),
    Op.LIST_ALIAS_HISTORY: Need((P.READ_METADATA,), _T.MODEL, _S.READ),
    Op.SET_REGISTERED_MODEL_TAG: Need((P.APPLY_TAG,), _T.MODEL, _S.WRITE),
    Op.DELETE_REGISTERED_MODEL_TAG: Need((P.APPLY_TAG,), _T.MODEL, _S.WRITE),
    Op.SET_MODEL_VERSION_TAG: Need((P.APPLY_TAG,), _T.MODEL, _S.WRITE),
    Op.DELETE_MODEL_VERSION_TAG: Need((P.APPLY_TAG,), _T.MODEL, _S.WRITE),
    Op.LIST_DELETED: Need((P.MANAGE,), _T.NAMED, _S.LIST),
    Op.TRANSFER_OWNERSHIP: Need((P.MANAGE,), _T.NAMED, _S.WRITE),
    Op.GRANT: Need((P.MANAGE,), _T.NAMED, _S.WRITE, (_A.MANAGE_CONTAINER,)),
    Op.REVOKE: Need((P.MANAGE,), _T.NAMED, _S.WRITE, (_A.MANAGE_CONTAINER,)),
    Op.DENY: Need((P.MANAGE,), _T.CONTAINER, _S.WRITE, (_A.MANAGE_CONTAINER,)),
    Op.LIFT_DENY: Need((P.MANAGE,), _T.CONTAINER, _S.WRITE, (_A.MANAGE_CONTAINER,)),
    Op.LIST_GRANTS: Need((), _T.NAMED, _S.READ, (_A.OTHERS_NEED_MANAGE,)),
    Op.LIST_EFFECTIVE_GRANTS: Need((), _T.NAMED, _S.READ, (_A.OTHERS_NEED_MANAGE,)),
    Op.EXPLAIN: Need((), _T.NAMED, _S.READ, (_A.OTHERS_NEED_MANAGE,)),
    Op.WHO_CAN: Need((P.MANAGE, P.READ_AUDIT), _T.NAMED, _S.READ),
    Op.WHAT_CAN: Need((), _T.METASTORE, _S.READ, (_A.OTHERS_NEED_MANAGE,)),
    Op.GET_CURRENT_PRINCIPAL: Need((), _T.METASTORE, _S.READ),
    Op.CREATE_PRINCIPAL: Need((P.MANAGE,), _T.METASTORE, _S.WRITE),
    Op.GET_PRINCIPAL: Need((P.MANAGE,), _T.METASTORE, _S.READ),
    Op.LIST_PRINCIPALS: Need((P.MANAGE,), _T.METASTORE, _S.READ),
    Op.UPDATE_PRINCIPAL: Need((P.MANAGE,), _T.METASTORE, _S.WRITE),
    Op.DELETE_PRINCIPAL: Need((P.MANAGE,), _T.METASTORE, _S.WRITE),
    Op.ADD_MEMBER: Need((P.MANAGE,), _T.METASTORE, _S.WRITE),
    Op.REMOVE_MEMBER: Need((P.MANAGE,), _T.METASTORE, _S.WRITE),
    Op.LIST_MEMBERS: Need((P.MANAGE,), _T.METASTORE, _S.READ),
    Op.CREATE_TOKEN: Need((), _T.METASTORE, _S.WRITE, (_A.ONES_OWN_OR_ADMIN,)),
    Op.LIST_TOKENS: Need((), _T.METASTORE, _S.READ, (_A.ONES_OWN_OR_ADMIN,)),
    Op.REVOKE_TOKEN: Need((), _T.METASTORE, _S.WRITE, (_A.ONES_OWN_OR_ADMIN,)),
    Op.GET_EFFECTIVE_RULES: Need((), _T.NAMED, _S.READ),
    Op.CHECK_POLICIES: Need((P.READ_AUDIT, P.MANAGE_POLICY), _T.METASTORE, _S.READ),
    Op.DIFF_POLICIES: Need((P.READ_AUDIT, P.MANAGE_POLICY), _T.METASTORE, _S.READ),
    Op.TEST_POLICIES: Need((P.READ_AUDIT, P.MANAGE_POLICY), _T.METASTORE, _S.READ),
    Op.APPLY_POLICIES: Need((P.MANAGE_POLICY,), _T.METASTORE, _S.WRITE),
    Op.GET_POLICIES: Need((P.READ_AUDIT, P.MANAGE_POLICY), _T.METASTORE, _S.READ),
    Op.REBIND_POLICY_NAME: Need((P.MANAGE_POLICY,), _T.METASTORE, _S.WRITE),
    Op.REQUEST_APPROVAL: Need((P.READ_METADATA,), _T.MODEL, _S.WRITE),
    Op.APPROVE: Need((P.APPROVE,), _T.NAMED, _S.WRITE, (_A.NOT_ONES_OWN,)),
    Op.LIST_APPROVALS: Need((P.READ_METADATA,), _T.MODEL, _S.READ),
    Op.RELEASE_MODEL_VERSION: Need((P.APPROVE,), _T.MODEL, _S.WRITE, (_A.NOT_ONES_OWN,)),
    Op.LIST_AUDIT_EVENTS: Need((P.READ_AUDIT,), _T.NAMED, _S.READ),
    Op.CREATE_WEBHOOK: Need((P.MANAGE,), _T.NAMED, _S.WRITE, (_A.READ_WATCHED,)),
    Op.GET_WEBHOOK: Need((P.MANAGE,), _T.NAMED, _S.READ),
    Op.LIST_WEBHOOKS: Need((P.MANAGE,), _T.NAMED, _S.READ),
    Op.UPDATE_WEBHOOK: Need((P.MANAGE,), _T.NAMED, _S.WRITE, (_A.READ_WATCHED,)),
    Op.DELETE_WEBHOOK: Need((P.MANAGE,), _T.NAMED, _S.WRITE),
    Op.TEST_WEBHOOK: Need((P.MANAGE,), _T.NAMED, _S.WRITE),
    Op.SWEEP_ARTIFACTS: Need((P.MANAGE,), _T.METASTORE, _S.WRITE),
}

ADDING = frozenset(
    {Op.CREATE_CATALOG, Op.CREATE_SCHEMA, Op.CREATE_REGISTERED_MODEL, Op.CREATE_MODEL_VERSION, Op.COPY_MODEL_VERSION}
)
"""Verbs that only add to what they name; every other change waits for its turn on it."""

KNOWN_TOO = frozenset({Target.SLOT, Target.CONTAINER})
"""Where a right may lie on something else than what the verb is about, so that knowing that is asked as well (R8)."""

_PURGED = {
    Op.PURGE_CATALOG: K.CATALOG,
    Op.PURGE_SCHEMA: K.SCHEMA,
    Op.PURGE_REGISTERED_MODEL: K.REGISTERED_MODEL,
    Op.PURGE_MODEL_VERSION: K.REGISTERED_MODEL,
}


def asked_of(operation: Operation) -> frozenset[SecurableKind]:
    """Return the kinds of securables that a verb is asked of; what is about versions is asked of their model."""
    if operation in _PURGED:
        return frozenset({_PURGED[operation]})
    target = OPERATIONS[operation].on
    return frozenset({_KINDS[target]} if target in _KINDS else K)


if missing := set(Operation) - set(OPERATIONS):
    raise ImportError(f"operations without a requirement: {', '.join(sorted(missing))} (AUTHORIZATION R39)")
