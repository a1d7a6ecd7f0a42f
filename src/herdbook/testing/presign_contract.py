"""What a store that signs URLs keeps: each does one thing, for a while, and nothing staged is trusted."""

from __future__ import annotations

import http.client
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import TypeGuard
from urllib.parse import urlsplit

import pytest

from herdbook.errors import IntegrityError, InvalidArgumentError, NotFoundError
from herdbook.ports.artifacts import ArtifactStore, FileExpectation, StoredBlob
from herdbook.ports.presigning import LONGEST_URL_S, SignedUrl, StagedSlot, SupportsPresign
from herdbook.testing.artifact_samples import ABSENT, END_OF_TIME_MS, LARGE, assert_holds, digest, put, whole


class SigningStore(ArtifactStore, SupportsPresign):
    """For annotations: an artifact store that signs."""


def slot(number: int = 0) -> StagedSlot:
    """Return a slot of a session of its own."""
    return StagedSlot(session=secrets.token_hex(16), number=number)


def send(signed: SignedUrl, body: bytes | None = None, *, url: str | None = None, method: str | None = None) -> int:
    """Do what a signed URL is for, or something like it; returns the status."""
    return exchange(signed, body, url=url, method=method)[0]


def exchange(
    signed: SignedUrl, body: bytes | None = None, *, url: str | None = None, method: str | None = None
) -> tuple[int, bytes, http.client.HTTPMessage]:
    """As `send`; returns the body and the headers of the answer too."""
    parts = urlsplit(url or signed.url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=60)
    try:
        connection.request(method or signed.method, f"{parts.path}?{parts.query}", body, signed.headers)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


