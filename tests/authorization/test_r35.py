"""R35: asserted principals, and what a new metastore begins with."""

from __future__ import annotations

import json

import pytest

import herdbook
from herdbook.bootstrap import open_registry
from herdbook.cli import main
from herdbook.entities import Authn
from herdbook.errors import NotFoundError, PermissionDeniedError, UnauthenticatedError
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


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The URI of a registry that this user made, in which there are `user:ann`, who may create catalogs, and others."""
    monkeypatch.chdir(tmp_path)
    with open_registry("./reg", settings=Settings()) as registry:
        for name in ("user:ann", "service:bot", "group:team", "role:lead", "user:gone"):
            registry.create_principal(name)
        registry.grant("user:ann", P.CREATE_CATALOG, "metastore:")
        registry.update_principal("user:gone", enabled=False)
    return "./reg"


def test_an_admin_acts_as_somebody_else(folder):
    """Who connects as a principal has that one's rights and no others."""
    with herdbook.connect(folder, principal="user:Ann") as ann:
        assert str(ann.get_current_principal().name) == "user:ann"
        assert ann.list_catalogs().items == ()
        with pytest.raises(NotFoundError):
            ann.get_catalog("main")
        assert ann.create_catalog("hers").owner == "user:ann"
        with pytest.raises(PermissionDeniedError):
            ann.create_principal("user:eve")
    with herdbook.connect(folder, principal="service:bot") as bot:
        assert bot.list_catalogs().items == ()


def test_who_acts_as_somebody_else_is_on_record(folder):
    """The audit row names whom the change counts as done by, and the admin who asserted it; of oneself nobody."""
    with open_registry(folder, principal="user:ann") as ann:
        ann.create_catalog("hers")
    with open_registry(folder) as admin:
        admin.create_catalog("his")
        with admin._core.store.read() as tx:
            rows = tx._run.all("SELECT payload FROM audit WHERE operation = 'create_catalog' ORDER BY id DESC LIMIT 2")
        his, hers = [json.loads(payload) for [payload] in rows]
        me, ann_id = admin.get_current_principal().id, admin.get_principal("user:ann").id
    assert (hers["by"], hers["asserted_by"], hers["authn"]) == (ann_id, me, "asserted")
    assert (his["by"], his["asserted_by"], his["authn"]) == (me, None, "asserted")


@pytest.mark.parametrize("name", ["user:ann", "user:nobody", "user:gone", "role:lead"])
def test_only_a_metastore_admin_acts_as_somebody_else(folder, name):
    """Who is none is told whom to ask, and nothing of the principal that was named: there or not, it is the same."""
    with open_registry(folder) as registry:
        registry.grant("user:ann", P.MANAGE, "metastore:")
        registry.revoke(os_principal(), P.MANAGE, "metastore:")
    with pytest.raises(PermissionDeniedError) as refused:
        herdbook.connect(folder, principal=name)
    error = refused.value
    assert error.message == f"You may not get principal ({name}, to act as it): it needs MANAGE on the metastore."
    assert error.hint == "Ask user:ann for it."
    with open_registry(folder) as registry:
        assert registry.get_current_principal().name == os_principal()


@pytest.mark.parametrize(
    ("name", "error", "told"),
    [
        ("user:nobody", NotFoundError, "no principal user:nobody"),
        ("user:gone", UnauthenticatedError, "user:gone is disabled"),
        ("role:lead", UnauthenticatedError, "role:lead cannot act"),
        ("group:team", UnauthenticatedError, "group:team cannot act"),
    ],
)
def test_who_cannot_act_is_nobody_to_act_as(folder, name, error, told):
    """A principal that is mistyped, disabled, or a group or role is refused, and a mistyped one is not made."""
    with pytest.raises(error, match=told):
        herdbook.connect(folder, principal=name)
    with open_registry(folder) as registry:
        assert "user:nobody" not in [str(each.name) for each in registry.list_principals().items]


def test_the_command_line_acts_as_somebody_else(folder, capsys):
    """`--as`, before or after the command, is `principal=`; a registry is made under one's own name."""
    for words in (["--as", "user:ann", "whoami"], ["--as=user:ann", "whoami"], ["whoami", "--as", "user:ann"]):
        assert main([*words, "-r", folder, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["name"] == "user:ann"
    assert main(["catalogs", "get", "main", "--as", "user:ann", "-r", folder]) == NotFoundError.exit_code
    assert main(["whoami", "--as", "user:nobody", "-r", folder]) == NotFoundError.exit_code
    assert main(["init", "other", "--as", "user:ann"]) != 0
    assert "Leave out --as" in capsys.readouterr().err
