"""R24 through real tokens: a secret stands for its principal cut to its scope, and mints nothing wider."""

from __future__ import annotations

import base64
import re
from datetime import timedelta

import pytest

from herdbook.entities import Authn
from herdbook.errors import InvalidArgumentError, NotFoundError, PermissionDeniedError, UnauthenticatedError
from herdbook.service import Authentication
from herdbook.verdicts import Privilege

P = Privilege
MODEL = "main.default.iris"
DAY = 24 * 3600


@pytest.fixture
def door(people):
    """Return what opens the registry of whoever shows a secret."""
    authentication = Authentication(people.metastore)

    def show(secret, **words):
        return people.metastore.for_caller(authentication.caller_for(f"Bearer {secret}", **words))

    show.caller = authentication.caller_for
    return show


def basic(user, secret):
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()


def test_a_secret_stands_for_its_principal(people, door):
    """Who shows it is its principal, by a token, until it ends; the request's own facts are kept beside."""
    made = people("user:ann").create_token(expires_in_s=60)
    caller = door.caller(f"bEaReR  {made.secret}", request_id="r", client="c")
    assert caller.principal_id == people.admin.get_principal("user:ann").id
    assert (caller.authn, caller.scope, caller.token_groups) == (Authn.TOKEN, None, frozenset())
    assert (caller.request_id, caller.client, caller.asserted_by) == ("r", "c", None)
    assert (caller.token_id, caller.until_ms) == (made.token.id, int(made.token.expires_at.timestamp() * 1000))


@pytest.mark.parametrize("user", ["", "token", "user:ann", "ann", "user:ANN"])
def test_basic_takes_the_token_as_password(people, door, user):
    """The user name is empty, `token` or the principal's own."""
    secret = people("user:ann").create_token(expires_in_s=60).secret
    assert door.caller(basic(user, secret)).principal_id == people.admin.get_principal("user:ann").id


def test_every_other_credential_gets_one_answer(people, door):
    """Wrong names, forms and secrets, revoked and expired ones, and those of the disabled cannot be told apart."""
    ann, bot = people("user:ann"), people("service:bot")
    good, revoked, disabled = (each.create_token(expires_in_s=60) for each in (ann, ann, bot))
    expired = ann.create_token(expires_in_s=0.001)
    ann.revoke_token(revoked.token.id)
    people.admin.update_principal("service:bot", enabled=False)
    before = people.rows("SELECT count(*) FROM audit")
    wrong = [
        *(basic(user, good.secret) for user in ("user:bob", "bob", "service:ann", "os/ann", "tokens", "a b", ":")),
        *(f"Bearer {each.secret}" for each in (revoked, disabled, expired)),
        *(f"Bearer {good.secret[:-1]}{end}" for end in ("", "!", chr(ord(good.secret[-1]) ^ 1), f"{good.secret[-1]}x")),
        *(f"Bearer {form}" for form in ("hbk_", "a.b.c", "x" * 20_000, f"{good.secret} x", good.secret.upper())),
        *(f"{scheme} {good.secret}" for scheme in ("Basic", "Digest", "Token", "")),
        good.secret, "Bearer", "Bearer ", "Basic !", basic("", ""), f"Bearer\t{good.secret}", f"Bearer {good.secret}\n",
        "Basic " + base64.b64encode(b"\xff:x").decode(), "Basic " + base64.b64encode(good.secret.encode()).decode(),
    ]  # fmt: skip
    while people.metastore.core.clock.now_ms() <= expired.token.expires_at.timestamp() * 1000:
        pass
    answers = set()
    for header in wrong:
        with pytest.raises(UnauthenticatedError) as caught:
            door.caller(header)
        answers.add((str(caught.value), str(caught.value.details)))
        assert caught.value.__context__ is None or good.secret not in repr(caught.value.__context__)
    assert len(answers) == 1
    for nothing in (None, ""):
        with pytest.raises(UnauthenticatedError, match="who asks"):
            door.caller(nothing)
    assert people.rows("SELECT count(*) FROM audit") == before
    assert door.caller(f"Bearer {good.secret}")


