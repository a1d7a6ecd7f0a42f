"""Errors: one root, and a code, HTTP status and exit code that belong to the class."""

from __future__ import annotations

import inspect

import pytest

from herdbook import errors
from herdbook.errors import PermissionDeniedError, RegistryError, RuleViolationError
from herdbook.verdicts import Denied, Privilege, Rejection, SecurableKind, Sight

CLASSES = [kind for kind in vars(errors).values() if inspect.isclass(kind) and kind.__module__ == errors.__name__]
# DESIGN section 6, and the exit codes that scripts rely on.
TABLE = {
    "InvalidArgumentError": ("INVALID_ARGUMENT", 400, 2),
    "UnauthenticatedError": ("UNAUTHENTICATED", 401, 10),
    "PermissionDeniedError": ("PERMISSION_DENIED", 403, 11),
    "NotFoundError": ("NOT_FOUND", 404, 12),
    "ConflictError": ("CONFLICT", 409, 13),
    "AlreadyExistsError": ("ALREADY_EXISTS", 409, 13),
    "NotEmptyError": ("NOT_EMPTY", 409, 13),
    "ConcurrentUpdateError": ("CONCURRENT_UPDATE", 409, 13),
    "TooLargeError": ("TOO_LARGE", 413, 14),
    "RuleViolationError": ("RULE_VIOLATION", 422, 15),
    "RateLimitedError": ("RATE_LIMITED", 429, 16),
    "UnsupportedError": ("UNSUPPORTED", 501, 17),
    "UnavailableError": ("UNAVAILABLE", 503, 75),
    "IntegrityError": ("INTEGRITY", 500, 74),
    "PluginLoadError": ("PLUGIN_LOAD", 500, 78),
    "PluginConflictError": ("PLUGIN_CONFLICT", 500, 78),
    "PluginContractError": ("PLUGIN_CONTRACT", 500, 78),
    "InternalError": ("INTERNAL", 500, 70),
    "RegistryError": ("INTERNAL", 500, 70),
}


def test_the_table_is_complete() -> None:
    """No class is added or dropped without DESIGN's table."""
    assert {kind.__name__ for kind in CLASSES} == set(TABLE)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_has_one_root_and_its_codes(kind: type[RegistryError]) -> None:
    """Whoever catches RegistryError catches all; a class's codes are the table's."""
    assert issubclass(kind, RegistryError)
    assert kind.__name__.endswith("Error")
    assert (kind.code, kind.http_status, kind.exit_code) == TABLE[kind.__name__]
    assert kind.__doc__


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_an_error_reads_as_message_and_hint(kind: type[RegistryError]) -> None:
    """str() is what people see: the message, then what to do; details are kept beside it."""
    assert str(kind("It is wrong.")) == "It is wrong."
    error = kind("It is wrong.", hint="Mend it.", field="name")
    assert str(error) == "It is wrong. Mend it."
    assert (error.message, error.hint, error.details) == ("It is wrong.", "Mend it.", {"field": "name"})


def test_codes_are_told_apart() -> None:
    """No two classes share a code, but the root, which is raised as InternalError is."""
    codes = [kind.code for kind in CLASSES if kind is not RegistryError]
    assert len(codes) == len(set(codes))


def test_refusals_carry_what_decided() -> None:
    """A denial carries its decision, and a rule violation all its rejections; neither is mixed into details."""
    decision = Denied(
        privilege=Privilege.EXECUTE, kind=SecurableKind.CATALOG, securable="prod", sight=Sight.KNOWN, revision=1
    )
    denied = PermissionDeniedError("No.", decision=decision, on="prod")
    assert (denied.decision, denied.details) == (decision, {"on": "prod"})
    rejections = (Rejection(rule="a", message="x"), Rejection(rule="b", message="y"))
    violated = RuleViolationError("No.", rejections=rejections)
    assert (violated.rejections, violated.details) == (rejections, {})
    assert PermissionDeniedError("No.").decision is None
    assert RuleViolationError("No.").rejections == ()
