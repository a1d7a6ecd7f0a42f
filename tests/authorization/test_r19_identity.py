"""R19: who an outside issuer's subject is, and what its token's groups are worth."""

from __future__ import annotations

import base64
from urllib.parse import quote, unquote

import pytest
from attrs import evolve

from herdbook.entities import Authn
from herdbook.errors import InvalidArgumentError, NotFoundError, PluginContractError, UnauthenticatedError
from herdbook.plugins import IdentitySource, PluginManager, hookimpl
from herdbook.ports.identity import Identity, IdentityProvider
from herdbook.service import Authentication
from herdbook.service.persons import MAX_GROUPS, names_for
from herdbook.verdicts import Privilege

P = Privilege
MODEL = "main.default.iris"
LATER = 2**45


class Desk(IdentityProvider):
    """Vouches for whoever the credential names: `SUBJECT` or `SUBJECT~GROUP~GROUP`, percent-encoded."""

    sources = frozenset()

    def __init__(self, source="okta", issuer="https://okta.example", sources=None):
        self.source, self.issuer = source, issuer
        self.sources = frozenset(sources or {source})
        self.seen = []
        self.closed = False

    def authenticate(self, credential, *, now_ms):
        self.seen.append(credential)
        prefix, _, rest = credential.partition("=")
        if prefix != self.issuer:
            return None
        subject, *groups = unquote(rest).split("~")
        return Identity(source=self.source, issuer=self.issuer, subject=subject, groups=tuple(groups), until_ms=LATER)

    def close(self):
        self.closed = True


@pytest.fixture
def desk():
    return Desk()


@pytest.fixture
def caller_of(people, desk):
    authentication = Authentication(people.metastore, [desk])
    return lambda said: authentication.caller_for(f"Bearer {desk.issuer}={quote(said)}")


def name_of(people, caller):
    return str(people.metastore.for_caller(caller).get_current_principal().name)


def test_a_first_sight_makes_a_principal_without_rights(people, caller_of):
    """`user:SOURCE/SUBJECT` is known from then on, recorded, and may do nothing; the same subject is the same one."""
    before = people.rows("SELECT count(*) FROM audit")[0][0]
    caller = caller_of("00u1A")
    assert (caller.authn, caller.scope, caller.token_id, caller.until_ms) == (Authn.OIDC, None, None, LATER)
    assert name_of(people, caller) == "user:okta/00u1A"
    assert people.metastore.for_caller(caller).list_catalogs().items == ()
    assert people.rows("SELECT count(*) FROM audit")[0][0] == before + 1
    assert caller_of("00u1A").principal_id == caller.principal_id
    assert people.rows("SELECT count(*) FROM audit")[0][0] == before + 1


def test_rights_can_wait_for_a_person(people, caller_of):
    """A principal that an admin made before is the subject of exactly that name, once, and by issuer from then on."""
    made = people.admin.create_principal("user:okta/Ann")
    people.give("user:okta/Ann", MODEL, P.BROWSE)
    assert caller_of("ANN").principal_id != made.id
    assert caller_of("Ann").principal_id == made.id
    assert caller_of("ann").principal_id != made.id
    other = Authentication(people.metastore, [Desk(issuer="https://other.example")])
    namesake = other.caller_for("Bearer https://other.example=Ann")
    assert namesake.principal_id != made.id


@pytest.mark.parametrize("subject", ["auth0|7", "a b", "ä", "x" * 256, "https://x/y", "sub-7", "SUB-7", "../os"])
def test_a_subject_that_is_no_name_gets_one(people, caller_of, subject):
    """It is told by a digest, which another subject cannot take, neither as its name nor in other letters."""
    caller = caller_of(subject)
    name = name_of(people, caller)
    assert name.startswith("user:okta/sub-")
    assert caller_of(subject).principal_id == caller.principal_id
    taken = caller_of(name.removeprefix("user:okta/"))
    assert taken.principal_id != caller.principal_id


