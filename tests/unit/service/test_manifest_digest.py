"""The digest of a manifest is that of its canonical JSON, however many files it has."""

from __future__ import annotations

import hashlib

import pytest

from herdbook.entities import FileEntry, Manifest
from herdbook.service.finalizing import manifest_sha256
from herdbook.wire import to_json


@pytest.mark.parametrize("count", [1, 2, 999, 1000, 1001, 2000, 2345])
def test_it_is_that_of_the_whole_json(count):
    """It is read in pieces, which are put together as if there were none."""
    digest = hashlib.sha256(b"x").hexdigest()
    manifest = Manifest.of([FileEntry(path=f"d/ä{number:05}", size=number, sha256=digest) for number in range(count)])
    assert manifest_sha256(manifest) == hashlib.sha256(to_json(manifest)).hexdigest()
