"""The names of principals: users, groups, roles and services."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Self

from attrs import Attribute, field, frozen

from herdbook.errors import InvalidArgumentError
from herdbook.names.securables import fold

_PRINCIPAL = re.compile(r"[A-Za-z0-9._+@-]{1,255}", re.ASCII)


class PrincipalKind(StrEnum):
    """Who rights can be given to."""

    USER = "user"
    GROUP = "group"
    ROLE = "role"
    SERVICE = "service"


@frozen(kw_only=True)
class PrincipalName:
    """A principal, `user:os/alice`, `role:scientist`; a bare word is a user of the default source.

    Example:
        >>> str(PrincipalName.parse("alice")), str(PrincipalName.parse("group:okta/Risk"))
        ('user:alice', 'group:okta/Risk')
    """

    principal_kind: PrincipalKind = field()
    name: str = field(eq=fold)
    source: str = field(default="", eq=fold)

    @principal_kind.validator
    def _check_kind(self, _: Attribute[PrincipalKind], value: object) -> None:
        if not isinstance(value, PrincipalKind):
            raise InvalidArgumentError(
                f"{value!r} is no kind of principal.", hint="The kinds are user, group, role and service."
            )

    @name.validator
    def _check_name(self, _: Attribute[str], value: object) -> None:
        if not isinstance(value, str) or _PRINCIPAL.fullmatch(value) is None:
            raise InvalidArgumentError(
                f"{value!r} is not a principal's name: it is 1 to 255 of A-Z a-z 0-9 . _ + @ -.",
                hint="Write it as KIND:NAME or KIND:SOURCE/NAME, KIND one of user, group, role, service.",
            )

    @source.validator
    def _check_source(self, attribute: Attribute[str], value: object) -> None:
        if value != "":
            self._check_name(attribute, value)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `KIND:SOURCE/NAME`, `KIND:NAME` or a bare word; raises InvalidArgumentError otherwise."""
        if not isinstance(text, str):
            raise InvalidArgumentError(f"{text!r} is not text.", hint="Write KIND:NAME.")
        kind, colon, rest = text.partition(":")
        if not colon:
            kind, rest = PrincipalKind.USER.value, text
        if kind not in set(PrincipalKind):
            raise InvalidArgumentError(
                f"{text!r} begins with {kind!r}, which is no kind of principal.",
                hint="The kinds are user, group, role and service.",
            )
        source, slash, name = rest.rpartition("/")
        if slash and not source:
            raise InvalidArgumentError(f"{text!r} has an empty source before '/'.", hint="Write KIND:NAME.")
        return cls(principal_kind=PrincipalKind(kind), source=source, name=name)

    def __str__(self) -> str:
        source = f"{self.source}/" if self.source else ""
        return f"{self.principal_kind}:{source}{self.name}"

    @property
    def key(self) -> str:
        """The folded text of the name."""
        return fold(str(self))
