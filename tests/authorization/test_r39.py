"""R39: a verb missing from the operations table does not exist."""

from __future__ import annotations

import inspect
import io

import pytest

from herdbook.api.routes import DIRECT
from herdbook.entities import FileStat
from herdbook.policy.operations import OPERATIONS
from herdbook.ports.registry import FileUpload, Registry
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
# Second ways to verbs of the table: each is admitted as the verb that its route names.
WAYS = {route.way: route.operation for route in DIRECT}


def test_every_public_method_is_an_operation_with_a_row():
    """The governed registry offers nothing that the table does not name."""
    for kind in (Registry, GovernedRegistry):
        offered = {name for name, _ in inspect.getmembers(kind) if not name.startswith("_")} - NO_VERBS - set(WAYS)
        assert offered == {operation.value for operation in Operation} == {operation.value for operation in OPERATIONS}


@pytest.mark.parametrize("way", sorted(WAYS))
def test_a_second_way_is_refused_where_its_verb_has_no_row(people, monkeypatch, way):
    """A second way asks the gate for the verb that its route names, and for no other."""
    monkeypatch.setattr("herdbook.service.gate.OPERATIONS", {})
    stat = FileStat(path="a", size=1, sha256="0" * 64)
    arguments = {
        "locate_model_version_file": {"path": "a"},
        "stage_model_version_file": {"upload": FileUpload(file=stat, source=io.BytesIO()), "offset": 0, "length": 1},
        "take_in_model_version_file": {"file": stat},
    }
    with pytest.raises(KeyError) as refused:
        getattr(people("admin"), way)("main.default.iris/1", **arguments[way])
    assert refused.value.args == (WAYS[way],)


def test_what_has_no_row_does_not_act(people, monkeypatch):
    """A verb whose row is missing is refused by the gate before it resolves or writes anything."""
    from herdbook.service import subjects

    monkeypatch.setattr("herdbook.service.gate.OPERATIONS", {})
    admin = people.caller("admin")
    for operation in Operation:
        with pytest.raises(KeyError):
            people.metastore.core.gate.admit(admin, operation, subjects.metastore())
