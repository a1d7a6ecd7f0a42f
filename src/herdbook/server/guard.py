"""What is refused before anything else is looked at: a foreign Host or Origin (R35), and doubled headers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from herdbook.api import IDEMPOTENCY_HEADER
from herdbook.api.files import DIGEST_HEADER, SIZE_HEADER
from herdbook.errors import InvalidArgumentError, PermissionDeniedError
from herdbook.server.messages import RequestHeaders

LOOPBACK = ("localhost", "127.0.0.1", "::1")
SINGLE = frozenset(
    {
        "authorization",
        "content-digest",
        "content-length",
        "content-type",
        "host",
        "if-range",
        "origin",
        "range",
        "x-request-id",
        *(name.lower() for name in (IDEMPOTENCY_HEADER, SIZE_HEADER, DIGEST_HEADER)),
    }
)
"""The headers that the server goes by: of two of them a proxy before it may have gone by the other one."""

KEPT = 256
"""How many spellings of allowed hosts are remembered; there are many, and clients choose them."""
_HOST = re.compile(r"(?:[\w.-]+|\[[0-9a-f:.]+\])(?::[0-9]{0,5})?", re.ASCII | re.IGNORECASE)


class Guard:
    """Compares Host and Origin with the names that are allowed.

    Args:
        hosts: Those names.
    """

    def __init__(self, hosts: Iterable[str]) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self._known: set[str] = set()

    def check(self, headers: RequestHeaders) -> None:
        """Refuse a request to, or from a page of, a foreign name, and one whose headers say two things.

        Raises:
            InvalidArgumentError: one of `SINGLE` stands twice.
            PermissionDeniedError: the name is foreign.
        """
        if headers.repeated:
            for name in sorted(headers.repeated & SINGLE):
                raise InvalidArgumentError(
                    f"The header {name} stands more than once in this request.", hint="Send it once."
                )
        host, origin = headers.get("host", ""), headers.get("origin")
        if host not in self._known:
            self._check_name(f"//{host}" if _HOST.fullmatch(host) else "", "Host")
            if len(self._known) < KEPT:
                self._known.add(host)
        if origin is not None:
            self._check_name(origin, "Origin")

    def _check_name(self, url: str, header: str) -> None:
        try:
            parts = urlsplit(url)
            name, _ = parts.hostname, parts.port
        except ValueError:
            name = None
        if name is None or parts.username is not None or name not in self._hosts:
            raise PermissionDeniedError(
                f"This server does not answer to that {header}.",
                hint="Use one of the names that [server] hosts allows.",
            )
