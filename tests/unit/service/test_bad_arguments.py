"""Arguments of the wrong kind: each is refused as such, before the database sees it."""

from __future__ import annotations

import pytest

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
