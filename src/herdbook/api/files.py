"""The headers that go with a file's bytes."""

from __future__ import annotations

import base64

SIZE_HEADER = "herdbook-file-size"
"""How many bytes a file should have, as its sender announced them."""
DIGEST_HEADER = "repr-digest"
"""What a file's SHA-256 should be, as RFC 9530 writes it."""


def digest_value(sha256: str) -> str:
    """Return a digest as the header has it; takes 64 hexadecimal digits."""
    return f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"
