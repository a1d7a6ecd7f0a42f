"""The one place that makes a caller of a credential: API tokens, and bearer tokens of outside issuers (R19, R24)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Self

from attrs import field, frozen

from herdbook.entities import Authn, Caller
from herdbook.errors import InvalidArgumentError, PluginContractError, PluginLoadError, UnauthenticatedError
from herdbook.names import PrincipalKind, PrincipalName
from herdbook.plugins import PluginManager
from herdbook.policy.token_scopes import scope_of
from herdbook.ports.identity import Identity, IdentityProvider
from herdbook.ports.metadata.tokens import Presented
from herdbook.service.metastore import Metastore
from herdbook.service.persons import person_for
from herdbook.service.token_secrets import PREFIX, digest_of, is_secret, not_accepted

MAX_HEADER = 16 * 1024
"""How many characters an `Authorization` header may have."""

MAX_SUBJECT = 1_000
_TAKEN_SOURCES = frozenset({"", "os"})
_OWN = f"Bearer {PREFIX}"
_HEADER = re.compile(r"([A-Za-z]+) +([\x21-\x7e]+) *", re.ASCII)


@frozen(kw_only=True)
class _Shown:
    """What a header shows: a token, and of Basic the user name beside it."""

    credential: str = field(repr=False)
    user: str | None = None


class Authentication:
    """Answers who a request comes from. Thread-safe.

    Args:
        metastore: The opened metastore; API tokens are its own.
        providers: Those of outside issuers, in the order in which they are asked.

    Raises:
        PluginContractError: two providers speak for one source, or one for a source that is not theirs to speak for.
    """

    def __init__(self, metastore: Metastore, providers: Sequence[IdentityProvider] = ()) -> None:
        self._metastore = metastore
        self._providers = tuple(providers)
        seen: set[str] = set()
        for provider in self._providers:
            for source in provider.sources:
                _check_source(source, seen)
                seen.add(source.casefold())

    @classmethod
    def open(cls, metastore: Metastore, plugins: PluginManager) -> Self:
        """Open every identity source that plugins contribute.

        Raises:
            PluginLoadError: one needs a package that is not installed.
            PluginContractError: see the class.
        """
        providers: list[IdentityProvider] = []
        try:
            for source in plugins.identity_sources():
                try:
                    providers.append(source.open(plugins.options_for(source)))
                except ImportError as error:
                    raise PluginLoadError(
                        f"The identity source {source.name!r} needs a package that is not installed: {error}.",
                        hint=source.install_hint or None,
                    ) from error
            return cls(metastore, providers)
        except BaseException:
            for provider in providers:
                provider.close()
            raise

    def caller_for(
        self,
        authorization: str | None,
        *,
        request_id: str = "",
        client: str = "",
        looked_up: dict[str, Presented] | None = None,
    ) -> Caller:
        """Return who a request comes from.

        An API token costs one statement, and nothing is remembered that anything committed since could have changed:
        what is revoked, disabled or deleted is refused from the next request on. A bearer token of an outside issuer
        may have to wait for that issuer's keys.

        Args:
            authorization: The `Authorization` header, `Bearer TOKEN` or `Basic` with the token as the password; None
                where the request has none.
            request_id: The id under which its work is logged.
            client: What the client says it is.
            looked_up: Tokens that were looked up since this request was sent, and still hold; added to.

        Raises:
            UnauthenticatedError: the header shows nothing that is accepted; the answer does not tell why.
            UnavailableError: it cannot be judged now.
        """
        shown = _parse(authorization)
        # What begins like a secret of our own is shown to nobody else, not even where it is mistyped.
        own = shown.credential.startswith(PREFIX)
        told = (request_id, client)
        if own:
            caller, name = self._of_token(shown.credential, told, {} if looked_up is None else looked_up)
        else:
            caller, name = self._of_bearer(shown.credential, told)
        if shown.user is not None and not _is_user(shown.user, name):
            raise not_accepted()
        return caller

    def inline(self, authorization: str | None) -> bool:
        """Return whether `caller_for` takes no longer than one statement of a store whose reads are inline ones."""
        if authorization is not None and authorization.startswith(_OWN):
            return self._metastore.core.store.inline_reads
        try:
            shown = _parse(authorization)
        except UnauthenticatedError:
            return True
        return self._metastore.core.store.inline_reads and shown.credential.startswith(PREFIX)

    def close(self) -> None:
        """Close the providers; the metastore stays open."""
        for provider in self._providers:
            provider.close()

    def _of_token(
        self, secret: str, told: tuple[str, str], looked_up: dict[str, Presented]
    ) -> tuple[Caller, PrincipalName]:
        core = self._metastore.core
        now_ms, found = core.clock.now_ms(), looked_up.get(secret)
        if found is None and is_secret(secret):
            found = core.store.point.presented(digest_of(secret), now_ms=now_ms)
        if found is None or not found.holds_at(now_ms):
            raise not_accepted()
        looked_up[secret] = found
        caller = Caller(
            principal_id=found.principal_id,
            scope=scope_of(found.privileges, found.securable_id, found.metastore_id),
            authn=Authn.TOKEN,
            asserted_by=None if found.minted_by == found.principal_id else found.minted_by,
            token_id=found.id,
            until_ms=found.expires_ms,
            request_id=told[0],
            client=told[1],
        )
        return caller, found.principal

    def _of_bearer(self, credential: str, told: tuple[str, str]) -> tuple[Caller, PrincipalName]:
        now_ms = self._metastore.core.clock.now_ms()
        for provider in self._providers:
            identity = provider.authenticate(credential, now_ms=now_ms)
            if identity is not None:
                return self._of_identity(identity, provider, told)
        raise not_accepted()

    def _of_identity(
        self, identity: Identity, provider: IdentityProvider, told: tuple[str, str]
    ) -> tuple[Caller, PrincipalName]:
        if identity.source not in provider.sources:
            raise PluginContractError(
                f"An identity source answered for {identity.source!r}, for which it does not speak."
            )
        if not identity.issuer or not _is_subject(identity.subject):
            raise not_accepted()
        person = person_for(self._metastore.core, identity)
        if not person.enabled:
            raise not_accepted()
        caller = Caller(
            principal_id=person.principal_id,
            token_groups=person.group_ids,
            authn=Authn.OIDC,
            until_ms=identity.until_ms,
            request_id=told[0],
            client=told[1],
        )
        return caller, person.principal


def _is_subject(text: str) -> bool:
    """Tell whether a subject can be kept: not every database keeps NUL, or what is no Unicode."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return 0 < len(text) <= MAX_SUBJECT and "\0" not in text


