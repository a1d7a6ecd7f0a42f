"""Arguments of the wrong kind: each is refused as such, before the database sees it."""

from __future__ import annotations

import pytest

from herdbook.entities import Lineage
from herdbook.errors import InvalidArgumentError
from herdbook.names import PrincipalName

NO_IDS = ["\ud800", "a\udcff", "\x00", "", "a b", None, 7]


@pytest.fixture
def registry(make_metastore):
    metastore = make_metastore()
    return metastore.for_caller(metastore.asserted(PrincipalName.parse("user:os/founder")))


@pytest.mark.parametrize("no_id", NO_IDS)
@pytest.mark.parametrize("verb", ["restore", "purge"])
@pytest.mark.parametrize("kind", ["registered_model", "schema", "catalog"])
def test_what_is_no_id(registry, kind, verb, no_id):
    """Text that no database can look for is no id, in the trash's verbs."""
    with pytest.raises(InvalidArgumentError, match="not an id"):
        getattr(registry, f"{verb}_{kind}")(no_id)


@pytest.mark.parametrize("no_id", [text for text in NO_IDS if isinstance(text, str)])
def test_what_is_no_id_of_something_deleted(registry, no_id):
    """The same of `deleted:ID`."""
    with pytest.raises(InvalidArgumentError, match="not an id"):
        registry.list_grants(f"deleted:{no_id}")


@pytest.mark.parametrize("verb", ["grant", "deny", "revoke", "lift_deny"])
def test_what_is_no_privilege(registry, verb):
    """A list or a dict is no privilege."""
    for nothing in ([], {}, ["MANAGE"]):
        with pytest.raises(InvalidArgumentError, match="no privilege"):
            getattr(registry, verb)("user:os/founder", nothing, "main")


@pytest.mark.parametrize("nothing", ["no", "0", 1, [], None])
def test_enabled_is_a_bool(registry, nothing):
    """Text is not read as a number: `enabled="1"` enabled, and "no" was a ValueError."""
    registry.create_principal("user:ann")
    with pytest.raises(InvalidArgumentError, match="True or False"):
        registry.update_principal("user:ann", enabled=nothing)


@pytest.mark.parametrize("nothing", ["MLmodel", None, 7, [None], ["MLmodel"]])
def test_files_to_plan(registry, nothing):
    """A plan is asked for a list of FileStat."""
    registry.create_registered_model("main.default.iris")
    with pytest.raises(InvalidArgumentError, match="FileStat"):
        registry.upload_plan("main.default.iris", nothing)


@pytest.mark.parametrize(
    "wrong",
    [{"parents": ("main.default.iris/1",)}, {"parents": "x"}, {"datasets": ("d",)}, {"imported": None}]
    + [{"environment": nothing} for nothing in (3, None, ["python"])],
    ids=str,
)
def test_parts_of_lineage(registry, wrong):
    """Each part is of its kind; a parent is no text."""
    registry.create_registered_model("main.default.iris")
    with pytest.raises(InvalidArgumentError, match=next(iter(wrong))):
        registry.create_model_version("main.default.iris", lineage=Lineage(**wrong))
