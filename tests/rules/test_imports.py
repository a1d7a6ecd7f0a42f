"""Rules judge what an archive brings, as they judge anything."""

from __future__ import annotations

import pytest

import herdbook
from herdbook.bootstrap import open_registry
from herdbook.entities.archives import ImportOutcome as Outcome
from herdbook.errors import NotFoundError
from herdbook.settings import Settings
from herdbook.testing.archive_samples import RANKER, SCORER, fill

GOVERNED = """[[rules]]
rule = "governed-tags"
on = "metastore:"
[rules.params.keys.{key}]
setters = []
"""


@pytest.fixture
def archive(tmp_path):
    with open_registry(str(tmp_path / "source"), settings=Settings()) as registry:
        fill(registry)
        herdbook.export_archive("prod", tmp_path / "prod.tar", registry=registry)
    return tmp_path / "prod.tar"


def test_a_model_with_a_governed_tag_is_refused_and_the_others_come_in(archive, registry_with):
    """Nobody smuggles a governed tag in; the versions of the refused model are not tried."""
    registry = registry_with(GOVERNED.format(key="team"))
    report = herdbook.import_archive(archive, registry=registry)
    found = {item.what: item.outcome for item in report.items}
    assert found == {
        "prod": Outcome.MADE, "prod.fraud": Outcome.MADE, SCORER: Outcome.REFUSED, RANKER: Outcome.MADE,
        f"{RANKER}/1": Outcome.MADE,
    }  # fmt: skip
    with pytest.raises(NotFoundError):
        registry.get_registered_model(SCORER)


def test_a_version_with_a_governed_tag_is_refused_before_its_number_is_used(archive, registry_with):
    """A later import can bring it in, since nothing was made of it."""
    registry = registry_with(GOVERNED.format(key="stage"))
    for _ in range(2):
        report = herdbook.import_archive(archive, registry=registry)
        (refused,) = [item for item in report.items if item.outcome is Outcome.REFUSED]
        assert refused.what == f"{SCORER}/3"
        assert "governed-tags" in refused.why
    assert registry.create_model_version(SCORER).version == 2


def test_a_governed_tag_that_a_model_lacks_is_told_of(archive, registry_with):
    """A model that is there stays without it."""
    registry = registry_with(GOVERNED.format(key="team"))
    registry.create_catalog("prod")
    registry.create_schema("prod.fraud")
    registry.create_registered_model(SCORER)
    item = next(i for i in herdbook.import_archive(archive, registry=registry).items if i.what == SCORER)
    assert item.outcome is Outcome.PRESENT
    assert "governed-tags" in item.why
    assert registry.get_registered_model(SCORER).tags == {"empty": ""}
