"""What this plugin contributes."""

from __future__ import annotations

from herdbook.plugins import IdentitySource, hookimpl
from herdbook.ports.identity import Identity, IdentityProvider
from herdbook_oidc.options import OidcOptions


class _NoIssuer(IdentityProvider):
    """Knows nobody: the plugin is installed, and no issuer is named."""

    @property
    def sources(self) -> frozenset[str]:
        """None."""
        return frozenset()

    def authenticate(self, credential: str, *, now_ms: int) -> Identity | None:  # noqa: ARG002 it is nobody's
        """Leave every credential to others."""
        return None

    def close(self) -> None:
        """Nothing is held."""


def _open(options: OidcOptions) -> IdentityProvider:
    if not options.issuers:
        # What judges tokens takes 12 MB and a tenth of a second to load, in each worker.
        return _NoIssuer()
    from herdbook_oidc.provider import OidcProvider  # noqa: PLC0415 joserfc is imported only where tokens are judged

    return OidcProvider(options)


@hookimpl
def herdbook_identity_sources() -> list[IdentitySource]:
    """Contribute the identity source `oidc`."""
    return [IdentitySource(name="oidc", open=_open, options=OidcOptions)]
