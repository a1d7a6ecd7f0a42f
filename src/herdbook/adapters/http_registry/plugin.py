"""The built-in registry schemes `http` and `https`."""

from __future__ import annotations

from typing import Any

from herdbook.plugins import Credentials, RegistryScheme, hookimpl
from herdbook.ports.registry import Registry


def _open(uri: str, credentials: Credentials, _options: Any) -> Registry:
    from herdbook.adapters.http_registry.direct import DirectWay  # noqa: PLC0415 as below
    from herdbook.adapters.http_registry.registry import HttpRegistry  # noqa: PLC0415 imported only where it is used
    from herdbook.adapters.http_registry.transport import Transport  # noqa: PLC0415 as above

    transport = Transport(uri, token=credentials.token, ca_file=credentials.ca_file)
    return HttpRegistry(transport, DirectWay(transport.server, credentials.ca_file))


@hookimpl
def herdbook_registry_schemes() -> list[RegistryScheme]:
    """Contribute `http:` and `https:`."""
    return [RegistryScheme(name=name, open=_open) for name in ("http", "https")]