def _check_source(source: str, seen: set[str]) -> None:
    if source.casefold() in _TAKEN_SOURCES or source.casefold() in seen:
        raise PluginContractError(f"The source {source!r} is taken.", hint="Give each issuer a name of its own.")
    try:
        PrincipalName(principal_kind=PrincipalKind.USER, source=source, name="x")
    except InvalidArgumentError as error:
        raise PluginContractError(f"{source!r} cannot be the name of a source: {error.message}") from error


def _parse(authorization: str | None) -> _Shown:
    if not authorization:
        raise UnauthenticatedError(
            "This registry wants to know who asks.",
            hint="Send a token as `Authorization: Bearer TOKEN`; `herdbook tokens create` makes one.",
        )
    found = _HEADER.fullmatch(authorization) if len(authorization) <= MAX_HEADER else None
    if found is None:
        raise not_accepted()
    scheme, value = found[1].lower(), found[2]
    if scheme == "bearer":
        return _Shown(credential=value)
    if scheme != "basic":
        raise not_accepted()
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise not_accepted() from None
    # No token has a colon in it, and names of principals do.
    user, colon, credential = text.rpartition(":")
    if not colon or not credential:
        raise not_accepted()
    return _Shown(credential=credential, user=user)


def _is_user(text: str, name: PrincipalName) -> bool:
    """Tell whether the user name of Basic is empty, `token` or the principal's own (R24)."""
    if text in ("", "token"):
        return True
    try:
        return PrincipalName.parse(text).key == name.key
    except InvalidArgumentError:
        return False
