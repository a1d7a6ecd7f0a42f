"""R34: as_of changes what is asked, not who may ask."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from herdbook.errors import NotFoundError, PermissionDeniedError
from herdbook.testing.samples import model_files, register
from herdbook.verdicts import Privilege

P = Privilege
MODEL = "main.default.iris"


@pytest.fixture
def moved(people):
    """Return the people and a moment when `champion` pointed to version 1, which it does not any more."""
    register(people.admin, MODEL, model_files(b"two"))
    [first] = people.admin.list_alias_history(f"{MODEL}@champion").items
    people.admin.set_registered_model_alias(f"{MODEL}@champion", 2)
    people.gates("user:ann")
    return people, first.valid_from


def test_rights_are_those_of_now(moved):
    """A right that one had then answers nothing now, and one that one has now answers about then."""
    people, then = moved
    ann = people("user:ann")
    with pytest.raises(NotFoundError):
        ann.get_model_version_by_alias(f"{MODEL}@champion", as_of=then)
    people.give("user:ann", MODEL, P.READ_METADATA)
    assert ann.get_model_version_by_alias(f"{MODEL}@champion", as_of=then).version == 1
    assert ann.get_model_version_by_alias(f"{MODEL}@champion").version == 2
    people.admin.deny("user:ann", P.READ_METADATA, MODEL)
    people.give("user:ann", MODEL, P.BROWSE)
    with pytest.raises(PermissionDeniedError):
        ann.get_model_version_by_alias(f"{MODEL}@champion", as_of=then)


def test_names_are_those_of_now(moved):
    """A renamed model is found by its name of now, and its old name answers nothing about then either."""
    people, then = moved
    people.admin.rename_registered_model(MODEL, "main.default.rose")
    assert people.admin.get_model_version_by_alias("main.default.rose@champion", as_of=then).version == 1
    with pytest.raises(NotFoundError):
        people.admin.get_model_version_by_alias(f"{MODEL}@champion", as_of=then)
    people.admin.create_registered_model(MODEL)
    with pytest.raises(NotFoundError):
        people.admin.get_model_version_by_alias(f"{MODEL}@champion", as_of=then)


def test_404_is_that_of_now(moved, told):
    """What may not be known answers the same with as_of, whether there was anything then or not."""
    people, then = moved
    ann = people("user:ann")
    early = datetime(2000, 1, 1, tzinfo=UTC)
    answers = {
        told(lambda n=name, m=moment: ann.get_model_version_by_alias(f"{n}@champion", as_of=m)).replace(name, "MODEL")
        for name in (MODEL, "main.default.nope")
        for moment in (then, early, None)
    }
    assert len(answers) == 1
