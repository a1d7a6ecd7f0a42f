"""Page tokens: a position, sealed to the principal and the query (AUTHORIZATION R11)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

from attrs import field, frozen

from herdbook.entities import Caller
from herdbook.errors import InvalidArgumentError

_MAC_BYTES = 16


@frozen(kw_only=True)
class PageSeal:
    """Makes and opens page tokens.

    Args:
        key: The metastore's secret.
    """

    key: bytes = field(repr=False)

    def token(self, caller: Caller, query: tuple[Any, ...], position: str | int | Sequence[str | int]) -> str:
        """Return the token of a position in a caller's query."""
        body = json.dumps(position).encode()
        return base64.urlsafe_b64encode(self._mac(caller, query, body) + body).decode().rstrip("=")

    def position(self, caller: Caller, query: tuple[Any, ...], token: str | None) -> Any:
        """Return the position that a token stands for; None for the first page.

        Raises:
            InvalidArgumentError: the token was not made for this caller and query.
        """
        if token is None:
            return None
        try:
            raw = base64.urlsafe_b64decode(token.encode() + b"=" * (-len(token) % 4))
        except (binascii.Error, ValueError, AttributeError):
            raw = b""
        mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        # Some spellings stand for the same bytes; only ours is a token.
        spelled = base64.urlsafe_b64encode(raw).decode().rstrip("=")
        if not body or spelled != token or not hmac.compare_digest(mac, self._mac(caller, query, body)):
            raise InvalidArgumentError(
                "The page token does not belong to this list.", hint="Ask for the first page again, without a token."
            )
        return json.loads(body)

    def _mac(self, caller: Caller, query: tuple[Any, ...], body: bytes) -> bytes:
        bound = json.dumps([caller.principal_id, *query]).encode() + b"\x00" + body
        return hmac.new(self.key, bound, hashlib.sha256).digest()[:_MAC_BYTES]
