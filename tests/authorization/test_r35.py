"""R35: asserted principals, and what a new metastore begins with."""

from __future__ import annotations

import json

import pytest

from herdbook.bootstrap import open_registry
from herdbook.entities import Authn
from herdbook.errors import NotFoundError, PermissionDeniedError
from herdbook.settings import Settings, os_principal
from herdbook.verdicts import Privilege

P = Privilege


def test_creating_a_metastore_makes_main_default_and_its_admin(people):
    """The creator owns the default catalog and schema, is metastore admin and may create catalogs; nobody else is."""
    admin = people.admin
    assert (admin.get_catalog("main").owner, admin.get_schema("main.default").owner) == ("user:os/founder",) * 2
    assert people.lines("metastore:") == {
        ("user:os/founder", "MANAGE", "allow"),
        ("user:os/founder", "CREATE_CATALOG", "allow"),
    }
    admin.create_catalog("more")


def test_an_asserted_principal_is_made_known_without_rights(people):
    """Who asserts a name that nobody had is let in as that, and sees nothing."""
    new = people("user:os/new")
    assert str(new.get_current_principal().name) == "user:os/new"
    assert new.list_catalogs().items == ()
    assert new.search_registered_models().items == ()
    with pytest.raises(NotFoundError):
        new.get_catalog("main")
    with pytest.raises(PermissionDeniedError):
        new.create_catalog("mine")


def test_what_is_asserted_is_audited_as_asserted(people):
    """Each row of the log says how its author was established."""
    people.admin.create_catalog("audited")
    [[payload]] = people.rows("SELECT payload FROM audit WHERE operation = 'create_catalog' ORDER BY id DESC LIMIT 1")
    assert json.loads(payload)["authn"] == Authn.ASSERTED.value == "asserted"
    assert json.loads(payload)["by"] == people.admin.get_current_principal().id


def test_embedded_use_asserts_the_os_user(tmp_path):
    """Who makes a folder is its metastore admin, under the name of the operating system's user."""
    with open_registry(str(tmp_path / "reg"), settings=Settings()) as registry:
        assert registry.get_current_principal().name == os_principal()
        assert str(os_principal()).startswith("user:os/")
        registry.create_principal("user:ann")
        registry.create_catalog("mine")
