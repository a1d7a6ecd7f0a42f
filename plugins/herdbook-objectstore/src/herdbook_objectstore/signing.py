"""URLs that let their holder do one thing for a while."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

import obstore
from attrs import field, frozen
from obstore.store import AzureStore, GCSStore, ObjectStore, S3Store

from herdbook.errors import InvalidArgumentError, UnsupportedError
from herdbook.ports.presigning import LONGEST_URL_S, SignedUrl, StagedSlot
from herdbook_objectstore.keys import Keys
from herdbook_objectstore.refusals import plainly

_AZURE_PUT = {"x-ms-blob-type": "BlockBlob"}


@frozen(kw_only=True)
class Signer:
    """Signs with the store's own credentials, without asking the store.

    Args:
        objects: The bucket.
        keys: Where things are in it.
    """

    objects: ObjectStore = field(repr=False)
    keys: Keys

    def put(self, slot: StagedSlot, expires_s: float) -> SignedUrl:
        """Return what lets its holder put one file to a slot."""
        headers = _AZURE_PUT if isinstance(self.objects, AzureStore) else {}
        return self._sign("PUT", self.keys.slot(slot), expires_s, headers)

    def get(self, sha256: str, expires_s: float) -> SignedUrl:
        """Return what lets its holder fetch a blob."""
        return self._sign("GET", self.keys.blob(sha256), expires_s, {})

    def _sign(self, method: Literal["GET", "PUT"], key: str, expires_s: float, headers: dict[str, str]) -> SignedUrl:
        # `not <=` refuses NaN too; stores count in whole seconds.
        if not 1 <= expires_s <= LONGEST_URL_S:
            raise InvalidArgumentError(
                f"A signed URL cannot live for {expires_s} seconds.", hint=f"Take 1 to {LONGEST_URL_S:.0f}."
            )
        if not isinstance(self.objects, S3Store | GCSStore | AzureStore):
            raise UnsupportedError("This kind of object store signs no URLs.")
        seconds = int(expires_s)
        expires_at = datetime.now(UTC) + timedelta(seconds=seconds)
        with plainly("sign a URL"):
            url = obstore.sign(self.objects, method, key, timedelta(seconds=seconds))
        return SignedUrl(method=method, url=url, headers=dict(headers), expires_at=expires_at)
