"""What `[plugins.oidc]` can say."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from attrs import Attribute, field, frozen

from herdbook.errors import InvalidArgumentError

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519")
"""Signatures that can be accepted: who can check one of these cannot make one."""

_MAX_SKEW_S = 600


def _is_said(_: object, attribute: Attribute[str], value: str) -> None:
    if not value:
        raise InvalidArgumentError(f"{attribute.name} is empty.")


def _is_positive(_: object, attribute: Attribute[float], value: float) -> None:
    if not value > 0:
        raise InvalidArgumentError(f"{attribute.name} is {value!r}; it is a number above 0.")


@frozen(kw_only=True)
class Issuer:
    """An issuer whose tokens are accepted.

    Args:
        issuer: What `iss` must be, exactly.
        audience: What `aud` must be or hold, exactly.
        jwks_url: Where the issuer's public keys are.
        jwks_file: A file that holds them; one of the two is given.
        algorithms: Signatures that are accepted.
        groups_claim: The claim that lists a person's groups.
        clock_skew_s: By how much clocks may differ, in seconds.
        refetch_s: Seconds after fetching keys in which an unknown one does not make them be fetched again.
        max_age_s: Seconds after which keys are fetched again.
        timeout_s: Seconds that fetching may take.
    """

    issuer: str = field(validator=_is_said)
    audience: str = field(validator=_is_said)
    jwks_url: str | None = None
    jwks_file: str | None = None
    algorithms: tuple[str, ...] = ("RS256", "ES256")
    groups_claim: str = field(default="groups", validator=_is_said)
    clock_skew_s: int = 60
    refetch_s: float = field(default=30.0, validator=_is_positive)
    max_age_s: float = field(default=3600.0, validator=_is_positive)
    timeout_s: float = field(default=5.0, validator=_is_positive)

    def __attrs_post_init__(self) -> None:
        if (self.jwks_url is None) is (self.jwks_file is None):
            raise InvalidArgumentError(f"The issuer {self.issuer} needs jwks_url or jwks_file, one of them.")
        if self.jwks_url is not None and not _is_safe(self.jwks_url):
            raise InvalidArgumentError(
                f"The keys of {self.issuer} would come unprotected: {self.jwks_url!r} is no https URL.",
                hint="Write https://...; plain http is for 127.0.0.1 and localhost alone.",
            )
        wrong = [name for name in self.algorithms if name not in ALGORITHMS]
        if wrong or not self.algorithms:
            raise InvalidArgumentError(
                f"The algorithms of {self.issuer} are {', '.join(self.algorithms) or 'none'}.",
                hint=f"Choose from {', '.join(ALGORITHMS)}: no other proves who signed.",
            )
        if not 0 <= self.clock_skew_s <= _MAX_SKEW_S:
            raise InvalidArgumentError(f"clock_skew_s is {self.clock_skew_s}; it is 0 to {_MAX_SKEW_S}.")


@frozen(kw_only=True)
class OidcOptions:
    """The issuers, by the source that their people are named by.

    Args:
        issuers: Source -> issuer.
    """

    issuers: dict[str, Issuer] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        named: dict[str, str] = {}
        for source, issuer in self.issuers.items():
            other = named.setdefault(issuer.issuer, source)
            if other != source:
                raise InvalidArgumentError(
                    f"The sources {other!r} and {source!r} have one issuer, {issuer.issuer}.",
                    hint="A person is one issuer's subject, and has one name.",
                )


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    if parts.hostname is None or parts.username is not None:
        return False
    if parts.scheme != "http":
        return parts.scheme == "https"
    try:
        return ip_address(parts.hostname).is_loopback
    except ValueError:
        return parts.hostname == "localhost"
