"""Lines of policy files: `p` and `g` lines of CSV as Casbin users know them, by name, checked whole (R17)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from attrs import frozen

from herdbook.entities.ledger import Effect, PolicyFile
from herdbook.errors import InvalidArgumentError
from herdbook.names import METASTORE, PrincipalName, SecurableName, parse_securable
from herdbook.policy.granting import check_line, privilege_named
from herdbook.policy.nesting import check_pair
from herdbook.verdicts import Privilege

_FIELDS = {"p": ("subject", "object", "privilege", "effect"), "g": ("member", "group or role")}
_OF_ADMINS = frozenset({Privilege.MANAGE, Privilege.MANAGE_POLICY})
_TAKES_MANAGE = frozenset({Privilege.ALL_PRIVILEGES, Privilege.BROWSE, Privilege.READ_METADATA})
_MOST_PROBLEMS = 100


@frozen(kw_only=True)
class FileLine:
    """A `p` line: a right that a file gives or takes.

    Args:
        principal: To whom.
        securable: On what.
        privilege: Which privilege.
        effect: Allow or deny.
        origin: `FILE:LINE`.
    """

    principal: PrincipalName
    securable: SecurableName
    privilege: Privilege
    effect: Effect
    origin: str


@frozen(kw_only=True)
class FileMember:
    """A `g` line: a membership that a file says.

    Args:
        member: Who.
        group: Of what.
        origin: `FILE:LINE`.
    """

    member: PrincipalName
    group: PrincipalName
    origin: str


@frozen(kw_only=True)
class FileLines:
    """All lines of a set of policy files.

    Args:
        lines: The `p` lines.
        members: The `g` lines.
        problems: Mistakes, each with `FILE:LINE`; the set is refused whole where there are any.
    """

    lines: tuple[FileLine, ...] = ()
    members: tuple[FileMember, ...] = ()
    problems: tuple[str, ...] = ()


def parse_lines(files: Iterable[PolicyFile]) -> FileLines:
    """Parse the `*.csv` files of a policy; other files are not looked at.

    Args:
        files: The files. In a line fields are divided by commas; blank lines and lines that begin with `#` say nothing.

    Returns:
        The lines and all mistakes. A line that stands twice counts once, where it stands first.
    """
    lines: dict[object, FileLine] = {}
    members: dict[object, FileMember] = {}
    problems: list[str] = []
    for file in files:
        if not file.path.endswith(".csv"):
            continue
        for number, text in enumerate(file.text.splitlines(), 1):
            origin = f"{file.path}:{number}"
            if not text.strip() or text.lstrip().startswith("#"):
                continue
            try:
                made = _parse([field.strip() for field in text.split(",")], origin)
            except InvalidArgumentError as error:
                problems.append(f"{origin}: {error.message}{f' {error.hint}' if error.hint else ''}")
                continue
            if isinstance(made, FileLine):
                lines.setdefault((made.principal, made.securable, made.privilege, made.effect), made)
            else:
                members.setdefault((made.member, made.group), made)
    more = len(problems) - _MOST_PROBLEMS
    told = problems if more <= 0 else [*problems[:_MOST_PROBLEMS], f"... and {more} more mistakes."]
    return FileLines(lines=tuple(lines.values()), members=tuple(members.values()), problems=tuple(told))


def _parse(fields: Sequence[str], origin: str) -> FileLine | FileMember:
    kind, rest = fields[0], fields[1:]
    names = _FIELDS.get(kind)
    if names is None:
        raise InvalidArgumentError(
            f"A line begins with p or g, not {kind!r}.", hint="Files hold rights (p) and memberships (g)."
        )
    if len(rest) != len(names) or not all(rest):
        raise InvalidArgumentError(f"A {kind} line has the fields {', '.join(names)}; this one has {len(rest)}.")
    if kind == "g":
        member, group = PrincipalName.parse(rest[0]), PrincipalName.parse(rest[1])
        check_pair(member, group)
        return FileMember(member=member, group=group, origin=origin)
    securable = parse_securable(rest[1])
    privilege, effect = _privilege(rest[2]), _effect(rest[3])
    check_line(privilege, effect, securable.kind)
    if securable == METASTORE:
        _check_on_metastore(privilege, effect)
    return FileLine(
        principal=PrincipalName.parse(rest[0]), securable=securable, privilege=privilege, effect=effect, origin=origin
    )


def _privilege(text: str) -> Privilege:
    try:
        return privilege_named(text)
    except InvalidArgumentError as error:
        near = difflib.get_close_matches(text.upper().replace(" ", "_"), list(Privilege), n=1)
        raise InvalidArgumentError(error.message, hint=f"Did you mean {near[0]}?" if near else error.hint) from None


def _effect(text: str) -> Effect:
    if text not in set(Effect):
        raise InvalidArgumentError(f"{text!r} is no effect.", hint="Write allow or deny.")
    return Effect(text)


def _check_on_metastore(privilege: Privilege, effect: Effect) -> None:
    """Refuse what files may not say of the metastore: who administers it (R21)."""
    if privilege in _OF_ADMINS or (effect is Effect.DENY and privilege in _TAKES_MANAGE):
        raise InvalidArgumentError(
            f"Policy files may not {effect} {privilege} on the metastore: it decides who administers it.",
            hint="A metastore admin grants and denies it at run time.",
        )
