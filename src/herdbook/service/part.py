"""What every noun of the governed registry shares: its caller, the core, lists, and the care around taken names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from herdbook.entities import Caller, Page
from herdbook.errors import AlreadyExistsError, ConcurrentUpdateError, NotFoundError, PermissionDeniedError
from herdbook.policy.limits import check_max_results
from herdbook.ports.metadata import ReadTransaction
from herdbook.ports.registry.base import RegistryPart
from herdbook.service.core import Core
from herdbook.service.gate import Subject

T = TypeVar("T")


class GovernedPart(RegistryPart):
    """A part of the registry, bound to one caller."""

    def __init__(self, core: Core, caller: Caller) -> None:
        self._core = core
        self._caller = caller

    def close(self) -> None:
        """Nothing is held for a caller; the metastore owns the connections."""

    def _page(
        self,
        query: tuple[Any, ...],
        page_token: str | None,
        max_results: int,
        fetch: Callable[[Any, int], tuple[T, ...]],
        position: Callable[[T], str | int | list[str | int]],
    ) -> Page[T]:
        """Return one page: `fetch(after, limit)` is asked for one item more than the page holds."""
        check_max_results(max_results)
        after = self._core.seal.position(self._caller, query, page_token)
        items = fetch(after, max_results + 1)
        if len(items) <= max_results:
            return Page(items=items)
        items = items[:max_results]
        return Page(items=items, next_page_token=self._core.seal.token(self._caller, query, position(items[-1])))

    def _knows(self, subject: Subject[Any]) -> bool:
        found = subject.resolve(self._core.store.point)
        return found.chain is not None and self._core.gate.knows(self._caller, found.chain)

    def _creating(self, holder: Subject[Any], create: Callable[[], T]) -> T:
        """Create a named thing with the answers about taken names that R9 asks for."""
        try:
            return create()
        except (PermissionDeniedError, NotFoundError):
            if self._knows(holder):
                raise taken(holder) from None
            raise

    @staticmethod
    def _refuse_taken(tx: ReadTransaction, holder: Subject[Any]) -> None:
        if holder.resolve(tx).chain is not None:
            raise taken(holder)


def taken(holder: Subject[Any]) -> AlreadyExistsError:
    """Return the one answer for a name that is taken."""
    return AlreadyExistsError(f"The name of {holder.what} is taken.", hint="Choose another name.")


def check_expected(what: str, expected: int | None, found: int) -> None:
    """Refuse a change to something that somebody else changed first."""
    if expected is not None and expected != found:
        raise ConcurrentUpdateError(
            f"{what} has row_version {found}, not {expected}: somebody changed it first.",
            hint="Read it again and repeat.",
        )
