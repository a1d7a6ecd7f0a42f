"""Arguments of a wrong type are refused as the registry refuses things, never by a raw exception."""

from __future__ import annotations

import pytest

from herdbook.client import register_model
from herdbook.entities import Lineage
from herdbook.errors import InvalidArgumentError

WRONG = (None, 5, 1.5, float("nan"), 2**70, object(), [], {}, "", "\ud800")


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: ascii(wrong)[:9])
def test_wrong_types_are_refused(people, wrong):
    admin = people.admin
    admin.grant("user:os/founder", "MANAGE_POLICY", "metastore:")
    for verb in ("grant", "deny", "revoke", "lift_deny"):
        with pytest.raises(InvalidArgumentError):
            getattr(admin, verb)("user:ann", wrong, "main")
    with pytest.raises(InvalidArgumentError):
        admin.update_principal("user:bob", enabled=wrong)
    with pytest.raises(InvalidArgumentError):
        admin.test_policies([], wrong)


@pytest.mark.parametrize("wrong", [None, 5, 1.5, object()], ids=lambda wrong: type(wrong).__name__)
def test_what_are_no_policy_files_is_refused(people, wrong):
    admin = people.admin
    admin.grant("user:os/founder", "MANAGE_POLICY", "metastore:")
    for ask in (
        lambda: admin.check_policies(wrong),
        lambda: admin.diff_policies(wrong),
        lambda: admin.test_policies(wrong, "[[cases]]"),
        lambda: admin.apply_policies(wrong, expected_revision=1),
    ):
        with pytest.raises(InvalidArgumentError):
            ask()


@pytest.mark.parametrize("wrong", ["x", 1.5, True, object()], ids=lambda wrong: type(wrong).__name__)
def test_what_is_no_range_or_time_is_refused(people, wrong):
    """A range of bytes is whole numbers, and a time is a datetime: the answer says which was wanted."""
    model = "main.default.iris"
    for named in ({"offset": wrong}, {"length": wrong}):
        with pytest.raises(InvalidArgumentError, match=f"{next(iter(named))} is .*; it is a whole number of bytes"):
            people.admin.read_model_version_file(f"{model}/1", "model.bin", **named)
    with pytest.raises(InvalidArgumentError, match="as_of is a datetime, not"):
        people.admin.get_model_version_by_alias(f"{model}@champion", as_of=wrong)


@pytest.mark.parametrize("named", [{"source": 5}, {"lineage": "x"}, {"lineage": Lineage(environment=5)}, {"tags": 5}])
def test_registering_refuses_wrong_types(people, tmp_path, named):
    """What is handed to `register_model` is looked at before the registry is: no raw exception comes of it."""
    (tmp_path / "model.bin").write_bytes(b"x")
    arguments = {"source": tmp_path, "name": "main.default.iris", **named}
    with pytest.raises(InvalidArgumentError):
        register_model(**arguments, registry=people.admin)
