"""Cases of a policy: who is to be let do what, and who is not, judged by policy files that need not be in force."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from attrs import frozen

from herdbook.entities import Caller, Chain
from herdbook.entities.ledger import Effect
from herdbook.errors import InvalidArgumentError
from herdbook.formats.located_toml import load_toml, structure_located
from herdbook.names import PrincipalName
from herdbook.policy.operations import OPERATIONS
from herdbook.ports.authorizer import Authorizer
from herdbook.ports.metadata import ReadTransaction
from herdbook.service import subjects
from herdbook.service.policy_asking import ask, level, named
from herdbook.verdicts import Operation, SecurableKind
from herdbook.wire import converter


@frozen(kw_only=True)
class _Entry:
    principal: str
    operation: str
    securable: str
    expected: str


@frozen(kw_only=True)
class _File:
    cases: tuple[_Entry, ...] = ()


@frozen(kw_only=True)
class Case:
    """What is expected of a policy.

    Args:
        principal: Who.
        operation: Would do what.
        securable: On what, as written.
        expected: Whether it is to be let.
        origin: `FILE:LINE`.
    """

    principal: PrincipalName
    operation: Operation
    securable: str
    expected: Effect
    origin: str


def parse_cases(text: str, path: str) -> tuple[Case, ...]:
    """Parse cases, written as TOML.

    Raises:
        InvalidArgumentError: there is none, or something is wrong; all mistakes are told, with file and line.
    """
    if not isinstance(text, str):
        raise InvalidArgumentError(f"{text!r} is not the text of cases.")
    table = load_toml(text, file=path)
    found, problems = [], []
    for position, entry in enumerate(structure_located(table, (), _File, converter=converter).cases):
        origin = f"{path}:{table.line_of(('cases', position))}"
        try:
            found.append(_case(entry, origin))
        except InvalidArgumentError as error:
            problems.append(f"{origin}: {error}")
    if not found and not problems:
        problems.append(
            f"{path}:1: there are no cases. Write [[cases]] with principal, operation, securable, expected."
        )
    if problems:
        raise InvalidArgumentError("\n".join(problems), problems=problems)
    return tuple(found)


def _case(entry: _Entry, origin: str) -> Case:
    return Case(
        principal=PrincipalName.parse(entry.principal),
        operation=Operation(_one_of(entry.operation, Operation, "operation")),
        securable=entry.securable,
        expected=Effect(_one_of(entry.expected, Effect, "effect")),
        origin=origin,
    )


def _one_of(word: str, words: Iterable[Any], what: str) -> str:
    known = [str(each) for each in words]
    if word in known:
        return word
    near = difflib.get_close_matches(word, known, n=1)
    raise InvalidArgumentError(
        f"{word!r} is no {what}.", hint=f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known)}."
    )


def failing(
    cases: Iterable[Case],
    tx: ReadTransaction,
    authorizer: Authorizer,
    made: dict[str, str],
    names: dict[str, PrincipalName],
) -> tuple[str, ...]:
    """Return which cases are not as expected, with what decided; each with file and line.

    Args:
        cases: The cases.
        tx: Where things are looked up.
        authorizer: Judges by the policy in question.
        made: The ids of principals that the files would make, by folded name.
        names: The names of principals by id, for the answers.

    Raises:
        InvalidArgumentError: a case is about somebody or something that there is not, or about the wrong kind of thing.
    """
    listed = tuple(cases)
    people = {**tx.principals_named({case.principal.key for case in listed}), **made}
    found, problems = [], []
    for case in listed:
        who, chain = people.get(case.principal.key), _chain(case, tx)
        kind = None if chain is None else level(case.operation, chain)
        if who is None:
            problems.append(f"{case.origin}: there is no principal {case.principal}.")
        elif chain is None:
            problems.append(f"{case.origin}: there is no securable {case.securable}.")
        elif kind is None:
            problems.append(f"{case.origin}: {case.operation} is not asked about {_of(chain)} {case.securable}.")
        else:
            allowed, because = ask(authorizer, Caller(principal_id=who), OPERATIONS[case.operation], chain)
            if allowed is not (case.expected is Effect.ALLOW):
                was = "allowed" if allowed else "denied"
                found.append(
                    f"{case.origin}: {case.principal} {case.operation} {case.securable}: expected {case.expected}, "
                    f"but it is {was}: {named(because, names)}."
                )
    if problems:
        raise InvalidArgumentError("\n".join(problems), problems=problems)
    return tuple(found)


def _chain(case: Case, tx: ReadTransaction) -> Chain | None:
    try:
        return subjects.securable(case.securable).resolve(tx).chain
    except InvalidArgumentError as error:
        raise InvalidArgumentError(f"{case.origin}: {error.message}", hint=error.hint) from error


def _of(chain: Chain) -> str:
    kind = chain.object.kind
    return "an alias" if kind is SecurableKind.MODEL_ALIAS else f"a {kind.value.lower().replace('_', ' ')}"
