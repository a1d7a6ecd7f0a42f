"""Child processes for tests, where the system forks."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def forked(work: Callable[[], object]) -> bool:
    """Return whether work answered something true in a forked child; what it raises there is no answer."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if work() else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0
