"""R9: what a taken name answers, to whom."""

from __future__ import annotations

import pytest

from herdbook.errors import AlreadyExistsError, NotFoundError, PermissionDeniedError
from herdbook.verdicts import Privilege

P = Privilege
MODEL = "main.default.iris"


@pytest.fixture
def calls(people):
    """Return, for a registry, the four verbs that give a name, each as a function of the name."""
    people.gates("user:ann", "user:bob")
    people.admin.create_registered_model("main.default.own")
    people.admin.transfer_ownership("main.default.own", "user:ann")
    people.admin.create_registered_model("main.default.gone")
    people.admin.transfer_ownership("main.default.gone", "user:ann")
    gone = people.admin.get_registered_model("main.default.gone").id
    people.admin.delete_registered_model("main.default.gone")
    people.admin.copy_model_version(f"{MODEL}/1", "main.default.source")
    people.give("user:ann", "main.default.source", P.EXECUTE)

    def of(registry):
        return {
            "create": registry.create_registered_model,
            "rename": lambda name: registry.rename_registered_model("main.default.own", name),
            "restore": lambda name: registry.restore_registered_model(gone, new_name=name),
            "copy": lambda name: registry.copy_model_version("main.default.source/1", name),
        }

    return of


VERBS = ("create", "rename", "restore", "copy")


@pytest.mark.parametrize("verb", VERBS[:3])
def test_who_knows_the_holder_gets_409(people, calls, verb):
    """Even without the right to create there, who may know the holder of the name is told that it is taken."""
    people.give("user:ann", MODEL, P.BROWSE)
    with pytest.raises(AlreadyExistsError, match=MODEL):
        calls(people("user:ann"))[verb](MODEL)


@pytest.mark.parametrize("verb", VERBS)
def test_without_the_right_to_create_no_name_is_looked_at(people, calls, told, verb):
    """Who may not create there gets the same refusal for a taken name and for a free one."""
    ann = people("user:ann")
    answers = [
        told(lambda name=name: calls(ann)[verb](name)).replace(name, "NAME") for name in (MODEL, "main.default.free")
    ]
    assert answers[0] == answers[1]
    assert answers[0].startswith(("PermissionDeniedError", "NotFoundError"))


@pytest.mark.parametrize("verb", VERBS)
def test_the_right_to_create_is_the_right_to_learn_which_names_are_taken(people, calls, told, verb):
    """With CREATE_MODEL a taken name answers 409, in the same text whether its holder may be known or not."""
    people.give("user:ann", "main.default", P.CREATE_MODEL)
    unknown = told(lambda: calls(people("user:ann"))[verb](MODEL))
    assert (
        unknown == f"AlreadyExistsError: The name of registered model {MODEL} is taken. | Choose another name. | {{}}"
    )
    if verb != "copy":
        people.give("user:ann", MODEL, P.BROWSE)
        assert told(lambda: calls(people("user:ann"))[verb](MODEL)) == unknown


def test_catalogs_and_schemas_answer_alike(people, told):
    """The same holds one and two levels up, for create and rename."""
    admin, ann = people.admin, people("user:ann")
    admin.create_catalog("own")
    admin.create_catalog("other")
    admin.create_schema("own.one")
    admin.create_schema("own.two")
    admin.transfer_ownership("own", "user:ann")
    assert told(lambda: ann.create_catalog("main")).replace("main", "free") == told(lambda: ann.create_catalog("free"))
    taken, free = (told(lambda n=n: ann.rename_catalog("own", n)) for n in ("other", "free"))
    assert taken == free
    assert taken.startswith("PermissionDeniedError")
    people.give("user:ann", "metastore:", P.CREATE_CATALOG)
    with pytest.raises(AlreadyExistsError):
        ann.rename_catalog("own", "other")
    admin.deny("user:ann", P.BROWSE, "own.two")
    with pytest.raises(NotFoundError):
        ann.get_schema("own.two")
    with pytest.raises(AlreadyExistsError):
        ann.rename_schema("own.one", "own.two")
    admin.deny("user:ann", P.CREATE_SCHEMA, "own")
    with pytest.raises(PermissionDeniedError, match="CREATE_SCHEMA"):
        ann.rename_schema("own.one", "own.two")
