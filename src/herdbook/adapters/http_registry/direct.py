"""Bytes straight to and from an object store, by signed URLs: without the token, and only where that is as safe."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from herdbook import __version__
from herdbook.adapters.http_registry.streams import Blocks, Reply, Streams
from herdbook.entities import SignedUrl
from herdbook.errors import RegistryError, UnavailableError, UnsupportedError

CONNECT_S = 3.0
"""Seconds to wait for a connection: where there is none the bytes go through the server."""
READ_S = 60.0
"""Seconds to wait for the next bytes."""
AVOIDED_S = 300.0
"""Seconds for which an object store that could not be reached is left alone."""
_ENDS = 4096
_PARTIAL = 206
_TOO_MANY = 429
_FAILED = 500
_PORTS = {"https": 443, "http": 80}


class DirectWay:
    """Connections to object stores, by where they are. Thread-safe.

    Args:
        server: The URL of the registry's server.
        ca_file: Certificates to trust besides those that the machine trusts, as a PEM file.
    """

    def __init__(self, server: str, ca_file: Path | None = None) -> None:
        self._secure = urlsplit(server).scheme == "https"
        self._ca_file = ca_file
        self._streams: dict[str, Streams] = {}
        self._avoided: dict[str, float] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            opened, self._streams = list(self._streams.values()), {}
        for streams in opened:
            streams.close()

    def is_open(self, url: SignedUrl) -> bool:
        """Whether a URL can be used from here: it is as safe as the server is, and somebody listens there."""
        parts = urlsplit(url.url)
        if parts.scheme not in _PORTS or not parts.hostname or (self._secure and parts.scheme != "https"):
            return False
        origin = _origin(parts)
        with self._lock:
            avoided = self._avoided.get(origin)
            if avoided is not None and time.monotonic() - avoided < AVOIDED_S:
                return False
            known = avoided is None and origin in self._streams
        if not known and not _listens(parts):
            self.avoid(url)
            return False
        with self._lock:
            self._avoided.pop(origin, None)
        return True

    def avoid(self, url: SignedUrl) -> None:
        """Leave alone, for a while, the object store that a URL leads to."""
        with self._lock:
            self._avoided[_origin(urlsplit(url.url))] = time.monotonic()

    def put(self, url: SignedUrl, blocks: Blocks, length: int) -> None:
        """Send a file.

        Raises:
            UnavailableError: the store cannot be reached, or did not answer as it should; it may be tried again.
            UnsupportedError: the store refuses the URL: it has ended, or was never good.
            RegistryError: what `blocks` raises.
        """
        with self._request(url, {"content-type": "application/octet-stream"}, blocks, length) as reply:
            while reply.read(_ENDS):
                pass

    def get(self, url: SignedUrl, start: int, end: int) -> Reply:
        """Return the answer that has the bytes of a file from `start` to before `end`; raises as `put`."""
        reply = self._request(url, {"range": f"bytes={start}-{end - 1}"}, (), 0)
        told = reply.header("content-range").partition("/")[0]
        if reply.status != _PARTIAL or told != f"bytes {start}-{end - 1}":
            reply.close()
            raise UnsupportedError("The object store did not answer with the part that was asked for.")
        return reply

    def _request(self, url: SignedUrl, headers: Mapping[str, str], blocks: Blocks, length: int) -> Reply:
        parts = urlsplit(url.url)
        path = f"{parts.path or '/'}?{parts.query}"
        return self._to(parts).request(url.method, path, {**headers, **url.headers}, blocks, length=length)

    def _to(self, parts: SplitResult) -> Streams:
        origin = _origin(parts)
        with self._lock:
            if origin not in self._streams:
                trust = self._trust() if parts.scheme == "https" else None
                agent = {"user-agent": f"herdbook/{__version__}"}
                self._streams[origin] = Streams(origin, agent, trust, _refused, connect_s=CONNECT_S, read_s=READ_S)
            return self._streams[origin]

    def _trust(self) -> ssl.SSLContext:
        trust = ssl.create_default_context()
        if self._ca_file is not None:
            trust.load_verify_locations(cafile=str(self._ca_file))
        return trust


def _origin(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.netloc}"


def _listens(parts: SplitResult) -> bool:
    try:
        address = (parts.hostname or "", parts.port or _PORTS[parts.scheme])
        socket.create_connection(address, timeout=CONNECT_S).close()
    except (OSError, ValueError):
        return False
    return True


def _refused(status: int, _headers: Mapping[str, str], _body: bytes) -> RegistryError:
    """Return the error for a refusal; what the store says stays out, since it may repeat the signature."""
    message = f"The object store answered {status}."
    if status == _TOO_MANY or status >= _FAILED:
        return UnavailableError(message)
    return UnsupportedError(message)
