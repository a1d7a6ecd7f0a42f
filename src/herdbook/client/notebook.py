"""The registry that module-level functions use where none is handed to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from herdbook.bootstrap import open_registry
from herdbook.names import PrincipalName
from herdbook.ports.registry import Registry
from herdbook.settings import load_settings


class _Default:
    """Holds what `set_registry_uri` set; notebooks expect that it is remembered for the process."""

    uri: str | None = None


def connect(uri: str | None = None, *, principal: PrincipalName | str | None = None) -> Registry:
    """Open a registry.

    Args:
        uri: A folder (`./registry`), a URI, or the name of a registry in herdbook.toml; None takes what
            `set_registry_uri` set, then `HERDBOOK_REGISTRY_URI`, then `herdbook:` (a folder in the home folder).
        principal: As whom to act in an embedded registry, such as `user:ann`; None is the operating system's user, who
            must be metastore admin to act as somebody else. Both are recorded with each change.

    Returns:
        The registry, bound to who is asking; a context manager that closes it.

    Raises:
        InvalidArgumentError: the URI is none of the forms.
        PluginLoadError: no plugin offers its scheme.
        PermissionDeniedError: a principal is given, and the operating system's user is no metastore admin.
        NotFoundError: there is no such principal.
        UnauthenticatedError: who is to act is disabled, or a group or role.
        UnsupportedError: a principal is given where who asks has to be proved.

    Example:
        >>> import herdbook
        >>> with herdbook.connect("./registry") as registry:
        ...     page = registry.list_catalogs()
    """
    return open_registry(_Default.uri if uri is None else uri, principal=principal)


def set_registry_uri(uri: str | None) -> None:
    """Set the registry that module-level functions use in this process; None forgets it."""
    _Default.uri = uri


def get_registry_uri() -> str:
    """Return the URI of the registry that module-level functions use."""
    return _Default.uri or load_settings().registry_uri


@contextmanager
def use(registry: Registry | None) -> Iterator[Registry]:
    """Lend the registry that was handed in, or open the default one and close it afterwards."""
    if registry is not None:
        yield registry
        return
    with connect() as opened:
        yield opened
