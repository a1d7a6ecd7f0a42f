"""Secrets of API tokens: made, recognised, and known by their digest alone."""

from __future__ import annotations

import hashlib
import re
import secrets

from herdbook.errors import UnauthenticatedError

PREFIX = "hbk_"
"""What every secret begins with, so that people and scanners recognise one."""

_BYTES = 32
_SECRET = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}", re.ASCII)


def new_secret() -> str:
    """Return a fresh secret of 256 random bits."""
    return PREFIX + secrets.token_urlsafe(_BYTES)


def is_secret(text: str) -> bool:
    """Tell whether a text has the form of a secret; whether it is one, only the store knows."""
    return _SECRET.fullmatch(text) is not None


def digest_of(secret: str) -> str:
    """Return what is stored of a secret. It is random, so that nothing slower than SHA-256 is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def not_accepted() -> UnauthenticatedError:
    """Return the one answer for every credential that is not accepted, whatever is wrong with it."""
    return UnauthenticatedError(
        "The credential was not accepted.",
        hint="It may be mistyped, expired or revoked, or its principal disabled; make a new token, or sign in again.",
    )
