"""Which principal an outside issuer's subject is: `user:SOURCE/NAME`, by issuer and subject (AUTHORIZATION R19)."""

from __future__ import annotations

import hashlib

from herdbook.errors import InvalidArgumentError
from herdbook.names import PrincipalKind, PrincipalName
from herdbook.ports.identity import Identity
from herdbook.ports.metadata import Stamp, WriteTransaction
from herdbook.ports.metadata.tokens import Person
from herdbook.service.core import Core
from herdbook.service.people import introduce
from herdbook.service.token_secrets import not_accepted

MADE = "sub-"
"""What names begin with that stand for subjects which cannot be names themselves."""

MAX_GROUPS = 500
"""How many groups a credential may claim."""


def person_for(core: Core, identity: Identity) -> Person:
    """Return who an identity is, made known where it is seen for the first time.

    Raises:
        UnauthenticatedError: its names all stand for somebody else, or it claims too many groups.
    """
    groups = _groups(identity)
    person = core.store.point.person(identity.issuer, identity.subject, groups)
    if person is not None:
        return person
    with core.store.write(exclusive=True) as tx:
        person = tx.person(identity.issuer, identity.subject, groups)
        if person is None:
            _make_known(core, tx, identity)
            person = tx.person(identity.issuer, identity.subject, groups)
    if person is None:
        raise LookupError("a person who was just made known")
    return person


def names_for(identity: Identity) -> tuple[PrincipalName, ...]:
    """Return the names that an issuer's subject can have, the best first.

    Subjects tell upper from lower case and may hold any character, names do neither: where the subject itself cannot
    be the name, a digest of issuer and subject is.
    """
    digest = hashlib.sha256(f"{identity.issuer}\0{identity.subject}".encode()).hexdigest()[:32]
    made = PrincipalName(principal_kind=PrincipalKind.USER, source=identity.source, name=f"{MADE}{digest}")
    if identity.subject.casefold().startswith(MADE):
        return (made,)
    try:
        own = PrincipalName(principal_kind=PrincipalKind.USER, source=identity.source, name=identity.subject)
    except InvalidArgumentError:
        return (made,)
    return (own, made)


def _make_known(core: Core, tx: WriteTransaction, identity: Identity) -> None:
    """Bind issuer and subject to a principal: a new one, or one that was made for it and that nobody has been yet."""
    at_ms = core.clock.now_ms()
    for name in names_for(identity):
        principal = tx.principal(name)
        if principal is None:
            principal = introduce(tx, core.ids, name, at_ms, because="first-sight")
        # A name that differs in case alone may have been meant for another subject.
        elif str(principal.name) != str(name) or tx.subject_of(principal.id) is not None:
            continue
        stamp = Stamp(at_ms=at_ms, by=principal.id)
        tx.bind_person(principal.id, issuer=identity.issuer, subject=identity.subject, stamp=stamp)
        return
    raise not_accepted()


def _groups(identity: Identity) -> frozenset[str]:
    """Return the folded names of the claimed groups; what cannot be a name, no line of policy can speak of.

    Raises:
        UnauthenticatedError: there are too many: to leave some out could leave out a denial.
    """
    if len(identity.groups) > MAX_GROUPS:
        raise not_accepted()
    keys = set()
    for group in identity.groups:
        try:
            keys.add(PrincipalName(principal_kind=PrincipalKind.GROUP, source=identity.source, name=group).key)
        except InvalidArgumentError:
            continue
    return frozenset(keys)
