"""How often one principal may ask, and how often one address may fail to prove who asks; each process counts alone."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping

from herdbook.entities import Caller
from herdbook.errors import RateLimitedError, UnauthenticatedError
from herdbook.server.identity import Authenticator
from herdbook.server.messages import RequestHeaders

KEPT = 10_000
"""How many clients are remembered; beyond, those that have been quiet are forgotten."""


class Buckets:
    """A bucket of tokens for each client, refilled with time. Thread-safe.

    Args:
        per_s: Tokens that come back in a second.
        burst: Tokens that a full bucket holds.
        now_s: The time, in seconds.
    """

    def __init__(self, per_s: float, burst: float, now_s: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._burst = max(burst, 1.0)
        self._now_s = now_s
        self._held: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def wait_s(self, client: str) -> float:
        """Return the seconds until the client's bucket has a token; 0 where it has one."""
        tokens, _ = self._filled(client)
        return 0.0 if tokens >= 1 else (1 - tokens) / self._per_s

    def take(self, client: str) -> float:
        """Take a token; returns 0, or, where there is none, the seconds until there is one."""
        with self._lock:
            tokens, now = self._filled(client)
            if tokens < 1:
                return (1 - tokens) / self._per_s
            self._held[client] = (tokens - 1, now)
            if len(self._held) > KEPT:
                self._forget(now)
            return 0.0

    def _filled(self, client: str) -> tuple[float, float]:
        now = self._now_s()
        held = self._held.get(client)
        if held is None:
            return self._burst, now
        tokens, since = held
        return min(self._burst, tokens + (now - since) * self._per_s), now

    def _forget(self, now: float) -> None:
        whole_s = self._burst / self._per_s
        self._held = {client: kept for client, kept in self._held.items() if now - kept[1] < whole_s}
        while len(self._held) > KEPT:
            self._held.pop(next(iter(self._held)))


class LimitedAuthenticator:
    """Asks another who asks, notes it, and refuses whom it has heard too often.

    Args:
        inner: Says who is asking.
        requests: The buckets of principals; None sets no limit.
        failures: The buckets of addresses that fail; None sets no limit.
    """

    def __init__(self, inner: Authenticator, requests: Buckets | None, failures: Buckets | None) -> None:
        self._inner = inner
        self._requests = requests
        self._failures = failures
        # Hashes of what was accepted lately: others behind the same address go on while one of them fails.
        self._accepted: set[int] = set()

    def inline(self, headers: Mapping[str, str]) -> bool:
        """Return whether it is fast enough for the event loop."""
        return self._inner.inline(headers)

    def authenticate(self, headers: Mapping[str, str], request_id: str = "") -> Caller:
        """Return the caller.

        Raises:
            UnauthenticatedError: who asks is not established.
            RateLimitedError: it asks too often, or too many requests from its address failed.
        """
        address = headers.address if isinstance(headers, RequestHeaders) else ""
        shown = hash(headers.get("authorization"))
        if self._failures is not None and shown not in self._accepted:
            _refuse(self._failures.wait_s(address), "Too many requests from this address did not prove who asks.")
        try:
            caller = self._inner.authenticate(headers, request_id)
        except UnauthenticatedError:
            self._accepted.discard(shown)
            if self._failures is not None:
                self._failures.take(address)
            raise
        if shown not in self._accepted:
            if len(self._accepted) > KEPT:
                self._accepted.clear()
            self._accepted.add(shown)
        asked_before = False
        if isinstance(headers, RequestHeaders):
            # A large body is read only of who is known, who is asked for again once it is there.
            asked_before = headers.principal is not None
            headers.principal = caller.principal_id
        if self._requests is not None and not asked_before:
            _refuse(self._requests.take(caller.principal_id), "This principal asks too often.")
        return caller


def _refuse(wait_s: float, sentence: str) -> None:
    if wait_s > 0:
        seconds = math.ceil(wait_s)
        raise RateLimitedError(sentence, hint=f"Repeat it in {seconds} s.", retry_after_s=seconds)
