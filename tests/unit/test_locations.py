"""Where a registry is, as a log may have it."""

from __future__ import annotations

import pytest

from herdbook.locations import shown


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("./registry", "./registry"),
        ("herdbook:///srv/registry", "herdbook:///srv/registry"),
        ("postgresql://herdbook@db.example.org/herdbook", "postgresql://herdbook@db.example.org/herdbook"),
        (
            "postgresql://herdbook:secret@db.example.org:5432/herdbook",
            "postgresql://herdbook@db.example.org:5432/herdbook",
        ),
        ("postgresql://herdbook:se/cr@et@db.example.org/herdbook", "postgresql://herdbook@db.example.org/herdbook"),
        ("postgresql://:secret@/herdbook", "postgresql://@/herdbook"),
        ("postgresql://herdbook@/herdbook?host=%2Frun&password=secret", "postgresql://herdbook@/herdbook"),
    ],
)
def test_no_password_is_told(uri, told):
    """What `herdbook serve` prints goes into the journal of whatever started it."""
    assert shown(uri) == told
