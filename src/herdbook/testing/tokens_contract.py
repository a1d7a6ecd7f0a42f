"""What every implementation of the Registry port keeps of API tokens."""

from __future__ import annotations

from datetime import timedelta

import pytest

from herdbook.entities.governance import Token
from herdbook.errors import ConflictError, InvalidArgumentError, NotFoundError
from herdbook.names import MetastoreName, ModelName
from herdbook.ports.registry import Registry
from herdbook.verdicts import Privilege

_DAY_S = 24 * 3600


class TokensContract:
    """Override the fixture `registry`: a fresh one, whose caller founded it, by no token."""

    def test_a_token_is_what_was_asked_for(self, registry: Registry, model: str) -> None:
        """Its facts come back with its secret, and later without; what it is cut to is told by id and name."""
        me = registry.get_current_principal().name
        cut = [Privilege.EXECUTE, Privilege.READ_METADATA]
        made = registry.create_token(expires_in_s=_DAY_S, privileges=cut, securable=model, comment="nightly")
        token = made.token
        assert (token.principal, token.minted_by, token.comment) == (me, str(me), "nightly")
        assert (token.privileges, token.securable) == (frozenset(cut), ModelName.parse(model))
        assert token.securable_id == registry.get_registered_model(model).id
        assert token.expires_at - token.created_at == timedelta(days=1)
        assert made.secret.startswith("hbk_")
        assert made.secret not in repr(made)
        whole = registry.create_token(expires_in_s=60)
        assert (whole.token.privileges, whole.token.securable_id, whole.token.securable) == (frozenset(), None, None)
        assert whole.secret != made.secret
        everywhere = registry.create_token(expires_in_s=60, securable="metastore:").token
        assert everywhere.securable == MetastoreName()
        assert registry.list_tokens().items == (token, whole.token, everywhere)

    def test_tokens_are_listed_by_age_and_page(self, registry: Registry) -> None:
        """Each once, the oldest first."""
        made = [registry.create_token(expires_in_s=60, comment=str(number)).token for number in range(5)]
        found: list[Token] = []
        page_token = None
        for _ in range(3):
            page = registry.list_tokens(max_results=2, page_token=page_token)
            found += page.items
            page_token = page.next_page_token
        assert (found, page_token) == (made, None)

    def test_a_revoked_token_is_gone(self, registry: Registry) -> None:
        """It is listed no more, can be revoked again, and the others stay; an unknown one answers 404."""
        one, two = (registry.create_token(expires_in_s=60).token for _ in range(2))
        for _ in range(2):
            registry.revoke_token(one.id, reason="lost")
        assert registry.list_tokens().items == (two,)
        with pytest.raises(NotFoundError):
            registry.revoke_token("0" * 32)
        with pytest.raises(InvalidArgumentError):
            registry.revoke_token("a b")

    def test_an_admin_makes_and_ends_tokens_of_others(self, registry: Registry) -> None:
        """They are the other's, and say who made them; groups, roles and disabled ones have none."""
        me = registry.get_current_principal().name
        bot = registry.create_principal("service:bot").name
        made = registry.create_token(expires_in_s=60, principal=bot).token
        assert (made.principal, made.minted_by) == (bot, str(me))
        assert registry.list_tokens(principal="service:BOT").items == (made,)
        assert registry.list_tokens().items == registry.list_tokens(principal=me).items == ()
        registry.revoke_token(made.id)
        assert registry.list_tokens(principal=bot).items == ()
        registry.create_principal("group:team")
        registry.update_principal(bot, enabled=False)
        for name in ("group:team", bot):
            with pytest.raises(InvalidArgumentError):
                registry.create_token(expires_in_s=60, principal=name)
        for verb in (
            registry.list_tokens,
            lambda principal: registry.create_token(expires_in_s=60, principal=principal),
        ):
            with pytest.raises(NotFoundError):
                verb(principal="user:nobody")

    def test_a_repeated_creation_makes_no_second_token(self, registry: Registry) -> None:
        """The same key is refused, names the token that it made, and tells no secret; another request, too."""
        made = registry.create_token(expires_in_s=60, idempotency_key="k")
        with pytest.raises(ConflictError) as caught:
            registry.create_token(expires_in_s=60, idempotency_key="k")
        assert caught.value.details["token_id"] == made.token.id
        assert made.secret not in f"{caught.value} {caught.value.details}"
        with pytest.raises(ConflictError, match="another request"):
            registry.create_token(expires_in_s=61, idempotency_key="k")
        assert registry.list_tokens().items == (made.token,)

    def test_wrong_wishes_are_refused(self, registry: Registry, model: str) -> None:
        """Lives that are none or too long, privileges that are none, and what no token can be cut to."""
        for life in (0, -1, 366 * _DAY_S + 1, float("nan"), float("inf"), True, "60", None):
            with pytest.raises(InvalidArgumentError):
                registry.create_token(expires_in_s=life)  # type: ignore[arg-type]  # that is the point
        for privileges in (["FLY"], "EXECUTE", [7], 7):
            with pytest.raises(InvalidArgumentError):
                registry.create_token(expires_in_s=60, privileges=privileges)  # type: ignore[arg-type]  # as above
        for securable in (f"{model}@champion", "main.default@champion", 7, "a b"):
            with pytest.raises(InvalidArgumentError):
                registry.create_token(expires_in_s=60, securable=securable)  # type: ignore[arg-type]  # as above
        with pytest.raises(NotFoundError):
            registry.create_token(expires_in_s=60, securable="main.default.nope")
        with pytest.raises(InvalidArgumentError):
            registry.create_token(expires_in_s=60, comment="\x00")
        assert registry.list_tokens().items == ()
        assert registry.create_token(expires_in_s=366 * _DAY_S).token.comment is None

    def test_what_a_token_was_cut_to_may_go(self, registry: Registry, model: str) -> None:
        """It then has no name any more, still its id, and never becomes one that is cut to nothing."""
        made = registry.create_token(expires_in_s=60, securable=model).token
        registry.rename_registered_model(model, "main.default.rose")
        assert [str(token.securable) for token in registry.list_tokens().items] == ["main.default.rose"]
        registry.delete_registered_model("main.default.rose")
        registry.create_registered_model("main.default.rose")
        (left,) = registry.list_tokens().items
        assert (left.securable, left.securable_id) == (None, made.securable_id)
