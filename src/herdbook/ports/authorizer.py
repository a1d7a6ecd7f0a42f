"""What the core needs of whoever judges rights."""

from __future__ import annotations

from abc import ABC, abstractmethod

from attrs import frozen

from herdbook.entities import Caller, Chain, Link
from herdbook.entities.ledger import Effect, PolicyChange, PolicyLine, PolicySnapshot
from herdbook.policy.visible import Held, Reach, Visible
from herdbook.verdicts import Decision, Privilege, Requirement, SecurableKind

__all__ = ["Authorizer", "Deciding", "Held", "Reach", "Visible"]


@frozen(kw_only=True)
class Deciding:
    """What decides about one privilege at one level: a line of policy, or that somebody owns something.

    Args:
        effect: Whether it allows or denies.
        line: The line; None where ownership decides.
        owned: What is owned; None where a line decides.
        via: Ids of the groups and roles on the way from the caller to whom the line speaks of or who owns, that one
            last; empty where it is the caller itself.
    """

    effect: Effect
    line: PolicyLine | None = None
    owned: Link | None = None
    via: tuple[str, ...] = ()


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
    def accepts(self, model: str) -> bool:
        """Return whether the text of a `model.conf` is that of the model that it judges by (R17)."""

    @abstractmethod
    def trial(self, snapshot: PolicySnapshot) -> Authorizer:
        """Return another one that judges by a policy which is not, or not yet, in force."""

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
    def deciding(self, caller: Caller, requirement: Requirement, chain: Chain) -> Deciding | None:
        """Return what decides about a privilege by itself: no gate, inclusion, exemption or token scope is looked at.

        Args:
            caller: Who asks.
            requirement: Which privilege, at which level of the chain.
            chain: The object asked about and all that it lies in.

        Returns:
            The deny that takes the privilege, or else what gives it; None where nothing speaks of it.
        """

    @abstractmethod
    def visible(self, caller: Caller, kind: SecurableKind) -> Visible:
        """Return what the caller may see of a kind (R12)."""

    @abstractmethod
    def holding(self, caller: Caller, privileges: tuple[Privilege, ...], kind: SecurableKind) -> Visible:
        """Return where the caller may do on things of a kind what needs one of some privileges.

        Args:
            caller: Who asks.
            privileges: The privileges, each with those that include it, behind the gates on the way to the thing.
            kind: The kind. READ_METADATA on it is what a list filters and orders by beyond what BROWSE shows (R7).
        """
