"""The record of refused calls and of downloads: one line for each principal, operation, target and minute."""

from __future__ import annotations

from attrs import frozen

from herdbook.server.logs import Log
from herdbook.verdicts import Operation

REFUSED = (401, 403, 404)
"""The statuses of refusals; whether somebody may not or may not know is recorded alike."""
DOWNLOADS = frozenset({Operation.READ_MODEL_VERSION_FILE.value})
MAX_KEPT = 10_000
MAX_TARGET = 1_000
_MINUTE_S = 60


@frozen
class Access:
    """What is recorded as one."""

    refused: bool
    principal: str | None
    address: str
    operation: str
    target: str


class Accesses:
    """Gathers what is to be recorded, for the minutes that are not over.

    Args:
        log: Where it is written.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._minute = 0
        self._kept: dict[Access, tuple[int, int, str]] = {}

    def note(self, access: Access, status: int, request_id: str, now_s: float) -> None:
        """Take in one access; called once its answer was sent.

        Args:
            access: What it was.
            status: How it was answered.
            request_id: Under which id.
            now_s: The time, in seconds since 1970.
        """
        minute = int(now_s) // _MINUTE_S
        if minute != self._minute or len(self._kept) >= MAX_KEPT:
            self.write()
            self._minute = minute
        count, _, first = self._kept.get(access, (0, 0, request_id))
        self._kept[access] = (count + 1, status, first)

    def write_past(self, now_s: float) -> None:
        """Write the minute that is over."""
        if int(now_s) // _MINUTE_S != self._minute:
            self.write()

    def write(self) -> None:
        """Write all that is kept."""
        kept, self._kept = self._kept, {}
        for access, (count, status, first) in kept.items():
            told = {
                "principal": access.principal,
                "client": access.address,
                "operation": access.operation,
                "target": access.target,
                "count": count,
                "status": status,
                "minute": self._minute * _MINUTE_S,
                "request_id": first,
            }
            if access.refused:
                self._log.warning("refused", **told)
            else:
                self._log.info("downloaded", **told)
