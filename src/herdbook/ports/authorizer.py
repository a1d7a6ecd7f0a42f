"""What the core needs of whoever judges rights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import Enum

from attrs import field, frozen

from herdbook.entities import Caller, Chain
from herdbook.entities.ledger import PolicyChange, PolicySnapshot
from herdbook.verdicts import Decision, Requirement, SecurableKind


class Reach(Enum):
    """How much of a kind may be seen before anything is looked at."""

    ALL = "all"
    LISTED = "listed"


@frozen(kw_only=True)
class Visible:
    """What a caller may see of one kind, as ids that the store turns into name ranges.

    Args:
        reach: ALL: everything of the kind (a metastore admin, R3). LISTED: what the other fields say.
        allow: Ids of securables that may be seen with all that lies inside.
        deny: Ids of securables that may not be seen, nor anything inside; a deny wins.
        gates: Ids of the catalogs and schemas whose usage gate the caller passes.
        owners: Ids of principals (the caller's closure); what they own, and what lies in it, may be seen where the
            gates above it are passed.
        revision: The policy revision that this was computed for.
    """

    reach: Reach
    allow: frozenset[str] = field(factory=frozenset)
    deny: frozenset[str] = field(factory=frozenset)
    gates: frozenset[str] = field(factory=frozenset)
    owners: frozenset[str] = field(factory=frozenset)
    revision: int = 0


class Authorizer(ABC):
    """Judges rights from the lines that it was fed; knows no tree and holds no truth of its own. Thread-safe."""

    @property
    @abstractmethod
    def revision(self) -> int:
        """The policy revision of what it was fed."""

    @abstractmethod
    def feed(self, changes: tuple[PolicyChange, ...], revision: int) -> None:
        """Take in committed steps, which follow what it has without a gap."""

    @abstractmethod
    def replace(self, snapshot: PolicySnapshot) -> None:
        """Take in a whole policy instead of what it has, at once for every thread."""

    @abstractmethod
    def decide(self, caller: Caller, requirement: Requirement, chain: Chain) -> Decision:
        """Judge one requirement.

        Args:
            caller: Who asks.
            requirement: Which privilege, at which level of the chain.
            chain: The object asked about and all that it lies in.

        Returns:
            Allowed, or Denied with whether the caller may know of the chain's object.
        """

    @abstractmethod
    def closure(self, caller: Caller) -> frozenset[str]:
        """Return the ids of the caller's principal and of every group and role that it is in; none if disabled."""

    @abstractmethod
    def visible(self, caller: Caller, kind: SecurableKind) -> Visible:
        """Return what the caller may see of a kind (R12)."""
