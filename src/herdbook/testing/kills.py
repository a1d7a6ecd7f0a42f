"""Killing a process at every step of some work, to see what is left."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from typing import Any

Watched = Sequence[tuple[Any, Sequence[str]]]
"""Owners (modules, classes) with the names of those of their calls that count as steps."""


def die_at(step: int, watched: Watched) -> None:
    """From now on, kill this process at its n-th watched call: half of them before it, half after it."""
    count = 0

    def counting(call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            if count == step and step % 2:
                os.kill(os.getpid(), signal.SIGKILL)
            result = call(*args, **kwargs)
            if count >= step:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return counted

    for owner, names in watched:
        for name in names:
            setattr(owner, name, counting(getattr(owner, name)))


def survives(begin: Callable[[], Callable[[], object]], step: int, watched: Watched) -> bool:
    """Do work in a process that dies at a step.

    Args:
        begin: Called in the process before steps are counted; returns the work.
        step: At which step it dies, from 1 up.
        watched: What counts as a step.

    Returns:
        Whether the work came to its end before that.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work = begin()
            die_at(step, watched)
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) == 0, "the work itself failed"
    return True
