"""Errors as problem documents: what the server writes, the client raises."""

from __future__ import annotations

import json

import pytest

from herdbook import errors
from herdbook.api import from_problem, to_problem
from herdbook.api.problems import CLASSES
from herdbook.errors import InternalError, PermissionDeniedError, RegistryError, RuleViolationError
from herdbook.verdicts import Denied, Privilege, Rejection, SecurableKind, Sight

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, RegistryError) and kind is not RegistryError
]
DECISION = Denied(
    privilege=Privilege.EXECUTE,
    kind=SecurableKind.CATALOG,
    securable="prod",
    sight=Sight.KNOWN,
    revision=3,
    ask=("user:ann",),
)
REJECTIONS = (Rejection(rule="a", message="x", securable="prod", hint="h"), Rejection(rule="b", message="y"))


def sent(error: RegistryError) -> RegistryError:
    """Return what a client makes of the bytes that a server sends."""
    told = from_problem(json.loads(json.dumps(to_problem(error, "r1"))))
    assert told is not None
    return told


def test_every_class_has_its_code():
    """The table is the classes: none is missing, and each code names one."""
    assert sorted(CLASSES.values(), key=str) == sorted(KINDS, key=str)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not InternalError], ids=lambda kind: kind.__name__)
def test_every_error_survives_the_way_over_the_wire(kind):
    """Class, message, hint, details, decision and rejections arrive as they were raised."""
    extra = {PermissionDeniedError: {"decision": DECISION}, RuleViolationError: {"rejections": REJECTIONS}}
    error = kind("It is wrong.", hint="Mend it.", names=["a", "b"], count=3, **extra.get(kind, {}))
    told = sent(error)
    assert type(told) is kind
    assert (told.message, told.hint, told.details) == (error.message, error.hint, error.details)
    assert getattr(told, "decision", None) == getattr(error, "decision", None)
    assert getattr(told, "rejections", None) == getattr(error, "rejections", None)
    assert sent(kind("Plain.")).hint is None


@pytest.mark.parametrize("kind", [InternalError, RegistryError])
def test_the_text_of_an_internal_error_stays_where_it_happened(kind):
    """Remote callers get a reference to it, and nothing that it says."""
    problem = to_problem(kind("secret of /srv", hint="secret", path="secret"), "r1")
    assert "secret" not in json.dumps(problem)
    told = sent(kind("secret", path="secret"))
    assert type(told) is InternalError
    assert told.details == {"request_id": "r1"}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_problem_is_what_the_standard_says(kind):
    """RFC 9457: type, title, status and detail, the status being that of the class."""
    problem = to_problem(kind("It is wrong."), "r1")
    assert problem["type"] == f"urn:herdbook:error:{kind.code}"
    assert problem["status"] == kind.http_status
    assert problem["title"]
    assert problem["detail"]
    assert problem["request_id"] == "r1"


@pytest.mark.parametrize(
    "odd",
    [
        None,
        [],
        "no",
        {},
        {"code": "NOPE", "detail": "x"},
        {"code": "NOT_FOUND"},
        {"code": "NOT_FOUND", "detail": 3},
        {"code": "NOT_FOUND", "detail": "x", "details": []},
        {"code": "PERMISSION_DENIED", "detail": "x", "decision": {"privilege": "NO"}},
        {"code": "RULE_VIOLATION", "detail": "x", "rejections": "no"},
    ],
)
def test_what_is_no_problem_of_ours_is_told_apart(odd):
    """A proxy's own error page, or a broken document, makes no error of ours."""
    assert from_problem(odd) is None


def test_details_cannot_take_the_place_of_arguments():
    """A server cannot make the client fail by naming a detail as an argument is named."""
    problem = {
        **to_problem(errors.NotFoundError("x"), "r"),
        "details": {"message": "y", "self": 1, "hint": "z", "n": 1},
    }
    told = from_problem(problem)
    assert (told.message, told.details) == ("x", {"n": 1})
