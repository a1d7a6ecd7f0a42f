"""A model in a small tree, lines on it, and questions to an authorizer about it."""

from __future__ import annotations

from herdbook.entities import Caller, Chain, Link
from herdbook.entities.ledger import Effect, Membership, PolicyLine, PolicySnapshot
from herdbook.ports.authorizer import Authorizer
from herdbook.verdicts import Allowed, Privilege, Requirement, SecurableKind, Sight

_K = SecurableKind
_P = Privilege
SLOT = Chain(
    links=(
        Link(id="m@champion", kind=_K.MODEL_ALIAS, name="c.s.m@champion"),
        Link(id="m", kind=_K.REGISTERED_MODEL, name="c.s.m", owner_id="mona"),
        Link(id="s", kind=_K.SCHEMA, name="c.s", owner_id="sam"),
        Link(id="c", kind=_K.CATALOG, name="c", owner_id="cleo"),
        Link(id="ms", kind=_K.METASTORE, name="metastore:"),
    ),
    policy_revision=1,
)
MODEL, SCHEMA, CATALOG, METASTORE = (
    SLOT.upward_from(kind) for kind in (_K.REGISTERED_MODEL, _K.SCHEMA, _K.CATALOG, _K.METASTORE)
)
_KINDS = {link.id: link.kind for link in SLOT.links}


def line(who: str, privilege: Privilege, on: str, effect: Effect = Effect.ALLOW) -> PolicyLine:
    """Make a line on a securable (`s`) or on slots of one (`s@champion`)."""
    securable, _, alias = on.partition("@")
    return PolicyLine(
        id=f"{who}-{privilege}-{on}-{effect}",
        principal_id=who,
        privilege=privilege,
        effect=effect,
        securable_kind=_KINDS[securable],
        securable_id=securable,
        alias_key=alias or None,
    )


def deny(who: str, privilege: Privilege, on: str) -> PolicyLine:
    """Make a deny."""
    return line(who, privilege, on, Effect.DENY)


def gates(who: str) -> tuple[PolicyLine, PolicyLine]:
    """Open the gates to everything in the catalog `c`."""
    return line(who, _P.USE_CATALOG, "c"), line(who, _P.USE_SCHEMA, "c")


def member(who: str, group: str) -> Membership:
    """Make a membership."""
    return Membership(member_id=who, group_id=group)


def feed(
    authorizer: Authorizer, *items: PolicyLine | Membership, disabled: frozenset[str] = frozenset(), revision: int = 1
) -> None:
    """Give an authorizer a whole policy."""
    authorizer.replace(
        PolicySnapshot(
            revision=revision,
            lines=tuple(item for item in items if isinstance(item, PolicyLine)),
            memberships=tuple(item for item in items if isinstance(item, Membership)),
            disabled=disabled,
        )
    )


def may(authorizer: Authorizer, who: str | Caller, privilege: Privilege, chain: Chain) -> bool:
    """Tell whether the answer is Allowed."""
    caller = who if isinstance(who, Caller) else Caller(principal_id=who)
    return isinstance(
        authorizer.decide(caller, Requirement(privilege=privilege, kind=chain.object.kind), chain), Allowed
    )


def knows(authorizer: Authorizer, who: str | Caller, chain: Chain) -> bool:
    """Tell whether the chain's object may be known."""
    caller = who if isinstance(who, Caller) else Caller(principal_id=who)
    asked = Requirement(privilege=_P.BROWSE, kind=chain.object.kind)
    decision = authorizer.decide(caller, asked, chain)
    return isinstance(decision, Allowed) or decision.sight is Sight.KNOWN
