"""The verbs over policy files and rules."""

from __future__ import annotations

from collections.abc import Sequence

from herdbook.entities import EffectiveRule
from herdbook.entities.governance import PolicyReport
from herdbook.entities.ledger import AppliedPolicy, PolicyFile
from herdbook.ports.registry.base import RegistryPart, SecurableLike
from herdbook.verdicts import Operation


class Policies(RegistryPart):
    """Policy files, and the rules in force."""

    def get_effective_rules(
        self, securable: SecurableLike, *, with_overridden: bool = False
    ) -> tuple[EffectiveRule, ...]:
        """Return the rules that hold for a securable, and where each comes from.

        Args:
            securable: The securable.
            with_overridden: Also tell what is bound there and not in force: replaced further down, or switched off.

        Returns:
            The rules, those of the metastore first.

        Raises:
            NotFoundError: there is no such thing that the caller may know of.

        Example:
            >>> [rule.rule for rule in registry.get_effective_rules("main.default.iris")]
            ['signature-required', 'aliased-versions-are-kept']
        """
        raise self._unsupported(Operation.GET_EFFECTIVE_RULES)

    def check_policies(self, files: Sequence[PolicyFile]) -> PolicyReport:
        """Check policy files whole, without changing anything.

        Args:
            files: The files.

        Returns:
            In `problems` all mistakes, each with file and line; in `notes` what is worth a look.

        Raises:
            PermissionDeniedError: the caller lacks READ_AUDIT or MANAGE_POLICY.

        Example:
            >>> from herdbook.entities.ledger import PolicyFile
            >>> from herdbook.verdicts import Privilege
            >>> me = registry.get_current_principal().name
            >>> _ = registry.grant(me, Privilege.READ_AUDIT, "metastore:")
            >>> line = PolicyFile(path="people.csv", text="p, user:ann, main, EXECUT, allow")
            >>> files = [*registry.get_policies().files, line]
            >>> registry.check_policies(files).problems[0][:13]
            'people.csv:1:'
        """
        raise self._unsupported(Operation.CHECK_POLICIES)

    def diff_policies(self, files: Sequence[PolicyFile]) -> PolicyReport:
        """Say exactly whose rights policy files would change.

        A difference is told once, at the highest securable where it shows, for each verb and each enabled user or
        service (and each group of claims); `path` says for what in it, what decides, and what is excepted.

        Args:
            files: The files.

        Raises:
            PermissionDeniedError: the caller lacks READ_AUDIT or MANAGE_POLICY.
            InvalidArgumentError: a file has a mistake.

        Example:
            >>> from herdbook.entities.ledger import PolicyFile
            >>> from herdbook.verdicts import Privilege
            >>> me = registry.get_current_principal().name
            >>> _ = registry.grant(me, Privilege.READ_AUDIT, "metastore:")
            >>> line = PolicyFile(path="people.csv", text="p, user:ann, main, USE_CATALOG, allow")
            >>> files = [*registry.get_policies().files, line]
            >>> sorted({str(entry.principal) for entry in registry.diff_policies(files).gained})
            ['user:ann']
        """
        raise self._unsupported(Operation.DIFF_POLICIES)

    def test_policies(self, files: Sequence[PolicyFile], cases: str, *, path: str = "cases.toml") -> PolicyReport:
        """Run cases (principal, operation, securable, expected) against policy files.

        Args:
            files: The files.
            cases: The cases, as TOML: `[[cases]]` tables.
            path: What the file of the cases is called in messages.

        Returns:
            In `problems` each case that is not as expected: its file and line, and what decided.

        Raises:
            PermissionDeniedError: the caller lacks READ_AUDIT or MANAGE_POLICY.
            InvalidArgumentError: a file or case has a mistake.

        Example:
            >>> from herdbook.entities.ledger import PolicyFile
            >>> from herdbook.verdicts import Privilege
            >>> me = registry.get_current_principal().name
            >>> _ = registry.grant(me, Privilege.READ_AUDIT, "metastore:")
            >>> line = PolicyFile(path="people.csv", text="p, user:ann, main, BROWSE, allow")
            >>> files = [*registry.get_policies().files, line]
            >>> case = 'principal="user:ann", operation="get_catalog", securable="main", expected="allow"'
            >>> registry.test_policies(files, f"cases = [{{{case}}}]").problems
            ()
        """
        raise self._unsupported(Operation.TEST_POLICIES)

    def apply_policies(
        self, files: Sequence[PolicyFile], *, expected_revision: int, reason: str | None = None
    ) -> AppliedPolicy:
        """Replace the policy files in one transaction (R22).

        Principals that the files name and that do not exist are made. Names are bound to ids as R16 says.

        Args:
            files: The files.
            expected_revision: The revision of the files that they are meant to replace, as `get_policies` tells it.
            reason: Why; kept in the audit log.

        Returns:
            The policy in force now.

        Raises:
            PermissionDeniedError: the caller lacks MANAGE_POLICY.
            InvalidArgumentError: a file has a mistake; the running policy stays.
            ConcurrentUpdateError: another policy was applied first.

        Example:
            >>> from herdbook.entities.ledger import PolicyFile
            >>> from herdbook.verdicts import Privilege
            >>> me = registry.get_current_principal().name
            >>> _ = registry.grant(me, Privilege.MANAGE_POLICY, "metastore:")
            >>> line = PolicyFile(path="people.csv", text="p, user:ann, main, BROWSE, allow")
            >>> files = [*registry.get_policies().files, line]
            >>> base = registry.get_policies().revision
            >>> registry.apply_policies(files, expected_revision=base, reason="ann looks around").revision > base
            True
        """
        raise self._unsupported(Operation.APPLY_POLICIES)

    def get_policies(self) -> AppliedPolicy:
        """Return the policy files in force.

        Raises:
            PermissionDeniedError: the caller lacks READ_AUDIT or MANAGE_POLICY.

        Example:
            >>> from herdbook.verdicts import Privilege
            >>> me = registry.get_current_principal().name
            >>> _ = registry.grant(me, Privilege.READ_AUDIT, "metastore:")
            >>> [file.path for file in registry.get_policies().files]
            ['model.conf', 'rules/default.toml']
        """
        raise self._unsupported(Operation.GET_POLICIES)

    def rebind_policy_name(self, name: str, *, reason: str | None = None) -> AppliedPolicy:
        """Bind a name in policy files to what bears it now (R16).

        Args:
            name: The name, as the files write it: a securable, or a principal with its kind (`user:alice`).
            reason: Why; kept in the audit log.

        Raises:
            PermissionDeniedError: the caller lacks MANAGE_POLICY.
            NotFoundError: no policy file in force names it, or nothing bears it now.

        Example:
            >>> from herdbook.entities.ledger import PolicyFile
            >>> from herdbook.verdicts import Privilege
            >>> me = registry.get_current_principal().name
            >>> _ = registry.grant(me, Privilege.MANAGE_POLICY, "metastore:")
            >>> line = PolicyFile(path="people.csv", text="p, user:ann, main, BROWSE, allow")
            >>> files = [*registry.get_policies().files, line]
            >>> applied = registry.apply_policies(files, expected_revision=registry.get_policies().revision)
            >>> registry.rebind_policy_name("main", reason="the new one is meant").revision > applied.revision
            True
        """
        raise self._unsupported(Operation.REBIND_POLICY_NAME)
