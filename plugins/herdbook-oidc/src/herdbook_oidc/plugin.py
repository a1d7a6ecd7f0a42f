"""What this plugin contributes."""

from __future__ import annotations

from herdbook.plugins import IdentitySource, hookimpl
from herdbook.ports.identity import IdentityProvider
from herdbook_oidc.options import OidcOptions


def _open(options: OidcOptions) -> IdentityProvider:
    from herdbook_oidc.provider import OidcProvider  # noqa: PLC0415 joserfc is imported only where tokens are judged

    return OidcProvider(options)


@hookimpl
def herdbook_identity_sources() -> list[IdentitySource]:
    """Contribute the identity source `oidc`."""
    return [IdentitySource(name="oidc", open=_open, options=OidcOptions)]
