"""Policies, governed: rules in force, and policy files checked, compared, tried and applied (R16, R20-R22, R37)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from herdbook.entities import EffectiveRule, Principal
from herdbook.entities.governance import AccessPath, PolicyReport
from herdbook.entities.ledger import AppliedPolicy, BoundName, NameKind, PolicyFile, PolicyLine, PolicySnapshot
from herdbook.errors import ConcurrentUpdateError, InvalidArgumentError, NotFoundError
from herdbook.names import METASTORE, PrincipalKind, PrincipalName, parse_securable
from herdbook.policy.planning import Plan, base_of
from herdbook.policy.policy_files import ReadFiles
from herdbook.ports.metadata import ReadTransaction, Stamp, WriteTransaction
from herdbook.ports.registry import Policies, SecurableLike
from herdbook.service import subjects
from herdbook.service.core import to_time
from herdbook.service.gate import Admitted, Outcome
from herdbook.service.ledger import Happened
from herdbook.service.part import GovernedPart
from herdbook.service.people import keep_an_admin
from herdbook.service.policy_cases import failing, parse_cases
from herdbook.service.policy_diff import Comparison, concerned
from herdbook.service.policy_plans import plan, read_policy_files, refuse
from herdbook.verdicts import Operation

_ACTORS = (PrincipalKind.USER, PrincipalKind.SERVICE)


class GovernedPolicies(GovernedPart, Policies):
    """The verbs over policies."""

    def get_effective_rules(
        self, securable: SecurableLike, *, with_overridden: bool = False
    ) -> tuple[EffectiveRule, ...]:
        """Return the rules that hold for a securable."""
        subject = subjects.securable(securable)
        with self._core.store.read() as tx:
            admitted = self._core.gate.admit(self._caller, Operation.GET_EFFECTIVE_RULES, subject, tx, tx)
            if with_overridden:
                return self._core.admission.rules_bound_along(admitted.chain, tx)
            return self._core.admission.rules_for(admitted.chain, tx)

    def get_policies(self) -> AppliedPolicy:
        """Return the policy files in force."""
        with self._core.store.read() as tx:
            self._core.gate.admit(self._caller, Operation.GET_POLICIES, subjects.metastore(), tx, tx)
            return tx.applied()

    def check_policies(self, files: Sequence[PolicyFile]) -> PolicyReport:
        """Check policy files whole."""
        with self._core.store.read() as tx:
            self._core.gate.admit(self._caller, Operation.CHECK_POLICIES, subjects.metastore(), tx, tx)
            read = self._read(files)
            made = plan(tx, read, self._core.ids.new)
            problems = (*read.problems, *made.problems)
            return PolicyReport(base_revision=tx.applied_revision(), problems=problems, notes=made.notes)

    def diff_policies(self, files: Sequence[PolicyFile]) -> PolicyReport:
        """Say exactly whose rights policy files would change."""
        with self._core.store.read() as tx:
            self._core.gate.admit(self._caller, Operation.DIFF_POLICIES, subjects.metastore(), tx, tx)
            made = self._planned(tx, self._read(files))
            before = tx.snapshot()
            gained, lost = self._differences(tx, before, made)
            return PolicyReport(base_revision=tx.applied_revision(), notes=made.notes, gained=gained, lost=lost)

    def test_policies(self, files: Sequence[PolicyFile], cases: str, *, path: str = "cases.toml") -> PolicyReport:
        """Run cases against policy files."""
        with self._core.store.read() as tx:
            self._core.gate.admit(self._caller, Operation.TEST_POLICIES, subjects.metastore(), tx, tx)
            wanted = parse_cases(cases, path)
            made = self._planned(tx, self._read(files))
            after = made.after(tx.snapshot())
            judge = self._core.gate.authority.trial(after)
            new = {name.key: principal_id for principal_id, name in made.principals.items()}
            wrong = failing(wanted, tx, judge, new, _names(tx, after, made))
            return PolicyReport(base_revision=tx.applied_revision(), problems=wrong, notes=made.notes)

    def apply_policies(
        self, files: Sequence[PolicyFile], *, expected_revision: int, reason: str | None = None
    ) -> AppliedPolicy:
        """Replace the policy files."""
        operation = Operation.APPLY_POLICIES
        self._core.gate.admit(self._caller, operation, subjects.metastore())
        # What only the files and the plugins say is found out before anybody is kept waiting.
        read = self._read(files)
        refuse(read.problems)

        def body(tx: WriteTransaction, admitted: Admitted[None], stamp: Stamp) -> Outcome[AppliedPolicy]:
            _check_base(tx, expected_revision)
            made = self._planned(tx, read)
            return self._put_in_force(tx, admitted, read.files, made, "applied", reason, stamp)

        return self._core.gate.change(
            self._caller, operation, subjects.metastore(), body, reason=reason, admitted=True, exclusive=True
        )

    def rebind_policy_name(self, name: str, *, reason: str | None = None) -> AppliedPolicy:
        """Bind a name in policy files to what bears it now."""
        kind, key = _name_key(name)

        def forget(bound: BoundName) -> bool:
            return (bound.kind, bound.key) == (kind, key)

        def body(tx: WriteTransaction, admitted: Admitted[None], stamp: Stamp) -> Outcome[AppliedPolicy]:
            _check_borne(tx, kind, key, name)
            read = self._read(tx.applied().files)
            made = self._planned(tx, read, forget=forget)
            if not any(forget(bound) for bound in made.names):
                raise NotFoundError(f"No policy file in force names {name}.", hint="`herdbook policies show` has them.")
            return self._put_in_force(tx, admitted, read.files, made, "rebound", reason, stamp, name=key)

        operation = Operation.REBIND_POLICY_NAME
        return self._core.gate.change(
            self._caller, operation, subjects.metastore(), body, reason=reason, exclusive=True
        )

    def _read(self, files: Sequence[PolicyFile]) -> ReadFiles:
        return read_policy_files(files, self._core.gate.authority, self._core.admission)

    def _planned(
        self, tx: ReadTransaction, read: ReadFiles, *, forget: Callable[[BoundName], bool] = lambda _: False
    ) -> Plan:
        """Return what files would change, refusing those that have a mistake."""
        made = plan(tx, read, self._core.ids.new, forget=forget)
        refuse((*read.problems, *made.problems))
        return made

    def _put_in_force(
        self,
        tx: WriteTransaction,
        admitted: Admitted[None],
        files: tuple[PolicyFile, ...],
        made: Plan,
        what: str,
        reason: str | None,
        stamp: Stamp,
        **detail: str,
    ) -> Outcome[AppliedPolicy]:
        metastore, base = admitted.chain.object, tx.applied_revision()
        revision = put_in_force(tx, files, made, reason=reason, stamp=stamp)
        keep_an_admin(self._core.gate.authority, self._caller, tx)
        counts = {
            "base": base,
            "revision": revision,
            "lines_added": sum(isinstance(item, PolicyLine) for item in made.add),
            "lines_ended": sum(isinstance(item, PolicyLine) for item in made.end),
            "members_added": sum(not isinstance(item, PolicyLine) for item in made.add),
            "members_ended": sum(not isinstance(item, PolicyLine) for item in made.end),
        }
        happened = Happened(
            on=metastore,
            event=f"policy.{what}",
            detail={**counts, **detail, "files": [file.path for file in files]},
        )
        also = tuple(
            (
                Operation.CREATE_PRINCIPAL,
                Happened(on=metastore, event="principal.created", detail={"principal_id": principal_id}),
            )
            for principal_id in made.principals
        )
        return Outcome(result=tx.applied(), happened=happened, also=also)

    def _differences(
        self, tx: ReadTransaction, before: PolicySnapshot, made: Plan
    ) -> tuple[tuple[AccessPath, ...], tuple[AccessPath, ...]]:
        after = made.after(before)
        names = _names(tx, after, made)
        # Whoever a token says to be in a group of claims has what the group has.
        claims = {each for each, name in names.items() if name.principal_kind is PrincipalKind.GROUP and name.source}
        new = {each for each, name in made.principals.items() if name.principal_kind in _ACTORS}
        whom = concerned(before, after, tx.actors() | claims | new)
        places = {line.securable_id for line in (*before.lines, *after.lines) if line.principal_id in whom.members}
        chains = (tx.metastore(), *tx.chains(ids=places, owner_ids=whom.members))
        comparison = Comparison(before, after, self._core.gate.authority.trial, chains)
        names.update(tx.principal_names(set(whom.actors) - names.keys()))
        gained: list[AccessPath] = []
        lost: list[AccessPath] = []
        for difference in comparison.differences(whom.actors):
            (gained if difference.gained else lost).extend(difference.entries(names))
        return _ordered(gained), _ordered(lost)


def put_in_force(
    tx: WriteTransaction,
    files: tuple[PolicyFile, ...],
    made: Plan,
    *,
    and_lines: Sequence[PolicyLine] = (),
    reason: str | None,
    stamp: Stamp,
) -> int:
    """Carry out a plan and return the new policy revision; nothing may be authorized in the transaction afterwards.

    Args:
        tx: An exclusive transaction.
        files: The files.
        made: The plan for them.
        and_lines: Lines that begin beside those of the files.
        reason: Why.
        stamp: Who, and when.
    """
    for principal_id, name in made.principals.items():
        tx.insert_principal(Principal(id=principal_id, name=name, created_at=to_time(stamp.at_ms)))
    return tx.apply_policy(
        AppliedPolicy(revision=0, files=files),
        add=(*and_lines, *made.add),
        end=made.end,
        names=made.names,
        denies=made.denies,
        reason=reason,
        stamp=stamp,
    )


def _check_base(tx: ReadTransaction, expected: int) -> None:
    found = tx.applied_revision()
    if found != expected:
        raise ConcurrentUpdateError(
            f"The policy files in force are of revision {found}, not {expected}: somebody applied others first.",
            hint="Look at them, bring yours up to date, and repeat.",
        )


def _name_key(name: str) -> tuple[NameKind, str]:
    """Return what a name in policy files names, and its key."""
    if not isinstance(name, str):
        raise InvalidArgumentError(f"{name!r} is not text.", hint="Write it as the policy files do.")
    if ":" in name and name != str(METASTORE):
        return NameKind.PRINCIPAL, PrincipalName.parse(name).key
    base = base_of(parse_securable(name))[0]
    if base == METASTORE:
        raise InvalidArgumentError("The metastore has one name and is always meant by it.")
    return NameKind.SECURABLE, base.key


def _check_borne(tx: ReadTransaction, kind: NameKind, key: str, name: str) -> None:
    found: Mapping[str, str] = tx.principals_named({key}) if kind is NameKind.PRINCIPAL else tx.bearers({key})
    if not found:
        raise NotFoundError(f"Nothing bears the name {name}, so it cannot be bound to anything.")


def _names(tx: ReadTransaction, after: PolicySnapshot, made: Plan) -> dict[str, PrincipalName]:
    """Return the names of all principals that a policy, or the one before it, speaks of."""
    ids = {line.principal_id for line in (*after.lines, *(e for e in made.end if isinstance(e, PolicyLine)))}
    ids |= {each for m in after.memberships for each in (m.member_id, m.group_id)}
    return {**tx.principal_names(ids), **made.principals}


def _ordered(entries: list[AccessPath]) -> tuple[AccessPath, ...]:
    return tuple(sorted(entries, key=lambda e: (e.principal.key, str(e.securable), e.operation.value, e.path)))
