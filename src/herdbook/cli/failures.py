"""What is printed on standard error when a command fails: a sentence and a hint, or one JSON object."""

from __future__ import annotations

import json
import sys
from typing import Any

from herdbook.cli.output import printable
from herdbook.errors import PermissionDeniedError, RegistryError, RuleViolationError
from herdbook.wire import unstructure


def report(error: RegistryError, *, as_json: bool) -> None:
    """Print an error of the registry.

    Args:
        error: What was raised.
        as_json: With its code and everything that it carries, for programs.
    """
    facts: dict[str, Any] = {"details": error.details}
    if isinstance(error, RuleViolationError):
        facts["rejections"] = [unstructure(rejection) for rejection in error.rejections]
    if isinstance(error, PermissionDeniedError):
        facts["decision"] = unstructure(error.decision)
    _say(error.code, error.message, error.hint, facts, as_json=as_json)


def report_usage(error: Exception) -> None:
    """Print as JSON that the command was not understood; for people cyclopts has done so already."""
    _say("USAGE", str(error), "`herdbook COMMAND --help` says what a command takes.", {}, as_json=True)


def report_system(error: OSError, *, as_json: bool) -> None:
    """Print that the system refused a file."""
    what = error.strerror or str(error)
    _say("SYSTEM", f"{error.filename}: {what}." if error.filename else f"{what}.", None, {}, as_json=as_json)


def _say(code: str, message: str, hint: str | None, facts: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        plain = {"error": code, "message": message, "hint": hint, **facts}
        sys.stderr.write(json.dumps(plain, ensure_ascii=False, sort_keys=True, default=str) + "\n")
        return
    sys.stderr.write(f"herdbook: {printable(message)}\n")
    if hint:
        sys.stderr.write(f"  {printable(hint)}\n")
