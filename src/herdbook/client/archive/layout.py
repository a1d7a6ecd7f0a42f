"""What an archive is made of: the names of its members, and how large they may be."""

from __future__ import annotations

import re

FORMAT = 1
HEADER = "herdbook-archive.json"
FACTS = "metadata/export.json"
CATALOG = "metadata/catalog.json"
INDEX = "herdbook-index.txt"
BLOBS = "blobs/sha256/"
SCHEMAS = "metadata/schemas/"
MODELS = "metadata/models/"
MANIFESTS = "metadata/manifests/"

MAX_MEMBERS = 4_000_000
MAX_SMALL = 64 * 1024
MAX_DOCUMENT = 32 * 1024 * 1024
MAX_MANIFEST = 128 * 1024 * 1024
MAX_INDEX = 1024 * 1024 * 1024
MAX_BLOB = 2**62 - 1
MAX_DEPTH = 100
"""How deep JSON may be nested in a document."""

_DIGEST = r"[0-9a-f]{64}"
_ORDINAL = r"[0-9]{8}"
_LIMITS = [
    (re.compile(BLOBS + _DIGEST, re.ASCII), MAX_BLOB),
    (re.compile(MANIFESTS + _DIGEST + r"\.json", re.ASCII), MAX_MANIFEST),
    (re.compile(rf"{MODELS}{_ORDINAL}/versions/[1-9][0-9]{{0,17}}\.json", re.ASCII), MAX_DOCUMENT),
    (re.compile(rf"{MODELS}{_ORDINAL}/aliases/{_ORDINAL}\.json", re.ASCII), MAX_DOCUMENT),
    (re.compile(rf"{MODELS}{_ORDINAL}/model\.json", re.ASCII), MAX_DOCUMENT),
    (re.compile(rf"{SCHEMAS}{_ORDINAL}\.json", re.ASCII), MAX_DOCUMENT),
    (re.compile(re.escape(CATALOG)), MAX_DOCUMENT),
    (re.compile(re.escape(FACTS)), MAX_DOCUMENT),
    (re.compile(re.escape(HEADER)), MAX_SMALL),
    (re.compile(re.escape(INDEX)), MAX_INDEX),
]


def blob(sha256: str) -> str:
    """Return the member that holds a content."""
    return BLOBS + sha256


def manifest(sha256: str) -> str:
    """Return the member that holds a manifest."""
    return f"{MANIFESTS}{sha256}.json"


def schema(ordinal: int) -> str:
    """Return the member that describes the n-th schema."""
    return f"{SCHEMAS}{ordinal:08}.json"


def model(ordinal: int) -> str:
    """Return the member that describes the n-th model."""
    return f"{MODELS}{ordinal:08}/model.json"


def version(ordinal: int, number: int) -> str:
    """Return the member that describes a version of the n-th model."""
    return f"{MODELS}{ordinal:08}/versions/{number}.json"


def assignments(ordinal: int, part: int) -> str:
    """Return a member with a part of the alias history of the n-th model."""
    return f"{MODELS}{ordinal:08}/aliases/{part:08}.json"


def size_limit(name: str) -> int | None:
    """Return how many bytes a member may have; None where no member has such a name."""
    for pattern, limit in _LIMITS:
        if pattern.fullmatch(name):
            return limit
    return None


def index_line(sha256: str, size: int, name: str) -> bytes:
    """Return a member's line in the index."""
    return f"{sha256} {size} {name}\n".encode("ascii")
