"""What every part of the governed registry works with."""

from __future__ import annotations

from datetime import UTC, datetime

from attrs import field, frozen

from herdbook.entities import Caller
from herdbook.policy.limits import FileLimits
from herdbook.ports.artifacts import ArtifactStore
from herdbook.ports.metadata import MetadataStore, Stamp
from herdbook.ports.system import Clock, Ids
from herdbook.service.admission import Admission
from herdbook.service.direct import DirectWays
from herdbook.service.gate import Gate
from herdbook.service.paging import PageSeal


@frozen(kw_only=True)
class Core:
    """The ports and the gate, wired once for a metastore.

    Args:
        store: Metadata.
        artifacts: Bytes.
        direct: Ways for bytes that do not lead through this process.
        gate: The one pipeline.
        admission: Rules and checks.
        seal: Page tokens.
        clock: Time.
        ids: Fresh ids.
        limits: How much a version may hold.
    """

    store: MetadataStore
    artifacts: ArtifactStore
    direct: DirectWays
    gate: Gate
    admission: Admission
    seal: PageSeal
    clock: Clock
    ids: Ids
    limits: FileLimits = field(factory=FileLimits)

    def stamp(self, caller: Caller) -> Stamp:
        """Return who and now."""
        return Stamp(at_ms=self.clock.now_ms(), by=caller.principal_id)


def to_time(at_ms: int) -> datetime:
    """Return milliseconds since 1970 as a UTC time."""
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC)


def to_ms(moment: datetime) -> int:
    """Return a time with an offset as milliseconds since 1970."""
    return int(moment.timestamp() * 1000)
