"""Which names a server answers to: a foreign Host or Origin is refused before anything else is looked at (R35)."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from herdbook.errors import PermissionDeniedError

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Guard:
    """Compares Host and Origin with the names that are allowed."""

    def __init__(self, hosts: Iterable[str]) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self._known: set[str] = set()

    def check(self, headers: dict[str, str]) -> None:
        """Raise PermissionDeniedError for a request to, or from a page of, a foreign name."""
        host, origin = headers.get("host", ""), headers.get("origin")
        if host not in self._known:
            self._check_name(f"//{host}", "Host")
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
