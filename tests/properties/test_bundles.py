"""Many files in one body: what is written is read again, and nothing else is taken for files."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.api import files
from herdbook.api.files import Bundle, bundle_head, digest_value, read_digest
from herdbook.entities.files import FileStat
from herdbook.errors import InvalidArgumentError, TooLargeError

DIGESTS = st.binary(min_size=32, max_size=32).map(bytes.hex)
NAMES = st.from_regex(r"[a-z]{1,8}(/[a-zA-Z0-9äß ._-]{1,8}[a-z]){0,2}", fullmatch=True)
CONTENTS = st.lists(st.tuples(NAMES, st.binary(max_size=50), st.none() | DIGESTS), max_size=6)


def bundle(contents):
    stats = [FileStat(path=path, size=len(content), sha256=sha256) for path, content, sha256 in contents]
    return b"".join([bundle_head(stats), *(content for _, content, _ in contents)])


def read_bundle(read):
    found = Bundle(read)
    return list(zip(found.files, found.contents(), strict=True))


def reader(body, step):
    """Read as a socket does: at most so many bytes at once."""
    stream = io.BytesIO(body)
    return lambda count: stream.read(min(count, step))


@given(CONTENTS, st.integers(1, 64))
def test_what_is_written_is_read_again(contents, step):
    """Whatever pieces the body comes in."""
    found = read_bundle(reader(bundle(contents), step))
    assert [(stat.path, content, stat.sha256) for stat, content in found] == contents


@given(CONTENTS, st.data())
def test_a_body_that_was_cut_off_is_refused(contents, data):
    """A part of a body is never taken for all of it."""
    body = bundle(contents)
    cut = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(InvalidArgumentError):
        read_bundle(reader(body[:cut], 16))


@given(st.binary(max_size=200))
def test_bytes_that_are_no_bundle_are_refused(body):
    """Nothing but our own errors comes of what anybody may send."""
    try:
        read_bundle(reader(body, 7))
    except (InvalidArgumentError, TooLargeError):
        return
    assert json.loads(body[4:]) == []


@given(CONTENTS, st.binary(min_size=1, max_size=4))
def test_a_body_that_goes_on_is_refused(contents, more):
    """What follows the end belongs to no file."""
    with pytest.raises(InvalidArgumentError):
        read_bundle(reader(bundle(contents) + more, 16))


@given(DIGESTS)
def test_a_digest_survives_its_header(sha256):
    """RFC 9530's form and ours say the same."""
    assert read_digest(digest_value(sha256)) == sha256


@pytest.mark.parametrize("text", ["", "sha-256=:AAAA:", "md5=:AAAA:", f"sha-256=:{'*' * 43}=:", "sha-256=::"])
def test_what_is_no_digest_is_refused(text):
    """Nothing is guessed."""
    with pytest.raises(InvalidArgumentError):
        read_digest(text)


def test_the_bounds_hold_before_anything_is_read(monkeypatch):
    """A list that promises too much is refused as such: the bytes are not waited for."""
    monkeypatch.setattr(files, "BUNDLE_BYTES", 10)
    with pytest.raises(TooLargeError):
        read_bundle(reader(bundle_head([FileStat(path="a", size=11)]), 16))
    monkeypatch.setattr(files, "BUNDLE_FILES", 1)
    with pytest.raises(TooLargeError):
        read_bundle(reader(bundle([("a", b"1", None), ("b", b"2", None)]), 16))
    with pytest.raises(TooLargeError):
        read_bundle(reader((2**31).to_bytes(4, "big"), 16))
