"""Credentials on every database: which tokens hold, who a subject is, and what a look-up costs."""

from __future__ import annotations

import pytest

from herdbook.errors import UnauthenticatedError
from herdbook.names import PrincipalName
from herdbook.ports.identity import Identity
from herdbook.service import Authentication
from herdbook.service.persons import person_for
from herdbook.service.token_secrets import digest_of

FOUNDER = PrincipalName.parse("user:os/founder")
LATER = 2**45


@pytest.fixture(params=["file", "memory", "postgresql"])
def metastore(request, make_metastore):
    """A metastore on each database."""
    urls = {"file": lambda: None, "memory": lambda: "sqlite://"}
    made = make_metastore(urls.get(request.param, lambda: request.getfixturevalue("postgres_url"))())
    yield made
    made.close()


def test_tokens_hold_until_they_end(metastore):
    """A token's caller has its facts, whatever the database; revoked, with what it made, it is refused."""
    admin = metastore.for_caller(metastore.asserted(FOUNDER))
    admin.create_principal("service:bot")
    door = Authentication(metastore)
    made = admin.create_token(
        expires_in_s=60, principal="service:bot", privileges=["EXECUTE", "MODIFY"], securable="main"
    )
    caller = door.caller_for(f"Bearer {made.secret}")
    assert caller.principal_id == admin.get_principal("service:bot").id
    assert caller.scope.privileges == {"EXECUTE", "MODIFY"}
    assert caller.scope.securable_id == admin.get_catalog("main").id
    assert (caller.token_id, caller.asserted_by) == (made.token.id, admin.get_current_principal().id)
    whole = admin.create_token(expires_in_s=60)
    child = metastore.for_caller(door.caller_for(f"Bearer {whole.secret}")).create_token(expires_in_s=30)
    admin.revoke_token(whole.token.id)
    for each in (whole, child):
        with pytest.raises(UnauthenticatedError):
            door.caller_for(f"Bearer {each.secret}")
    admin.delete_principal("service:bot")
    with pytest.raises(UnauthenticatedError):
        door.caller_for(f"Bearer {made.secret}")


def test_what_another_process_ends_is_ended_here(make_metastore):
    """What was read of a token is read anew once anything was committed, by whatever connection; it ends in time."""
    here, there = make_metastore(), make_metastore()
    admin, door = there.for_caller(there.asserted(FOUNDER)), Authentication(here)
    made, other = (admin.create_token(expires_in_s=60) for _ in range(2))
    point = here.core.store.point
    for _ in range(3):
        assert door.caller_for(f"Bearer {made.secret}").token_id == made.token.id
        assert door.caller_for(f"Bearer {other.secret}").token_id == other.token.id
    until = int(made.token.expires_at.timestamp() * 1000)
    assert point.presented(digest_of(made.secret), now_ms=until - 1) is not None
    assert point.presented(digest_of(made.secret), now_ms=until) is None
    admin.revoke_token(made.token.id)
    with pytest.raises(UnauthenticatedError):
        door.caller_for(f"Bearer {made.secret}")
    assert door.caller_for(f"Bearer {other.secret}").token_id == other.token.id
    here.for_caller(here.asserted(FOUNDER)).revoke_token(other.token.id)
    with pytest.raises(UnauthenticatedError):
        door.caller_for(f"Bearer {other.secret}")


def test_a_subject_is_one_person(metastore):
    """Found by issuer and subject, with the groups that there are; denials of groups are found, by line or by name."""
    admin = metastore.for_caller(metastore.asserted(FOUNDER))
    group = admin.create_principal("group:okta/Risk")
    identity = Identity(
        source="okta", issuer="https://i", subject="Ann", groups=("risk", "none", "a b"), until_ms=LATER
    )
    found = person_for(metastore.core, identity)
    assert (str(found.principal), found.group_ids, found.enabled) == ("user:okta/Ann", {group.id}, True)
    assert person_for(metastore.core, identity) == found
    with metastore.core.store.read() as tx:
        assert tx.subject_of(found.principal_id) == ("https://i", "Ann")
        assert tx.subject_of(group.id) is None
        assert not tx.denied([group.id])
        assert not tx.denied([])
    admin.deny("group:okta/Risk", "EXECUTE", "main")
    with metastore.core.store.read() as tx:
        assert tx.denied([found.principal_id, group.id])


def test_looking_a_token_up_is_one_indexed_statement(metastore, monkeypatch):
    """Nothing is written, and nothing else is read, to tell who shows a token."""
    admin = metastore.for_caller(metastore.asserted(FOUNDER))
    secret = admin.create_token(expires_in_s=60).secret
    store, asked = metastore.core.store, []
    single = store.single

    def counted(statement, parameters):
        asked.append((statement, parameters))
        return single(statement, parameters)

    monkeypatch.setattr(store, "single", counted)
    for name in ("read", "write", "transaction"):
        monkeypatch.setattr(store, name, None)
    assert Authentication(metastore).caller_for(f"Bearer {secret}").token_id
    monkeypatch.undo()
    ((statement, parameters),) = asked
    assert secret not in repr(parameters)
    if store.engine.dialect.name == "sqlite":
        with store.read() as tx:
            plan = " ".join(row[3] for row in tx._run.all(f"EXPLAIN QUERY PLAN {statement}", **parameters))
        assert "uq_api_tokens_secret_sha256" in plan
        assert "SCAN t" not in plan
