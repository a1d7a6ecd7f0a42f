"""R8: 404 before anything else for what may not be known, 403 for what is known and not allowed."""

from __future__ import annotations

import pytest

from herdbook.entities import FileEntry, Manifest
from herdbook.errors import NotFoundError, PermissionDeniedError
from herdbook.verdicts import Privilege

P = Privilege
MODEL = "main.default.iris"
# What a verb could look at before it looks at rights: versions, aliases, expected versions, principals, keys.
ODD = (
    lambda r, m: r.update_registered_model(m, comment=None, expected_row_version=99),
    lambda r, m: r.delete_registered_model(m, expected_row_version=99),
    lambda r, m: r.delete_registered_model(m),
    lambda r, m: r.set_registered_model_alias(f"{m}@champion", 99),
    lambda r, m: r.set_registered_model_alias(f"{m}@champion", 1, expected_current=99),
    lambda r, m: r.delete_registered_model_alias(f"{m}@unset"),
    lambda r, m: r.get_model_version(f"{m}/99"),
    lambda r, m: r.get_model_version(f"{m}/latest"),
    lambda r, m: r.get_model_version_by_alias(f"{m}@unset"),
    lambda r, m: r.read_model_version_file(f"{m}/1", "no.bin"),
    lambda r, m: r.finalize_model_version(f"{m}/1", Manifest(files=(FileEntry(path="a", size=1, sha256="0" * 64),))),
    lambda r, m: r.create_model_version(m, number=1, tags={"k": "v"}),
    lambda r, m: r.transfer_ownership(m, "user:nobody", expected_owner="user:nobody"),
    lambda r, m: r.grant("user:nobody", P.EXECUTE, m),
    lambda r, m: r.grant("user:bob", P.CREATE_SCHEMA, m),
    lambda r, m: r.revoke("user:nobody", P.EXECUTE, m),
    lambda r, m: r.deny("user:nobody", P.EXECUTE, m),
    lambda r, m: r.list_grants(m, principal="user:nobody"),
    lambda r, m: r.list_effective_grants(m, principal="user:nobody"),
)


@pytest.mark.parametrize("number", range(len(ODD)))
def test_404_comes_before_anything_else(people, told, number):
    """For what may not be known the answer is that for what does not exist, whatever else is wrong with the request."""
    people.gates("user:ann")
    ann = people("user:ann")
    hidden = told(lambda: ODD[number](ann, MODEL))
    missing = told(lambda: ODD[number](ann, "main.default.nope"))
    assert hidden.startswith("NotFoundError")
    assert hidden.replace(MODEL, "main.default.nope") == missing


def test_the_text_never_says_which_level_is_missing(people, told):
    """A model is missing in the same words whether it, its schema or its catalog is what does not exist."""
    ann = people("user:ann")
    answers = {
        told(lambda name=name: ann.get_registered_model(name)).replace(name, "MODEL")
        for name in (MODEL, "main.default.nope", "main.nope.iris", "nope.default.iris")
    }
    assert len(answers) == 1


@pytest.mark.parametrize("parts", [("1", "99"), ("latest", "98")])
def test_403_is_the_same_for_sub_things_that_exist_and_that_do_not(people, told, parts):
    """Who knows the model and may not read it learns of no version, file or alias by how the refusal reads."""
    people.give("user:ann", MODEL, P.BROWSE)
    ann = people("user:ann")
    for verb in (
        lambda version: ann.get_model_version(f"{MODEL}/{version}"),
        lambda version: ann.list_model_version_files(f"{MODEL}/{version}"),
        lambda version: ann.read_model_version_file(f"{MODEL}/{version}", "model.bin"),
    ):
        there, gone = (told(lambda v=v, verb=verb: verb(v)).replace(f"{MODEL}/{v}", "VERSION") for v in parts)
        assert there == gone
        assert there.startswith("PermissionDeniedError")
    for verb in (
        lambda alias: ann.get_model_version_by_alias(f"{MODEL}@{alias}"),
        lambda alias: ann.set_registered_model_alias(f"{MODEL}@{alias}", 1),
        lambda alias: ann.delete_registered_model_alias(f"{MODEL}@{alias}"),
        lambda alias: ann.list_alias_history(f"{MODEL}@{alias}"),
    ):
        there, gone = (told(lambda a=a, verb=verb: verb(a)).replace(f"@{a}", "@ALIAS") for a in ("champion", "unset"))
        assert there == gone
        assert there.startswith("PermissionDeniedError")


def test_a_principal_is_looked_for_last(people):
    """Who knows the thing and may not grant on it does not learn whether a principal exists."""
    people.gates("user:ann")
    people.give("user:ann", MODEL, P.READ_METADATA)
    for who in ("user:bob", "user:nobody"):
        for verb in ("grant", "revoke", "deny", "lift_deny"):
            with pytest.raises(PermissionDeniedError, match="MANAGE"):
                getattr(people("user:ann"), verb)(who, P.EXECUTE, MODEL)
        with pytest.raises(PermissionDeniedError, match="MANAGE"):
            people("user:ann").list_effective_grants(MODEL, principal=who)
        with pytest.raises(PermissionDeniedError, match="MANAGE"):
            people("user:ann").get_principal(who)
    people.give("user:ann", MODEL, P.MANAGE)
    with pytest.raises(NotFoundError, match="user:nobody"):
        people("user:ann").grant("user:nobody", P.EXECUTE, MODEL)
