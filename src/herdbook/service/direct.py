"""Ways for bytes into staging and from the artifact store, and what makes them belong to one caller and one version."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

from attrs import field, frozen

from herdbook.entities import Caller, FileEntry, FileStat, SignedUrl, StagedParts
from herdbook.errors import ConflictError, InvalidArgumentError, NotFoundError, RegistryError, UnsupportedError
from herdbook.ports.artifacts import ArtifactStore, FileExpectation, Progress, StoredBlob
from herdbook.ports.parts import PartRun, SupportsParts, part_count
from herdbook.ports.presigning import LARGEST_PUT, StagedSlot, SupportsPresign, UrlSettings
from herdbook.verdicts import Operation

_LOG = logging.getLogger("herdbook.service")
_SESSION_DIGITS = 32
_NUMBER_DIGITS = 15
_Publish = Callable[[StagedSlot, FileExpectation], StoredBlob]


@frozen(kw_only=True)
class DirectWays:
    """Signs URLs for callers whom the gate has admitted, keeps parts that they send, and takes in what is whole.

    Nothing is kept of an upload session: its name follows from who sends files for which version, and the place of a
    file from its path. So what one caller puts somewhere is never found when another one's files are taken in (R27).

    Args:
        store: Where bytes are kept.
        settings: Whether URLs are handed out, and for how long.
        key: The metastore's secret, which all its servers share.
    """

    store: ArtifactStore
    settings: UrlSettings
    key: bytes = field(repr=False)

    @property
    def from_bytes(self) -> int | None:
        """The size of the smallest file that is moved so; None where none is."""
        return None if self._signer() is None else self.settings.from_bytes

    def to_send(self, caller: Caller, version_id: str, file: FileStat) -> SignedUrl | None:
        """Return what puts a file to its place in staging; None where it is sent through the registry."""
        signer = self._signer()
        if signer is None or not self.settings.from_bytes <= file.size <= LARGEST_PUT:
            return None
        slot = self._slot(caller, version_id, file.path)
        return _signed(lambda: signer.presign_put(slot, expires_s=self.settings.life_s))

    def to_fetch(self, entry: FileEntry) -> SignedUrl | None:
        """Return what fetches a file that the caller may read; None where it is read through the registry."""
        signer = self._signer()
        if signer is None or entry.size < self.settings.from_bytes:
            return None
        return _signed(lambda: signer.presign_get(entry.sha256, expires_s=self.settings.life_s))

    def staged(self, caller: Caller, version_id: str, file: FileStat) -> StagedParts | None:
        """Return how far a file that the caller sends part by part has come; None where it is sent whole."""
        store = self._parted(file)
        if store is None:
            return None
        held = store.staged(self._slot(caller, version_id, file.path), file.size)
        return StagedParts(part_bytes=store.part_bytes, held=held)

    def staged_bytes(self, caller: Caller, version_id: str, *, without: str) -> int:
        """Return how many bytes the files have that the caller sends part by part for a version, but for one path."""
        if not isinstance(self.store, SupportsParts):
            return 0
        mine = self._slot(caller, version_id, without)
        sizes = self.store.staged_bytes(mine.session)
        return sum(size for number, size in sizes.items() if number != mine.number)

    def stage(
        self,
        caller: Caller,
        version_id: str,
        file: FileStat,
        run: PartRun,
        source: BinaryIO,
        progress: Progress | None,
    ) -> StagedParts:
        """Keep parts of a file; returns what is held of it then.

        Raises:
            InvalidArgumentError: files of this size are sent whole.
            UnsupportedError: all files are sent whole here.
            RegistryError: as `SupportsParts.stage` does.
        """
        store = self._parted(file)
        if store is None:
            if isinstance(self.store, SupportsParts) and self.store.takes_parts:
                raise InvalidArgumentError(
                    f"{file.path} has no more than the {self.store.part_bytes:,} bytes of one part.",
                    hint="Send it whole, with upload_model_version_files.",
                )
            raise UnsupportedError("This registry takes no parts.", hint="Use upload_model_version_files.")
        slot = self._slot(caller, version_id, file.path)
        store.stage(slot, run, source, progress=progress)
        return StagedParts(part_bytes=store.part_bytes, held=store.staged(slot, file.size))

    def take_in(self, caller: Caller, version_id: str, file: FileStat) -> StoredBlob:
        """Publish what the caller put to a file's place, once it has the digest that they announce.

        Raises:
            InvalidArgumentError: no digest is announced.
            UnsupportedError: no URLs are handed out here, and files of this size are not sent in parts.
            ConflictError: nothing was put there, or parts are missing.
            IntegrityError: what was put there is something else; nothing was published.
        """
        slot = self._slot(caller, version_id, file.path)
        ways = self._ways_in(slot, file)
        if not ways:
            raise UnsupportedError(
                "This registry takes in no files from staging.", hint="Use upload_model_version_files."
            )
        if file.sha256 is None:
            # Whoever has the URL can put something there: the digest says what the caller has put.
            raise InvalidArgumentError(f"The digest of {file.path} is not given.", hint="Say what was sent.")
        expected = FileExpectation(size=file.size, sha256=file.sha256)
        for publish in ways:
            with suppress(NotFoundError):
                return publish(slot, expected)
        raise ConflictError(
            f"Nothing was sent to the place of {file.path}.", hint="Ask upload_plan where to, and send it."
        )

    def _ways_in(self, slot: StagedSlot, file: FileStat) -> list[_Publish]:
        """Return what publishes a file from staging, first what will do it if the file came in parts."""
        signer, parted = self._signer(), self._parted(file)
        ways: list[_Publish] = [] if signer is None else [signer.publish_staged]
        if parted is None:
            return ways
        whole = len(parted.staged(slot, file.size)) == part_count(file.size, parted.part_bytes)
        return [parted.publish_parts, *ways] if whole else [*ways, parted.publish_parts]

    def _parted(self, file: FileStat) -> SupportsParts | None:
        """Return the store where it takes a file of this size in parts."""
        store = self.store
        if isinstance(store, SupportsParts) and store.takes_parts and file.size > store.part_bytes:
            return store
        return None

    def _signer(self) -> SupportsPresign | None:
        return self.store if self.settings.enabled and isinstance(self.store, SupportsPresign) else None

    def _slot(self, caller: Caller, version_id: str, path: str) -> StagedSlot:
        told = json.dumps([Operation.UPLOAD_MODEL_VERSION_FILES.value, caller.principal_id, version_id])
        session = hmac.new(self.key, told.encode(), hashlib.sha256).hexdigest()[:_SESSION_DIGITS]
        number = int(hashlib.sha256(path.encode()).hexdigest()[:_NUMBER_DIGITS], 16)
        return StagedSlot(session=session, number=number)


def _signed(sign: Callable[[], SignedUrl]) -> SignedUrl | None:
    """Return a URL; None where none can be signed, which keeps no bytes from going through the registry."""
    try:
        return sign()
    except RegistryError as error:
        _LOG.warning("no URL was signed, so bytes pass through here: %s", error)
        return None