def test_a_secret_stands_nowhere(people, door):
    """Neither the database nor a value that is printed has it; a digest is all that is kept."""
    made = people("user:ann").create_token(expires_in_s=60, comment="c", idempotency_key="k")
    door(made.secret).create_token(expires_in_s=1, idempotency_key="k2")
    tables = [row[0] for row in people.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    assert {"api_tokens", "audit", "outbox", "idempotency"} <= set(tables)
    held = "".join(repr(people.rows(f"SELECT * FROM {table}")) for table in tables)
    assert made.token.id in held
    for form in (made.secret, made.secret.removeprefix("hbk_"), made.secret[4:20]):
        assert form not in held
        assert form not in f"{made!r} {door.caller('Bearer ' + made.secret)!r}"
    assert re.fullmatch(r"hbk_[A-Za-z0-9_-]{43}", made.secret)


def test_what_a_token_does_says_so(people, door):
    """Its id, and who made it for another, stand in the audit row; the tokens' own rows name people by id."""
    made = people.admin.create_token(expires_in_s=60, principal="service:bot")
    people.gates("service:bot")
    people.give("service:bot", MODEL, P.MODIFY)
    door(made.secret).update_registered_model(MODEL, comment="by a token")
    (row,) = people.rows("SELECT payload FROM audit WHERE operation = 'update_registered_model'")
    assert f'"token_id":"{made.token.id}"' in bytes(row[0]).decode()
    founder = people.admin.get_current_principal().id
    assert f'"asserted_by":"{founder}"' in bytes(row[0]).decode()
    people.admin.revoke_token(made.token.id, reason="over")
    operations = people.rows("SELECT operation FROM audit WHERE operation LIKE '%token' ORDER BY id")
    assert operations == [("create_token",), ("revoke_token",)]
    assert people.rows("SELECT type FROM outbox WHERE type LIKE 'token.%' ORDER BY id") == [
        ("token.created",),
        ("token.revoked",),
    ]


def test_scope_cuts_lists_searches_and_verbs(people, door):
    """What a token is cut to is all that its reader finds, with the rights that it names."""
    people.admin.create_registered_model("main.default.rose")
    people.admin.create_registered_model("main.default.tulip")
    cut = door(people.admin.create_token(expires_in_s=60, privileges=[P.READ_METADATA], securable=MODEL).secret)
    assert [str(model.name) for model in cut.search_registered_models().items] == [MODEL]
    assert cut.list_catalogs().items == ()
    assert cut.get_registered_model(MODEL).latest_version == 1
    with pytest.raises(PermissionDeniedError):
        cut.update_registered_model(MODEL, comment="x")
    with pytest.raises(NotFoundError):
        cut.get_registered_model("main.default.rose")
    wide = door(people.admin.create_token(expires_in_s=60, securable="main.default").secret)
    assert len(wide.search_registered_models().items) == 3
    assert len(wide.list_registered_models("main.default").items) == 3
    few = door(people.admin.create_token(expires_in_s=60, privileges=[P.EXECUTE]).secret)
    assert len(few.search_registered_models().items) == 3
    assert few.what_can().items
    with pytest.raises(PermissionDeniedError):
        few.create_principal("user:new")


def test_it_mints_none_wider(people, door):
    """Other privileges, another or a higher securable, or no cut at all are refused; less and the same are made."""
    people.admin.create_registered_model("main.default.rose")
    cut = [P.EXECUTE, P.MANAGE]
    secret = people.admin.create_token(expires_in_s=DAY, privileges=cut, securable="main.default").secret
    minting = door(secret)
    for privileges, securable in (
        ([], None),
        (cut, None),
        (cut, "metastore:"),
        ([], "main.default"),
        ([P.EXECUTE, P.MODIFY], MODEL),
        # Read by EXECUTE is not READ_METADATA: who lacks EXECUTE but not this would read more.
        ([P.READ_METADATA], MODEL),
        ([P.ALL_PRIVILEGES], MODEL),
    ):
        with pytest.raises(InvalidArgumentError, match="wider"):
            minting.create_token(expires_in_s=60, privileges=privileges, securable=securable)
    for hidden in ("main", "main.other"):
        with pytest.raises(NotFoundError):
            minting.create_token(expires_in_s=60, privileges=cut, securable=hidden)
    for privileges, securable in (([P.EXECUTE], MODEL), (cut, "main.default")):
        made = minting.create_token(expires_in_s=60, privileges=privileges, securable=securable)
        assert door(made.secret).get_registered_model(MODEL).latest_version == 1
    every = door(people.admin.create_token(expires_in_s=60, privileges=[P.ALL_PRIVILEGES]).secret)
    assert every.create_token(expires_in_s=1, privileges=[P.EXECUTE, P.USE_SCHEMA])
    with pytest.raises(InvalidArgumentError, match="wider"):
        every.create_token(expires_in_s=1, privileges=[P.MANAGE])


def test_it_mints_none_longer_lived(people, door):
    """Nothing that a token makes outlives it, whatever it is cut to."""
    made = people("user:ann").create_token(expires_in_s=3600)
    minting = door(made.secret)
    for life in (3601, DAY):
        with pytest.raises(InvalidArgumentError, match="outlive"):
            minting.create_token(expires_in_s=life)
    child = minting.create_token(expires_in_s=1800).token
    assert child.expires_at < made.token.expires_at


def test_anothers_tokens_are_an_admins(people, door):
    """Without MANAGE on the metastore, by right or by scope, nobody makes, lists or ends another's token."""
    bobs = people("user:bob").create_token(expires_in_s=60)
    below = people.admin.create_token(expires_in_s=60, privileges=[P.MANAGE], securable="main").secret
    without = people.admin.create_token(expires_in_s=60, privileges=set(P) - {P.MANAGE}).secret
    for registry in (people("user:ann"), door(below), door(without)):
        for who in ("user:bob", "user:nobody"):
            with pytest.raises(PermissionDeniedError, match="MANAGE on the metastore"):
                registry.create_token(expires_in_s=1, principal=who)
            with pytest.raises(PermissionDeniedError, match="MANAGE on the metastore"):
                registry.list_tokens(principal=who)
        with pytest.raises(NotFoundError) as hidden:
            registry.revoke_token(bobs.token.id)
        with pytest.raises(NotFoundError) as unknown:
            registry.revoke_token("0" * 32)
        assert str(hidden.value).replace(bobs.token.id, "0" * 32) == str(unknown.value)
    assert people("user:ann").list_tokens(principal="user:ann").items == ()
    assert door(bobs.secret).list_tokens().items == (bobs.token,)
    people.admin.revoke_token(bobs.token.id)
    with pytest.raises(UnauthenticatedError):
        door(bobs.secret)


def test_a_cut_token_sees_and_ends_only_what_is_no_wider(people, door):
    """Its own and narrower ones; the others of its principal are neither listed nor known."""
    people.admin.create_registered_model("main.default.rose")
    wide = people.admin.create_token(expires_in_s=60)
    beside = people.admin.create_token(expires_in_s=60, securable="main.default.rose")
    narrow = people.admin.create_token(expires_in_s=60, privileges=[P.EXECUTE], securable=MODEL)
    own = people.admin.create_token(expires_in_s=60, privileges=[P.EXECUTE, P.MODIFY], securable=MODEL)
    other = people.admin.create_token(expires_in_s=60, privileges=[P.MANAGE], securable=MODEL)
    cut = door(own.secret)
    assert cut.list_tokens().items == (narrow.token, own.token)
    for hidden in (wide, beside, other):
        with pytest.raises(NotFoundError):
            cut.revoke_token(hidden.token.id)
    cut.revoke_token(own.token.id)
    assert [token.id for token in people.admin.list_tokens().items] == [
        each.token.id for each in (wide, beside, narrow, other)
    ]


def test_pages_of_a_cut_token_are_full(people, door):
    """What is left out leaves no gap: a page holds as many as it may, and the next goes on behind it."""
    for number in range(6):
        people.admin.create_token(expires_in_s=60, securable=None if number % 2 else MODEL, comment=str(number))
    own = people.admin.create_token(expires_in_s=60, securable=MODEL, comment="own")
    cut = door(own.secret)
    first = cut.list_tokens(max_results=3)
    assert [token.comment for token in first.items] == ["0", "2", "4"]
    rest = cut.list_tokens(max_results=3, page_token=first.next_page_token)
    assert [token.comment for token in rest.items] == ["own"]


def test_the_name_of_what_it_is_cut_to_needs_knowing_it(people, door):
    """Whoever may not know the thing is shown its id alone, wherever it was renamed to."""
    made = people.admin.create_token(expires_in_s=60, securable=MODEL, principal="user:ann").token
    assert str(made.securable) == MODEL
    (hers,) = people("user:ann").list_tokens().items
    assert (hers.securable, hers.securable_id) == (None, made.securable_id)
    people.gates("user:ann")
    people.give("user:ann", MODEL, P.EXECUTE)
    assert [str(token.securable) for token in people("user:ann").list_tokens().items] == [MODEL]


def test_what_a_token_made_ends_with_it(people, door):
    """Revoking a stolen token ends its children and theirs; a session that is open mints no more."""
    stolen = people("user:ann").create_token(expires_in_s=DAY)
    thief = door(stolen.secret)
    child = thief.create_token(expires_in_s=60)
    grandchild = door(child.secret).create_token(expires_in_s=30)
    beside = people("user:ann").create_token(expires_in_s=60)
    people("user:ann").revoke_token(stolen.token.id)
    for each in (stolen, child, grandchild):
        with pytest.raises(UnauthenticatedError):
            door(each.secret)
    with pytest.raises(UnauthenticatedError, match="revoked"):
        thief.create_token(expires_in_s=1)
    assert people("user:ann").list_tokens().items == (beside.token,)


def test_a_token_gives_nothing(people, door):
    """What its principal may not do, its token may not, also when an admin made it; a later deny binds it too."""
    made = people.admin.create_token(expires_in_s=60, principal="user:ann", privileges=[P.EXECUTE, P.MANAGE])
    registry = door(made.secret)
    with pytest.raises(NotFoundError):
        registry.get_registered_model(MODEL)
    people.gates("user:ann")
    people.give("user:ann", MODEL, P.EXECUTE)
    assert registry.get_registered_model(MODEL).latest_version == 1
    with pytest.raises(PermissionDeniedError):
        registry.grant("user:ann", P.MODIFY, MODEL)
    people.admin.deny("user:ann", P.ALL_PRIVILEGES, "main")
    with pytest.raises(NotFoundError):
        registry.get_registered_model(MODEL)


def test_an_admin_acting_as_somebody_is_the_one_who_made_it(people):
    """R33 asks who made a service's token: not the service that was acted as."""
    me = people.metastore.asserted(people.admin.get_current_principal().name)
    acting = people.metastore.for_caller(people.metastore.acting_as(me, people.admin.get_principal("service:bot").name))
    assert acting.create_token(expires_in_s=60).token.minted_by == "user:os/founder"


def test_lives_are_what_was_asked(people):
    """A life in seconds is kept to the millisecond, and never shorter."""
    made = people.admin.create_token(expires_in_s=1.0005).token
    assert made.expires_at - made.created_at == timedelta(milliseconds=1001)
