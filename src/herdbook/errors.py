"""Every error that Herdbook raises on purpose, under one root, each with its code, HTTP status and exit code."""

from __future__ import annotations

from typing import Any, ClassVar

from herdbook.verdicts import Denied, Rejection


class RegistryError(Exception):
    """Root of every error that Herdbook raises on purpose.

    Args:
        message: What was asked and what is wrong.
        hint: What the reader can do about it.
        details: Plain values (text, numbers, lists of them) that name the things involved.
    """

    code: ClassVar[str] = "INTERNAL"
    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 70

    def __init__(self, message: str, *, hint: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message} {self.hint}"


class InvalidArgumentError(RegistryError):
    """A value that was handed in cannot be accepted; nothing was changed."""

    code = "INVALID_ARGUMENT"
    http_status = 400
    exit_code = 2


class UnauthenticatedError(RegistryError):
    """Who is asking could not be established."""

    code = "UNAUTHENTICATED"
    http_status = 401
    exit_code = 10


class PermissionDeniedError(RegistryError):
    """The caller knows the thing but lacks the right.

    Args:
        decision: The denial, redacted for who reads it; None after a round trip that dropped it.
    """

    code = "PERMISSION_DENIED"
    http_status = 403
    exit_code = 11

    def __init__(
        self, message: str, *, hint: str | None = None, decision: Denied | None = None, **details: Any
    ) -> None:
        super().__init__(message, hint=hint, **details)
        self.decision = decision


class NotFoundError(RegistryError):
    """The thing does not exist, or the caller may not know that it does."""

    code = "NOT_FOUND"
    http_status = 404
    exit_code = 12


class ConflictError(RegistryError):
    """The request is well formed but does not fit the state that it meets."""

    code = "CONFLICT"
    http_status = 409
    exit_code = 13


class AlreadyExistsError(ConflictError):
    """The name is taken."""

    code = "ALREADY_EXISTS"


class NotEmptyError(ConflictError):
    """A container still holds something."""

    code = "NOT_EMPTY"


class ConcurrentUpdateError(ConflictError):
    """Somebody else changed the thing first; read it again and repeat."""

    code = "CONCURRENT_UPDATE"


class TooLargeError(RegistryError):
    """A value or a file is over its limit."""

    code = "TOO_LARGE"
    http_status = 413
    exit_code = 14


class RuleViolationError(RegistryError):
    """Rules or checks refuse it.

    Args:
        rejections: All of them, not the first one only.
    """

    code = "RULE_VIOLATION"
    http_status = 422
    exit_code = 15

    def __init__(
        self, message: str, *, hint: str | None = None, rejections: tuple[Rejection, ...] = (), **details: Any
    ) -> None:
        super().__init__(message, hint=hint, **details)
        self.rejections = rejections


class RateLimitedError(RegistryError):
    """Too many requests; wait and repeat."""

    code = "RATE_LIMITED"
    http_status = 429
    exit_code = 16


class UnsupportedError(RegistryError):
    """This registry cannot do what was asked."""

    code = "UNSUPPORTED"
    http_status = 501
    exit_code = 17


class UnavailableError(RegistryError):
    """Cannot be answered now; nothing was changed, and the same request may succeed later."""

    code = "UNAVAILABLE"
    http_status = 503
    exit_code = 75


class IntegrityError(RegistryError):
    """Stored bytes do not match their digest."""

    code = "INTEGRITY"
    http_status = 500
    exit_code = 74


class PluginLoadError(RegistryError):
    """A plugin that is needed could not be loaded."""

    code = "PLUGIN_LOAD"
    http_status = 500
    exit_code = 78


class PluginConflictError(RegistryError):
    """Two plugins claim one name; the message names both distributions."""

    code = "PLUGIN_CONFLICT"
    http_status = 500
    exit_code = 78


class PluginContractError(RegistryError):
    """A plugin handed over or returned what its hook does not allow."""

    code = "PLUGIN_CONTRACT"
    http_status = 500
    exit_code = 78


class InternalError(RegistryError):
    """A defect in Herdbook; remote callers see only a reference to it."""

    code = "INTERNAL"
    http_status = 500
    exit_code = 70
