"""What registering leaves behind where it is refused."""

from __future__ import annotations

import pytest

from herdbook.client.register import register_model
from herdbook.entities import VersionStatus
from herdbook.errors import NotFoundError, RuleViolationError
from herdbook.testing.samples import SIGNATURE


@pytest.fixture
def folder(tmp_path):
    """Model files without a signature."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.bin").write_bytes(b"weights")
    return tmp_path / "model"


def test_a_model_made_for_nothing_is_not_left(herdbook_registry, folder):
    """Where the first version is refused before it was begun, the model that was made for it goes too."""
    register_model(folder, "main.default.one", signature=SIGNATURE, registry=herdbook_registry)
    with pytest.raises(RuleViolationError):
        register_model(folder, "main.default.two", registry=herdbook_registry)
    with pytest.raises(NotFoundError):
        herdbook_registry.get_registered_model("main.default.two")
    assert [item.name for item in herdbook_registry.list_deleted("main.default").items] == ["main.default.two"]


def test_the_record_of_a_refusal_stays(herdbook_registry, folder):
    """A version that was begun and refused keeps its number, and the model that it is in."""
    with pytest.raises(RuleViolationError):
        register_model(folder, "main.default.two", registry=herdbook_registry)
    assert herdbook_registry.get_model_version("main.default.two/1").status is VersionStatus.FAILED_REGISTRATION


def test_a_model_that_was_there_stays(herdbook_registry, folder):
    """A refusal takes away only what the call made."""
    register_model(folder, "main.default.one", signature=SIGNATURE, registry=herdbook_registry)
    herdbook_registry.create_registered_model("main.default.two")
    with pytest.raises(RuleViolationError):
        register_model(folder, "main.default.two", registry=herdbook_registry)
    assert herdbook_registry.get_registered_model("main.default.two").latest_version is None
