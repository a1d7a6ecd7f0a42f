"""Proves who shows an OpenID Connect bearer token: signature, issuer, audience and times."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64decode

from herdbook.errors import UnauthenticatedError
from herdbook.ports.identity import Identity, IdentityProvider
from herdbook_oidc.keys import KeyStore, PublicKey
from herdbook_oidc.options import Issuer, OidcOptions

MAX_TOKEN = 16 * 1024
"""How many characters a token may have."""

_PARTS = 3
_TYPES = frozenset({"", "jwt", "at+jwt", "application/at+jwt"})
_KEY_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
_MAX_TIME_S = 1 << 40


class OidcProvider(IdentityProvider):
    """Proves who shows a token of one of some issuers.

    Args:
        options: The issuers.
    """

    def __init__(self, options: OidcOptions) -> None:
        self._sources = frozenset(options.issuers)
        self._issuers = {
            issuer.issuer: _Accepting(source, issuer, KeyStore(issuer)) for source, issuer in options.issuers.items()
        }

    @property
    def sources(self) -> frozenset[str]:
        """The names of the sources that it speaks for."""
        return self._sources

    def authenticate(self, credential: str, *, now_ms: int) -> Identity | None:
        """Prove who shows a credential; what it says of its issuer is only used to find the keys."""
        parts = credential.split(".")
        if len(parts) != _PARTS or len(credential) > MAX_TOKEN:
            return None
        header, claims = _object(parts[0]), _object(parts[1])
        if header is None or claims is None:
            return None
        issuer = claims.get("iss")
        accepting = self._issuers.get(issuer) if isinstance(issuer, str) else None
        return None if accepting is None else accepting.identity(credential, header, now_ms)

    def close(self) -> None:
        """Nothing is held: each fetch of keys has a connection of its own."""


class _Accepting:
    """Judges the tokens of one issuer."""

    def __init__(self, source: str, issuer: Issuer, keys: KeyStore) -> None:
        self._source = source
        self._issuer = issuer
        self._keys = keys

    def identity(self, credential: str, header: Mapping[str, Any], now_ms: int) -> Identity:
        claims = self._verified(credential, header)
        until_s = self._checked(claims, now_ms / 1000)
        subject = claims.get("sub")
        if not isinstance(subject, str) or not subject:
            raise refused()
        return Identity(
            source=self._source,
            issuer=self._issuer.issuer,
            subject=subject,
            groups=_groups(claims.get(self._issuer.groups_claim)),
            until_ms=int(until_s * 1000),
        )

    def _verified(self, credential: str, header: Mapping[str, Any]) -> dict[str, Any]:
        """Return the claims that one of the issuer's keys signed."""
        algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", "")
        if algorithm not in self._issuer.algorithms or not isinstance(kid, str | None):
            raise refused()
        if not isinstance(kind, str) or kind.lower() not in _TYPES:
            raise refused()
        # Entries of the header that are unknown are to be ignored, unless they are critical: none of those is known.
        if "crit" in header:
            raise refused()
        registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
        for key in self._keys.find(kid):
            if _fits(key, algorithm):
                try:
                    return jwt.decode(credential, key, algorithms=[algorithm], registry=registry).claims
                except (JoseError, ValueError):
                    continue
        raise refused()

    def _checked(self, claims: Mapping[str, Any], now_s: float) -> float:
        """Check issuer, audience and times; return until when the token holds, in seconds."""
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if claims.get("iss") != self._issuer.issuer or self._issuer.audience not in audiences:
            raise refused()
        skew = self._issuer.clock_skew_s
        until = _time(claims, "exp")
        if until is None or now_s >= until + skew:
            raise refused()
        for name in ("nbf", "iat"):
            since = _time(claims, name)
            if since is not None and now_s < since - skew:
                raise refused()
        return until


def refused() -> UnauthenticatedError:
    """Return the one answer for a token that does not hold, whatever is wrong with it."""
    return UnauthenticatedError("The credential was not accepted.", hint="Sign in again.")


def _fits(key: PublicKey, algorithm: str) -> bool:
    """Tell whether a key is for an algorithm: by its type, and by its own word where it has one."""
    said = key.get("alg")
    return key.key_type == _KEY_TYPES[algorithm[:2]] and said in (None, algorithm)


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if type(value) not in (int, float) or not math.isfinite(value) or not 0 <= value < _MAX_TIME_S:
        raise refused()
    return float(value)


def _groups(value: object) -> tuple[str, ...]:
    """Return the claimed groups; a claim of another form is refused, because it may name one with a denial."""
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise refused()
    return tuple(value)


def _object(part: str) -> dict[str, Any] | None:
    try:
        value = json.loads(urlsafe_b64decode(part.encode()))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
