"""An issuer's public keys: from a file or a URL, fetched again when that is due, and kept where it fails."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx2
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key
from joserfc.util import urlsafe_b64decode

from herdbook.errors import InvalidArgumentError, UnavailableError
from herdbook_oidc.options import Issuer

MAX_BYTES = 1_000_000
"""How large a key set may be."""

MAX_KEYS = 64
_MIN_RSA_BITS = 2048
_OK = 200
B = TypeVar("B", bytes, bytearray)
PublicKey = RSAKey | ECKey | OKPKey


class KeyStore:
    """The keys of one issuer. Thread-safe.

    Args:
        issuer: The issuer.
        clock: Seconds that only grow.
    """

    def __init__(self, issuer: Issuer, clock: Callable[[], float] = time.monotonic) -> None:
        self._issuer = issuer
        self._clock = clock
        self._fetching = threading.Lock()
        self._keys: tuple[PublicKey, ...] = ()
        self._read_at: float | None = None
        self._tried_at: float | None = None
        if issuer.jwks_file is not None:
            self._read_file(issuer.jwks_file)

    def find(self, kid: str | None) -> tuple[PublicKey, ...]:
        """Return the keys that a token may be signed with.

        Args:
            kid: The key's id, as the token's header says; None where it says none.

        Raises:
            UnavailableError: there are no keys, and none can be got now.
        """
        found = _of(self._keys, kid)
        if not found or self._is_old():
            self._get_newer(lambda: bool(_of(self._keys, kid)) and not self._is_old())
            found = _of(self._keys, kid)
        if not found and self._read_at is None:
            raise UnavailableError(f"The keys of {self._issuer.issuer} cannot be fetched now.", hint="Try again.")
        return found

    def _read_file(self, path: str) -> None:
        """Read a file at once: a mistake in it is told when the server starts."""
        try:
            self._keys = _parse(self._fetch())
        except (OSError, ValueError) as error:
            raise InvalidArgumentError(f"The keys in {path} cannot be used: {error}.") from error
        self._read_at = self._clock()

    def _is_old(self) -> bool:
        return self._read_at is None or self._clock() - self._read_at >= self._issuer.max_age_s

    def _get_newer(self, unneeded: Callable[[], bool]) -> None:
        """Fetch the keys, unless another thread just did, or the last try is too near."""
        with self._fetching:
            if unneeded():
                return
            now = self._clock()
            if self._tried_at is not None and now - self._tried_at < self._issuer.refetch_s:
                return
            self._tried_at = now
            try:
                self._keys = _parse(self._fetch())
            except (OSError, httpx2.HTTPError, httpx2.InvalidURL, ValueError):
                # Those that were fetched last still tell who signed; without any, `find` says so.
                return
            self._read_at = now

    def _fetch(self) -> bytes:
        if self._issuer.jwks_file is not None:
            with Path(self._issuer.jwks_file).expanduser().open("rb") as file:
                return _limited(file.read(MAX_BYTES + 1))
        ends = time.monotonic() + self._issuer.timeout_s
        # The environment's proxies are not a plugin's to read.
        with (
            httpx2.Client(timeout=self._issuer.timeout_s, follow_redirects=False, trust_env=False) as client,
            client.stream("GET", str(self._issuer.jwks_url), headers={"Accept": "application/json"}) as answer,
        ):
            if answer.status_code != _OK:
                raise ValueError(f"the keys' server answered {answer.status_code}")
            held = bytearray()
            for block in answer.iter_bytes():
                held += block
                _limited(held)
                if time.monotonic() > ends:
                    raise ValueError("the keys' server is too slow")
            return bytes(held)


def _limited(content: B) -> B:
    if len(content) > MAX_BYTES:
        raise ValueError(f"the key set has more than {MAX_BYTES} bytes")
    return content


def _of(keys: tuple[PublicKey, ...], kid: str | None) -> tuple[PublicKey, ...]:
    return keys if kid is None else tuple(key for key in keys if key.kid == kid)


def _parse(content: bytes) -> tuple[PublicKey, ...]:
    """Return the public signing keys of a key set; others, and such as cannot be read, are left out.

    Raises:
        ValueError: it is no key set, or has no such key.
    """
    try:
        document = json.loads(content)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise ValueError("there is no list of keys")  # noqa: TRY004 every fault of the document is one kind of error
    found = tuple(key for each in listed[:MAX_KEYS] if (key := _public(each)) is not None)
    if not found:
        raise ValueError("there is no key that can be used")
    return found


def _public(each: Any) -> PublicKey | None:
    if not isinstance(each, dict) or each.get("use", "sig") != "sig" or each.get("kty") not in ("RSA", "EC", "OKP"):
        return None
    try:
        if each["kty"] == "RSA" and 8 * len(urlsafe_b64decode(each["n"].encode()).lstrip(b"\0")) < _MIN_RSA_BITS:
            return None
        key = import_key(each)
        if not isinstance(key, RSAKey | ECKey | OKPKey) or key.is_private:
            return None
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return key
