"""Requests to a Herdbook server: pooled connections, what is safe to repeat repeated, problems raised as our errors."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2

from herdbook import __version__
from herdbook.adapters.http_registry.repeating import AGAIN, repeated
from herdbook.adapters.http_registry.streams import Streams
from herdbook.api import MEDIA_TYPE, PREFIX, from_problem
from herdbook.errors import (
    InternalError,
    InvalidArgumentError,
    RegistryError,
    UnavailableError,
)

CONNECT_S = 10.0
"""Seconds to wait for a connection."""
READ_S = 120.0
"""Seconds to wait for the next bytes of an answer; a check may take long."""
_FINE = 200
_REFUSED = 300
Query = list[tuple[str, str | int | float | bool | None]]
"""Parameters in the form that httpx2 takes them; ours are all text."""


class Transport:
    """A connection pool to one server, as one caller. Thread-safe."""

    def __init__(self, uri: str, *, token: str | None = None, ca_file: Path | None = None) -> None:
        self._server = _server(uri)
        headers = {"user-agent": f"herdbook/{__version__}", "accept": f"application/json, {MEDIA_TYPE}"}
        if token is not None:
            headers["authorization"] = f"Bearer {_checked(token)}"
        trust = _trust(ca_file)
        self._client = httpx2.Client(
            base_url=self._server + PREFIX,
            headers=headers,
            verify=True if trust is None else trust,
            timeout=httpx2.Timeout(READ_S, connect=CONNECT_S),
            # A redirect would carry the token to wherever it points.
            follow_redirects=False,
        )
        self.streams = Streams(self._server + PREFIX, headers, trust, self._refused, connect_s=CONNECT_S, read_s=READ_S)
        """Connections that move bytes."""

    @property
    def server(self) -> str:
        """The server's URL."""
        return self._server

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        self.streams.close()

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        repeatable: bool,
    ) -> Any:
        """Send a request and return the JSON of its answer; None where that is empty.

        Args:
            method: The HTTP method.
            path: The path below the prefix, percent-encoded.
            query: Parameters.
            headers: Further headers.
            content: A JSON body.
            repeatable: Whether it may be sent again where it is not known to have been answered.

        Raises:
            UnavailableError: the server cannot be reached, or did not answer in time.
            RegistryError: what the server answered, as the class that it was there.
        """

        def attempt() -> bytes:
            return self._send(method, path, query, headers, content)

        return self._read(repeated(attempt, tries=None if repeatable else 1))

    def _send(
        self,
        method: str,
        path: str,
        query: Query | None,
        headers: Mapping[str, str] | None,
        content: bytes | None,
    ) -> bytes:
        sent = dict(headers or {})
        if content is not None:
            sent["content-type"] = "application/json"
        with self._reached():
            response = self._client.request(method, path, params=query or None, headers=sent, content=content)
        if response.status_code >= _REFUSED:
            raise self._refused(response.status_code, response.headers, response.content)
        body: bytes = response.content
        return body

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Tell what the network does in our words."""
        try:
            yield
        except httpx2.TimeoutException as error:
            raise UnavailableError(
                f"The server {self._server} did not answer in time.", hint="Try again in a while."
            ) from error
        except httpx2.TransportError as error:
            raise UnavailableError(
                f"The server {self._server} cannot be reached: {error or type(error).__name__}.",
                hint="Is the URL right, and does `herdbook serve` run there?",
            ) from error

    def _refused(self, status: int, headers: Mapping[str, str], body: bytes) -> RegistryError:
        try:
            told = from_problem(json.loads(body))
        except ValueError:
            told = None
        if told is None:
            told = self._strange(status)
        after = headers.get("retry-after", "")
        if isinstance(told, AGAIN) and after.isascii() and after.isdigit():
            told.details["retry_after_s"] = int(after)
        return told

    def _read(self, body: bytes) -> Any:
        try:
            return json.loads(body) if body else None
        except ValueError:
            raise self._strange(_FINE) from None

    def _strange(self, status: int) -> RegistryError:
        """Return the error for an answer that is none of a Herdbook server's own, such as a proxy's."""
        message = f"{self._server} answered {status}, and not as a Herdbook server does."
        if status in (502, 503, 504):
            return UnavailableError(message, hint="Try again in a while.")
        return InternalError(message, hint="Does the URL name a Herdbook server?", status=status)


def _server(uri: str) -> str:
    try:
        parts = urlsplit(uri)
        good = bool(parts.hostname) and parts.port != 0 and not (parts.query or parts.fragment or parts.username)
    except ValueError:
        good = False
    if not good:
        raise InvalidArgumentError(
            f"{uri!r} is not a server's URL.", hint="Write https://HOST[:PORT]; a token goes into [registries.NAME]."
        )
    return uri.rstrip("/")


def _checked(token: str) -> str:
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise InvalidArgumentError("The token of this registry is no token.", hint="It is one word of ASCII letters.")
    return token


def _trust(ca_file: Path | None) -> ssl.SSLContext | None:
    if ca_file is None:
        return None
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise InvalidArgumentError(f"The certificates in {ca_file} cannot be read: {error}.") from error
