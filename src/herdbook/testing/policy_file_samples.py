"""Policy files made of lines, and a metastore to which tests apply them."""

from __future__ import annotations

from attrs import frozen

from herdbook.bootstrap import shipped_model, shipped_policies
from herdbook.entities.ledger import AppliedPolicy, PolicyFile, PolicyLine
from herdbook.names import PrincipalName
from herdbook.service import GovernedRegistry, Metastore

DEFAULT_RULES = (shipped_policies() / "rules" / "default.toml").read_text(encoding="utf-8")
GOVERNED_MODEL = "main.default.iris"


def policy_files(*lines: str, rules: str = DEFAULT_RULES) -> tuple[PolicyFile, ...]:
    """Return a whole set of policy files that has these lines."""
    return (
        PolicyFile(path="model.conf", text=shipped_model()),
        PolicyFile(path="people.csv", text="\n".join(lines)),
        PolicyFile(path="rules/default.toml", text=rules),
    )


@frozen
class Governed:
    """A metastore that holds `main.default.iris`, and its admin, who may apply policies."""

    metastore: Metastore
    admin: GovernedRegistry

    def by(self, name: str) -> GovernedRegistry:
        """Return the registry of a principal."""
        return self.metastore.for_caller(self.metastore.asserted(PrincipalName.parse(name)))

    def apply(self, *lines: str, rules: str = DEFAULT_RULES) -> AppliedPolicy:
        """Replace the policy files."""
        base = self.admin.get_policies().revision
        return self.admin.apply_policies(policy_files(*lines, rules=rules), expected_revision=base, reason="a test")

    def lines(self) -> dict[str, PolicyLine]:
        """Return the lines of files that are in force, by id."""
        with self.metastore.core.store.read() as tx:
            return {line.id: line for line in tx.snapshot().lines if line.from_file}

    def revision(self) -> int:
        """Return the policy revision."""
        with self.metastore.core.store.read() as tx:
            return tx.revision()
