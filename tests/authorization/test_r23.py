"""R23: what MANAGE gives away."""

from __future__ import annotations

import pytest

from herdbook.entities.ledger import Effect
from herdbook.errors import InvalidArgumentError, NotFoundError, PermissionDeniedError
from herdbook.policy.granting import GRANTABLE, Giver, giver
from herdbook.verdicts import Privilege, SecurableKind

P = Privilege
MODEL = "main.default.iris"
PLACES = {
    "main": SecurableKind.CATALOG,
    "main.default": SecurableKind.SCHEMA,
    MODEL: SecurableKind.REGISTERED_MODEL,
    f"{MODEL}@champion": SecurableKind.MODEL_ALIAS,
}


@pytest.mark.parametrize("on", PLACES)
def test_it_grants_whatever_is_grantable_there(people, on):
    """Any privilege, held or not, to anyone, oneself included; APPROVE and BROWSE ask for more (R5, R7)."""
    people.gates("user:ann")
    people.give("user:ann", on.partition("@")[0], P.MANAGE)
    ann = people("user:ann")
    for privilege in P:
        for who in ("user:bob", "user:ann", "group:team", "role:lead", "service:bot"):
            if privilege not in GRANTABLE[PLACES[on]]:
                with pytest.raises(InvalidArgumentError):
                    ann.grant(who, privilege, on)
            elif giver(privilege, Effect.ALLOW) is Giver.THERE or (privilege is P.BROWSE and on == "main"):
                assert ann.grant(who, privilege, on).privilege is privilege
            else:
                with pytest.raises(PermissionDeniedError, match="MANAGE"):
                    ann.grant(who, privilege, on)


@pytest.mark.parametrize("on", ["main", "main.default", MODEL])
@pytest.mark.parametrize("heir", ["user:ann", "user:bob", "group:team", "service:bot"])
def test_it_transfers_ownership(people, on, heir):
    """To any enabled user, group or service, oneself included."""
    people.gates("user:ann")
    people.give("user:ann", on, P.MANAGE)
    people("user:ann").transfer_ownership(on, heir)
    assert people.rows(
        """SELECT p.written FROM principals p WHERE p.id IN (SELECT owner_id FROM catalogs WHERE key = :on
        UNION SELECT owner_id FROM schemas WHERE key = :on UNION SELECT owner_id FROM registered_models
        WHERE key = :on)""",
        on=on,
    ) == [(heir,)]


def test_heirs_that_are_refused(people):
    """A disabled, a deleted and an unknown principal get nothing."""
    people.admin.update_principal("user:bob", enabled=False)
    people.admin.delete_principal("service:bot")
    for heir, error in (
        ("user:bob", InvalidArgumentError),
        ("service:bot", NotFoundError),
        ("user:nobody", NotFoundError),
    ):
        with pytest.raises(error):
            people.admin.transfer_ownership(MODEL, heir)


def test_the_former_owner_keeps_nothing(people):
    """What came with ownership goes with it; lines of their own stay."""
    people.gates("user:ann")
    people.admin.transfer_ownership(MODEL, "user:ann")
    people("user:ann").transfer_ownership(MODEL, "user:bob")
    with pytest.raises(NotFoundError):
        people("user:ann").get_registered_model(MODEL)
    people.give("user:ann", MODEL, P.MODIFY)
    assert people.may("user:ann", P.MODIFY, MODEL)
    assert not people.may("user:ann", P.MANAGE, MODEL)


@pytest.mark.parametrize("privilege", sorted(GRANTABLE[SecurableKind.REGISTERED_MODEL] - {P.MANAGE}), ids=str)
def test_nothing_else_gives_anything_away(people, privilege):
    """Every other privilege on a model neither grants, revokes, denies nor transfers."""
    people.gates("user:ann")
    people.give("user:ann", MODEL, privilege)
    ann = people("user:ann")
    for call in (
        lambda: ann.grant("user:bob", privilege, MODEL),
        lambda: ann.revoke("user:ann", privilege, MODEL),
        lambda: ann.deny("user:bob", P.EXECUTE, MODEL),
        lambda: ann.transfer_ownership(MODEL, "user:ann"),
    ):
        with pytest.raises(PermissionDeniedError):
            call()