class PresignContract:
    """For stores that sign URLs, beside `ArtifactStoreContract`, whose fixture `store` it takes."""

    @pytest.fixture
    def signing(self, store: ArtifactStore) -> SigningStore:
        """The store, which signs."""
        assert _signs(store), "the store has not the methods of SupportsPresign"
        return store

    @pytest.mark.parametrize("content", [b"", b"sent", LARGE], ids=["empty", "small", "large"])
    def test_what_is_sent_to_a_slot_is_published(self, signing: SigningStore, content: bytes) -> None:
        """A file that was put by URL becomes a blob once its digest is proved, and the slot is empty."""
        place = slot(7)
        assert send(signing.presign_put(place, expires_s=60), content) == http.HTTPStatus.OK
        assert list(signing.blobs()) == []
        blob = signing.publish_staged(place, FileExpectation(sha256=digest(content), size=len(content)))
        assert blob == StoredBlob(sha256=digest(content), size=len(content))
        assert whole(signing, blob.sha256) == content
        assert_holds(signing, content)
        with pytest.raises(NotFoundError):
            signing.publish_staged(place, FileExpectation())

    def test_what_is_held_is_proved_again(self, signing: SigningStore) -> None:
        """A slot that claims a digest which the store holds is refused unless its own bytes have it (R26)."""
        (held,) = put(signing, LARGE)
        place = slot()
        send(signing.presign_put(place, expires_s=60), LARGE[:-1] + b"?")
        with pytest.raises(IntegrityError):
            signing.publish_staged(place, FileExpectation(sha256=held.sha256, size=held.size))
        send(signing.presign_put(place, expires_s=60), LARGE)
        assert signing.publish_staged(place, FileExpectation(sha256=held.sha256)) == held
        assert_holds(signing, LARGE)

    @pytest.mark.parametrize("expected", [{"size": 3}, {"size": 5}, {"sha256": ABSENT}], ids=str)
    def test_what_was_not_announced_is_not_published(self, signing: SigningStore, expected: dict[str, str]) -> None:
        """Other bytes than announced stay in staging, where the sweep finds them."""
        place = slot()
        send(signing.presign_put(place, expires_s=60), b"four")
        with pytest.raises(IntegrityError):
            signing.publish_staged(place, FileExpectation(**expected))  # type: ignore[arg-type]  # int and str
        assert list(signing.blobs()) == []
        assert signing.remove_staging(before_ms=END_OF_TIME_MS) == 1

    def test_nothing_was_sent(self, signing: SigningStore) -> None:
        """A slot that nobody put anything to says so."""
        with pytest.raises(NotFoundError):
            signing.publish_staged(slot(), FileExpectation())

    def test_a_blob_is_fetched(self, signing: SigningStore) -> None:
        """A URL for a blob gives its bytes, as something to save and not to show."""
        (blob,) = put(signing, b"<script>fetched</script>")
        status, body, headers = exchange(signing.presign_get(blob.sha256, expires_s=60))
        assert (status, body) == (http.HTTPStatus.OK, b"<script>fetched</script>")
        assert headers["Content-Disposition"] == "attachment"
        assert headers["Content-Type"] == "application/octet-stream"
        assert send(signing.presign_get(ABSENT, expires_s=60)) == http.HTTPStatus.NOT_FOUND

    def test_a_url_does_one_thing(self, signing: SigningStore) -> None:
        """A URL for one file, verb or session is refused for another, and so is one that was changed in any part."""
        (blob,) = put(signing, b"one")
        (other,) = put(signing, b"other")
        reading, place = signing.presign_get(blob.sha256, expires_s=60), slot(3)
        writing = signing.presign_put(place, expires_s=60)
        refused = http.HTTPStatus.FORBIDDEN
        assert send(reading, url=reading.url.replace(blob.sha256, other.sha256)) == refused
        assert send(reading, b"mine", method="PUT") == refused
        assert send(reading, method="DELETE") == refused
        assert send(writing, method="GET") == refused
        assert send(writing, b"x", url=writing.url.replace(place.session, secrets.token_hex(16))) == refused
        assert send(writing, b"x", url=writing.url.replace("staging", "blobs")) == refused
        assert send(reading, url=_lengthened(reading.url)) == refused
        assert send(reading, url=reading.url.partition("?")[0]) == refused
        assert whole(signing, blob.sha256) == b"one"
        assert_holds(signing, b"one", b"other")

    def test_a_url_ends(self, signing: SigningStore) -> None:
        """A URL that has expired is refused, and says before when that will be."""
        (blob,) = put(signing, b"soon gone")
        signed = signing.presign_get(blob.sha256, expires_s=1)
        assert send(signed) == http.HTTPStatus.OK
        end = time.monotonic() + 30
        while (status := send(signed)) == http.HTTPStatus.OK and time.monotonic() < end:
            time.sleep(0.1)  # Nothing but time ends it.
        assert status == http.HTTPStatus.FORBIDDEN
        assert datetime.now(UTC) >= signed.expires_at - timedelta(seconds=1)

    @pytest.mark.parametrize("expires_s", [0, -1, LONGEST_URL_S + 1, float("nan"), float("inf")])
    def test_no_url_lives_long(self, signing: SigningStore, expires_s: float) -> None:
        """No URL is made that lives for no time, or for more than 15 minutes (R27)."""
        with pytest.raises(InvalidArgumentError, match="live"):
            signing.presign_get(ABSENT, expires_s=expires_s)
        with pytest.raises(InvalidArgumentError, match="live"):
            signing.presign_put(slot(), expires_s=expires_s)

    @pytest.mark.parametrize("session", ["", "session", "../../blobs", "A" * 32, "0" * 31, "0" * 32 + "/x"])
    def test_sessions_cannot_be_guessed_or_escaped(self, session: str) -> None:
        """A slot belongs to a session with a random name, which is no path."""
        with pytest.raises(InvalidArgumentError):
            StagedSlot(session=session, number=0)
        with pytest.raises(InvalidArgumentError):
            StagedSlot(session=secrets.token_hex(16), number=-1)

    def test_no_url_is_printed(self, signing: SigningStore) -> None:
        """What a URL lets its holder do does not end in a log by its repr, nor does a session."""
        place = slot()
        signed = signing.presign_put(place, expires_s=60)
        assert "Signature" not in repr(signed)
        assert place.session not in repr((signed, place))


def _lengthened(url: str) -> str:
    """Return a URL that claims to live longer than was signed."""
    assert "Expires=60" in url
    return url.replace("Expires=60", "Expires=600")


def _signs(store: ArtifactStore) -> TypeGuard[SigningStore]:
    return isinstance(store, SupportsPresign)
