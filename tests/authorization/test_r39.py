"""R39: a verb missing from the operations table does not exist."""

from __future__ import annotations

import inspect

import pytest

from herdbook.policy.operations import OPERATIONS
from herdbook.ports.registry import Registry
from herdbook.service import GovernedRegistry
from herdbook.verdicts import Operation

# Convenience over verbs of the table, and the end of a session.
NO_VERBS = {
    "close",
    "copy_model_version_file",
    "copy_model_version_files",
    "open_model_version_files",
    "supported",
}


def test_every_public_method_is_an_operation_with_a_row():
    """The governed registry offers nothing that the table does not name."""
    for kind in (Registry, GovernedRegistry):
        offered = {name for name, _ in inspect.getmembers(kind) if not name.startswith("_")} - NO_VERBS
        assert offered == {operation.value for operation in Operation} == {operation.value for operation in OPERATIONS}


def test_what_has_no_row_does_not_act(people, monkeypatch):
    """A verb whose row is missing is refused by the gate before it resolves or writes anything."""
    from herdbook.service import subjects

    monkeypatch.setattr("herdbook.service.gate.OPERATIONS", {})
    admin = people.caller("admin")
    for operation in Operation:
        with pytest.raises(KeyError):
            people.metastore.core.gate.admit(admin, operation, subjects.metastore())
