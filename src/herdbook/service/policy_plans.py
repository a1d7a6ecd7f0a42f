"""Policy files against what the registry holds: read, checked whole, and planned in one transaction's view."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from herdbook.entities.ledger import BoundName, PolicyFile
from herdbook.errors import InvalidArgumentError
from herdbook.policy.planning import Ground, Plan, names_in, plan_for
from herdbook.policy.policy_files import ReadFiles, read_files
from herdbook.ports.metadata import ReadTransaction
from herdbook.service.admission import Admission
from herdbook.service.authority import Authority

_MOST_TOLD = 20


def read_policy_files(files: Iterable[PolicyFile], authority: Authority, admission: Admission) -> ReadFiles:
    """Read policy files with all mistakes that can be found without looking at the registry's rows."""
    if not isinstance(files, Iterable):
        raise InvalidArgumentError(f"{files!r} are no policy files.", hint="Give a list of PolicyFile.")
    given = tuple(files)
    for file in given:
        if not isinstance(file, PolicyFile):
            raise InvalidArgumentError(f"{file!r} is no PolicyFile.", hint="Give PolicyFile(path=..., text=...).")
    read = read_files(given, authority.accepts)
    return ReadFiles(
        files=read.files,
        lines=read.lines,
        rules=read.rules,
        problems=(*read.problems, *admission.problems_of(read.rules)),
    )


def plan(
    tx: ReadTransaction,
    read: ReadFiles,
    new_id: Callable[[], str],
    *,
    forget: Callable[[BoundName], bool] = lambda _: False,
) -> Plan:
    """Work out what applying files would do to what a transaction sees.

    Args:
        tx: The transaction.
        read: The files.
        new_id: Makes ids, for what begins.
        forget: Which names are to be bound anew.
    """
    people, places = names_in(read.lines, read.rule_names)
    bound = tuple(name for name in tx.bound_names() if not forget(name))
    ground = Ground(
        metastore_id=tx.metastore().object.id,
        snapshot=tx.snapshot(),
        bound=bound,
        principals=tx.principals_named(people),
        bearers=tx.bearers(places),
        existing=tx.existing({name.id for name in bound}),
    )
    return plan_for(read.lines, read.rule_names, ground, new_id)


def refuse(problems: tuple[str, ...]) -> None:
    """Refuse policy files that have mistakes, all of them told.

    Raises:
        InvalidArgumentError: there are any.
    """
    if not problems:
        return
    more = len(problems) - _MOST_TOLD
    told = "\n".join(problems[:_MOST_TOLD]) + (f"\n... and {more} more." if more > 0 else "")
    raise InvalidArgumentError(
        f"The policy files are refused, and nothing was changed:\n{told}",
        hint="`herdbook policies check` tells the same without applying.",
        problems=list(problems),
    )
