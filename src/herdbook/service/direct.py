"""Ways for bytes straight to and from the artifact store, and what makes them belong to one caller and one version."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Callable

from attrs import field, frozen

from herdbook.entities import Caller, FileEntry, FileStat, SignedUrl
from herdbook.errors import ConflictError, InvalidArgumentError, NotFoundError, RegistryError, UnsupportedError
from herdbook.ports.artifacts import ArtifactStore, FileExpectation, StoredBlob
from herdbook.ports.presigning import LARGEST_PUT, StagedSlot, SupportsPresign, UrlSettings
from herdbook.verdicts import Operation

_LOG = logging.getLogger("herdbook.service")
_SESSION_DIGITS = 32
_NUMBER_DIGITS = 15


@frozen(kw_only=True)
class DirectWays:
    """Signs URLs for callers whom the gate has admitted, and takes in what they put.

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

    def take_in(self, caller: Caller, version_id: str, file: FileStat) -> StoredBlob:
        """Publish what the caller put to a file's place, once it has the digest that they announce.

        Raises:
            InvalidArgumentError: no digest is announced.
            UnsupportedError: no URLs are handed out here.
            ConflictError: nothing was put there.
            IntegrityError: what was put there is something else; nothing was published.
        """
        signer = self._signer()
        if signer is None:
            raise UnsupportedError(
                "This registry takes in no files from staging.", hint="Use upload_model_version_files."
            )
        if file.sha256 is None:
            # Whoever has the URL can put something there: the digest says what the caller has put.
            raise InvalidArgumentError(f"The digest of {file.path} is not given.", hint="Say what was sent.")
        expected = FileExpectation(size=file.size, sha256=file.sha256)
        try:
            return signer.publish_staged(self._slot(caller, version_id, file.path), expected)
        except NotFoundError:
            raise ConflictError(
                f"Nothing was sent to the place of {file.path}.", hint="Ask upload_plan where to, and send it."
            ) from None

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