@pytest.mark.parametrize("subject", ["", "x" * 1001, "a\0b", "\ud800"])
def test_a_subject_that_cannot_be_kept_is_refused(people, subject):
    """Nobody is made known for it."""
    desk = Desk()
    authentication = Authentication(people.metastore, [desk])
    found = Identity(source="okta", issuer="i", subject=subject, until_ms=LATER)
    desk.authenticate = lambda credential, *, now_ms: found
    before = people.rows("SELECT count(*) FROM principals")
    with pytest.raises(UnauthenticatedError):
        authentication.caller_for("Bearer x")
    assert people.rows("SELECT count(*) FROM principals") == before


def test_who_has_no_name_left_is_refused(people, caller_of, desk):
    """Where each name that a subject could have is somebody else's, it is refused, not let in as one of them."""
    identity = Identity(source="okta", issuer=desk.issuer, subject="Ann", until_ms=LATER)
    for name in names_for(identity):
        people.admin.create_principal(f"user:okta/{name.name.swapcase()}")
    with pytest.raises(UnauthenticatedError):
        caller_of("Ann")


def test_the_disabled_and_the_deleted_do_not_come_in(people, caller_of):
    """Disabled, a person is refused; deleted, it is somebody new who inherits nothing."""
    caller = caller_of("ann")
    people.give("user:okta/ann", MODEL, P.BROWSE)
    people.admin.update_principal("user:okta/ann", enabled=False)
    with pytest.raises(UnauthenticatedError):
        caller_of("ann")
    people.admin.delete_principal("user:okta/ann")
    again = caller_of("ann")
    assert again.principal_id != caller.principal_id
    assert people.lines(MODEL, "user:okta/ann") == set()


def test_claim_groups_are_those_of_the_source_alone(people, caller_of):
    """`team` is `group:okta/team`, never the local group, role or user of the name; unknown ones are nothing."""
    for name in ("group:okta/team", "user:okta/team", "role:okta/team", "group:ldap/team", "group:a"):
        people.admin.create_principal(name)
    caller = caller_of("ann~team~nobody~a b~ldap/team~okta/team~role:scientist~a")
    assert caller.token_groups == {people.admin.get_principal("group:okta/team").id}
    assert caller_of("ann").token_groups == frozenset()
    people.admin.delete_principal("group:okta/team")
    assert caller_of("ann~team").token_groups == frozenset()


def test_too_many_groups_are_refused(caller_of):
    """To leave some out could leave out one that something is denied to."""
    assert caller_of("ann" + "~g" * MAX_GROUPS)
    with pytest.raises(UnauthenticatedError):
        caller_of("ann" + "~g" * (MAX_GROUPS + 1))


def test_a_deny_to_a_claim_group_is_not_shed_by_minting(people, caller_of):
    """A token carries no groups: where one of theirs is denied something, none is made."""
    people.admin.create_principal("user:okta/ann")
    people.gates("user:okta/ann")
    people.give("user:okta/ann", MODEL, P.EXECUTE)
    people.admin.deny("group:okta/risk", P.EXECUTE, MODEL)
    carrying = people.metastore.for_caller(caller_of("ann~risk"))
    with pytest.raises(InvalidArgumentError, match="denied to a group"):
        carrying.create_token(expires_in_s=60)
    people.admin.lift_deny("group:okta/risk", P.EXECUTE, MODEL)
    secret = carrying.create_token(expires_in_s=60).secret
    caller = Authentication(people.metastore).caller_for(f"Bearer {secret}")
    assert caller.token_groups == frozenset()


def test_rights_of_a_claim_group_are_not_kept_by_minting(people, caller_of):
    """What came with the group goes with it."""
    people.gates("group:okta/risk")
    people.give("group:okta/risk", MODEL, P.EXECUTE)
    carrying = people.metastore.for_caller(caller_of("ann~risk"))
    assert carrying.get_registered_model(MODEL).latest_version == 1
    secret = carrying.create_token(expires_in_s=60, securable=MODEL).secret
    registry = people.metastore.for_caller(Authentication(people.metastore).caller_for(f"Bearer {secret}"))
    with pytest.raises(NotFoundError):
        registry.get_registered_model(MODEL)


