"""RFC 9457 problem documents: how every error is written by the server, and raised again by the remote client."""

from __future__ import annotations

from typing import Any

from herdbook import errors
from herdbook.errors import (
    InternalError,
    InvalidArgumentError,
    PermissionDeniedError,
    RegistryError,
    RuleViolationError,
)
from herdbook.verdicts import Denied, Rejection
from herdbook.wire import structure, unstructure

MEDIA_TYPE = "application/problem+json"
URN = "urn:herdbook:error:"

CLASSES: dict[str, type[RegistryError]] = {
    kind.code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, RegistryError) and kind is not RegistryError
}
"""Code -> class; the root shares InternalError's code, and is answered as one."""

_HIDDEN = "Something went wrong inside Herdbook."
_HIDDEN_HINT = "Tell whoever runs the server; the log has it under this request_id."


def to_problem(error: RegistryError, request_id: str) -> dict[str, Any]:
    """Return an error as a problem document.

    Args:
        error: What was raised. The text of an internal error stays here: remote callers see a reference to it.
        request_id: The id under which the request is logged.
    """
    hidden = CLASSES[error.code] is InternalError
    problem: dict[str, Any] = {
        "type": f"{URN}{error.code}",
        "title": _title(CLASSES[error.code]),
        "status": error.http_status,
        "detail": _HIDDEN if hidden else error.message,
        "code": error.code,
        "hint": _HIDDEN_HINT if hidden else error.hint,
        "details": {} if hidden else _plain(error.details),
        "request_id": request_id,
    }
    if isinstance(error, PermissionDeniedError):
        problem["decision"] = None if error.decision is None else unstructure(error.decision)
    if isinstance(error, RuleViolationError):
        problem["rejections"] = [unstructure(rejection) for rejection in error.rejections]
    return problem


def from_problem(problem: Any) -> RegistryError | None:
    """Return the error that a problem document tells of; None where it is no document of ours."""
    if not isinstance(problem, dict):
        return None
    kind, message, hint = CLASSES.get(str(problem.get("code"))), problem.get("detail"), problem.get("hint")
    details = problem.get("details", {})
    if kind is None or type(message) is not str or type(hint) not in (str, type(None)) or not isinstance(details, dict):
        return None
    told = {str(key): value for key, value in details.items() if key not in _TAKEN}
    try:
        told.update(_carried(kind, problem))
    except InvalidArgumentError:
        return None
    return kind(message, hint=hint, **told)


def _carried(kind: type[RegistryError], problem: dict[str, Any]) -> dict[str, Any]:
    """Return what a class carries besides message, hint and details."""
    if kind is PermissionDeniedError:
        decision = problem.get("decision")
        return {"decision": None if decision is None else structure(decision, Denied)}
    if kind is RuleViolationError:
        return {"rejections": structure(problem.get("rejections", []), tuple[Rejection, ...])}
    return {"request_id": problem.get("request_id")} if kind is InternalError else {}


_TAKEN = ("self", "message", "hint", "decision", "rejections")


def _title(kind: type[RegistryError]) -> str:
    return (kind.__doc__ or kind.code).partition("\n")[0].rstrip(".")


def _plain(value: Any) -> Any:
    """Return details as JSON data, whatever a caller of the error put there."""
    if value is None or isinstance(value, bool | int | float) or type(value) is str:
        return value
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return str(value)