def test_a_token_does_not_outlive_the_bearer_that_makes_it(people, caller_of):
    """R24 holds for every credential that ends."""
    now_ms = people.metastore.core.clock.now_ms()
    caller = evolve(caller_of("ann"), until_ms=now_ms + 60_000)
    registry = people.metastore.for_caller(caller)
    with pytest.raises(InvalidArgumentError, match="outlive"):
        registry.create_token(expires_in_s=3600)
    assert registry.create_token(expires_in_s=1)


def test_providers_are_asked_in_turn_and_never_shown_our_own_secrets(people):
    """The first that knows a credential answers; a secret of the registry's, mistyped or not, goes to none."""
    one, two = Desk(), Desk("github", "https://github.example")
    authentication = Authentication(people.metastore, [one, two])
    assert name_of(people, authentication.caller_for("Bearer https://github.example=ann")) == "user:github/ann"
    assert one.seen == two.seen
    secret = people("user:ann").create_token(expires_in_s=60).secret
    authentication.caller_for(f"Bearer {secret}")
    for wrong in (secret[:-2], f"{secret}x"):
        with pytest.raises(UnauthenticatedError):
            authentication.caller_for(f"Bearer {wrong}")
    assert not any(seen.startswith("hbk_") for seen in (*one.seen, *two.seen))
    authentication.close()
    assert one.closed
    assert two.closed
    assert authentication.inline(f"Bearer {secret}")
    assert authentication.inline(None)
    assert not authentication.inline("Bearer a.b.c")


@pytest.mark.parametrize("sources", [{""}, {"os"}, {"OS"}, {"a b"}, {"a/b"}, {"okta", "OKTA"}])
def test_sources_that_are_taken_refuse_to_start(people, sources):
    """Nobody speaks for the default source, for the operating system's users, or for another's source."""
    with pytest.raises(PluginContractError):
        Authentication(people.metastore, [Desk(sources=sources)])
    with pytest.raises(PluginContractError):
        Authentication(people.metastore, [Desk(), Desk("Okta")])


def test_an_answer_for_a_source_of_others_is_refused(people):
    """A provider vouches for the sources that it named, and for no other."""
    authentication = Authentication(people.metastore, [Desk("okta", sources={"github"})])
    with pytest.raises(PluginContractError):
        authentication.caller_for("Bearer https://okta.example=ann")
    assert people.rows("SELECT count(*) FROM principals WHERE written = 'user:okta/ann'") == [(0,)]


def test_sources_of_plugins_are_opened_and_fail_closed(people):
    """Each contributed source is opened with its options; where one fails, those that were open are closed."""
    desk = Desk()

    def broken(_options):
        raise InvalidArgumentError("no keys")

    class Plugin:
        @hookimpl
        def herdbook_identity_sources(self):
            return [IdentitySource(name="desk", open=lambda options: desk), *self.more]

    plugin = Plugin()
    plugin.more = []
    manager = PluginManager.load(builtins=[("desk", plugin)], installed=[])
    authentication = Authentication.open(people.metastore, manager)
    assert name_of(people, authentication.caller_for(f"Bearer {desk.issuer}=ann")) == "user:okta/ann"
    plugin.more = [IdentitySource(name="later", open=broken, order=200)]
    manager = PluginManager.load(builtins=[("desk", plugin)], installed=[])
    with pytest.raises(InvalidArgumentError, match="no keys"):
        Authentication.open(people.metastore, manager)
    assert desk.closed


def test_basic_takes_a_bearer_of_an_issuer_too(people, desk):
    """Clients that know user and password alone show it as the password."""
    desk.issuer = "okta"
    authentication = Authentication(people.metastore, [desk])

    def shown(user):
        return authentication.caller_for("Basic " + base64.b64encode(f"{user}:okta=ann".encode()).decode())

    for user in ("token", "", "user:okta/ann"):
        assert name_of(people, shown(user)) == "user:okta/ann"
    for user in ("ann", "user:ann", "os/ann"):
        with pytest.raises(UnauthenticatedError):
            shown(user)
