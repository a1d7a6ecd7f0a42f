"""The composition root: settings, plugins, stores and the metastore, put together; `open_registry(uri)`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from attrs import evolve

from herdbook.adapters import files, http_registry, sql
from herdbook.adapters.casbin_authorizer import CasbinAuthorizer
from herdbook.adapters.system import SystemClock, Uuid7Ids
from herdbook.entities import Caller
from herdbook.entities.ledger import PolicyFile
from herdbook.errors import InvalidArgumentError, PluginLoadError, UnsupportedError
from herdbook.locations import DATABASE, Location, check_founded, folder_of, locate, scheme_of, sqlite_uri, target_of
from herdbook.names import PrincipalName
from herdbook.plugins import (
    ArtifactScheme,
    Credentials,
    MetadataScheme,
    PluginManager,
    RegistryScheme,
    hookimpl,
)
from herdbook.policy.policy_files import read_files
from herdbook.policy_folder import read_policy, shipped_model, shipped_policies
from herdbook.ports.metadata import MetadataStore
from herdbook.ports.registry import Registry
from herdbook.service import Authentication, Founding, GovernedRegistry, Metastore, verify_rules
from herdbook.settings import Settings, load_settings, os_principal

__all__ = [
    "DATABASE",
    "EmbeddedPlugin",
    "Location",
    "OwningRegistry",
    "load_plugins",
    "locate",
    "open_for_serving",
    "open_metastore",
    "open_registry",
    "read_policy",
    "shipped_model",
    "shipped_policies",
    "upgrade_database",
    "verify_policy",
]

_DATABASE_SCHEMES = ("sqlite", "postgresql")


class OwningRegistry(GovernedRegistry):
    """A governed registry that closes its metastore when it is closed."""

    def __init__(self, metastore: Metastore, caller: Caller) -> None:
        super().__init__(metastore.core, caller)
        self._metastore = metastore

    def close(self) -> None:
        """Close the metastore."""
        self._metastore.close()


class EmbeddedPlugin:
    """The built-in registry schemes: embedded, over a folder or a database."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.manager: PluginManager | None = None

    @hookimpl
    def herdbook_registry_schemes(self) -> list[RegistryScheme]:
        """Contribute `herdbook:`, `sqlite:` and `postgresql:`."""
        return [RegistryScheme(name=name, open=self._open, asserts=True) for name in ("herdbook", *_DATABASE_SCHEMES)]

    def _open(self, uri: str, credentials: Credentials, _options: Any) -> Registry:
        if self.manager is None:
            raise RuntimeError("the embedded registry is opened before the plugins were loaded")
        metastore = open_metastore(locate(uri, self._settings), self._settings, self.manager)
        try:
            caller = metastore.asserted(os_principal(), client="python")
            if credentials.principal is not None:
                caller = metastore.acting_as(caller, credentials.principal)
        except BaseException:
            metastore.close()
            raise
        return OwningRegistry(metastore, caller)


def load_plugins(settings: Settings) -> PluginManager:
    """Load the built-in plugins and the installed ones.

    Raises:
        PluginLoadError: a required plugin is missing or broken.
        PluginConflictError: two plugins claim one name.
    """
    embedded = EmbeddedPlugin(settings)
    manager = PluginManager.load(
        required=settings.plugins.required,
        allow=settings.plugins.allow,
        block=settings.plugins.block,
        enabled=settings.plugins.enabled,
        options=settings.plugin_options,
        builtins=[
            ("builtin-files", files.plugin),
            ("builtin-http", http_registry.plugin),
            ("builtin-sql", sql.plugin),
            ("builtin-embedded", embedded),
        ],
    )
    embedded.manager = manager
    return manager


def open_registry(
    uri: str | None = None, *, settings: Settings | None = None, principal: PrincipalName | str | None = None
) -> Registry:
    """Open a registry by its URI; PRODUCT.md lists the forms.

    Args:
        uri: A folder, a URI, or the name of a `[registries.NAME]` table; None takes the settings' registry_uri.
        settings: None reads them.
        principal: As whom to act, where that is asserted and not proved (R35); None is the operating system's user,
            who must be metastore admin to act as somebody else.

    Raises:
        InvalidArgumentError: the URI is none of the forms.
        PluginLoadError: no plugin offers its scheme.
        PermissionDeniedError: a principal is given, and the operating system's user is no metastore admin.
        NotFoundError: there is no such principal.
        UnauthenticatedError: who is to act is disabled, or a group or role.
        UnsupportedError: a principal is given where who asks has to be proved.
    """
    chosen = load_settings() if settings is None else settings
    target, credentials = target_of(uri, chosen)
    manager = load_plugins(chosen)
    scheme = manager.registry_scheme(scheme_of(target))
    if principal is not None:
        credentials = _asserting(scheme, credentials, principal)
    registry: Registry = _opened(scheme, scheme.open, target, credentials, manager.options_for(scheme))
    return registry


def open_for_serving(uri: str | None, settings: Settings) -> tuple[Metastore, Authentication]:
    """Open the metastore of an embedded registry, and what proves who asks there, for a server over it.

    Args:
        uri: As `open_registry` takes it.
        settings: The settings.

    Raises:
        InvalidArgumentError: the URI is none of an embedded registry.
        PluginLoadError: no plugin offers its scheme.
    """
    target, _ = target_of(uri, settings)
    if scheme_of(target) not in ("herdbook", *_DATABASE_SCHEMES):
        raise InvalidArgumentError(
            f"{target} is no embedded registry, so there is nothing to serve.",
            hint="Name a folder, herdbook:, sqlite:///FILE or postgresql://...",
        )
    manager = load_plugins(settings)
    metastore = open_metastore(locate(target, settings), settings, manager)
    try:
        return metastore, Authentication.open(metastore, manager)
    except BaseException:
        metastore.close()
        raise


def upgrade_database(uri: str | None = None, *, settings: Settings | None = None) -> tuple[str, str]:
    """Bring the database of an embedded registry to the newest schema.

    Args:
        uri: As `open_registry` takes it.
        settings: None reads them.

    Returns:
        The schema before and now, as the metadata scheme names them.

    Raises:
        InvalidArgumentError: the URI is none of an embedded registry.
        UnsupportedError: what it names has no schema to upgrade.
    """
    chosen = load_settings() if settings is None else settings
    target, _ = target_of(uri, chosen)
    check_founded(target, chosen)
    metadata = folder_of(target, chosen) / DATABASE if target.startswith("herdbook:") else None
    manager = load_plugins(chosen)
    place = target if metadata is None else sqlite_uri(metadata)
    scheme = manager.metadata_scheme(scheme_of(place))
    if scheme.upgrade is None:
        raise UnsupportedError(f"What {scheme.name!r} stores has no schema to upgrade.")
    done: tuple[str, str] = _opened(scheme, scheme.upgrade, place, manager.options_for(scheme))
    return done


def open_metastore(location: Location, settings: Settings, manager: PluginManager) -> Metastore:
    """Open a metastore, founding it where there is none."""
    metadata = manager.metadata_scheme(scheme_of(location.metadata))
    artifacts = manager.artifact_scheme(scheme_of(location.artifacts))
    store: MetadataStore = _opened(metadata, metadata.open, location.metadata, manager.options_for(metadata))
    blobs = None
    try:
        blobs = _opened(artifacts, artifacts.open, location.artifacts, manager.options_for(artifacts))
        metastore = Metastore(
            store=store,
            artifacts=blobs,
            authorizer=CasbinAuthorizer(shipped_model()),
            checks=manager,
            clock=SystemClock(),
            ids=Uuid7Ids(),
            limits=settings.version_limits,
            signed_urls=settings.signed_urls,
        )
        metastore.open(
            Founding(
                creator=os_principal(),
                policy=read_policy(settings.policies_dir, settings.ruleset),
                default_schema=settings.first_schema,
            )
        )
    except BaseException:
        if blobs is not None:
            blobs.close()
        store.close()
        raise
    return metastore


def _asserting(scheme: RegistryScheme, credentials: Credentials, principal: PrincipalName | str) -> Credentials:
    if not scheme.asserts:
        raise UnsupportedError(
            f"A registry of the scheme {scheme.name!r} wants proof of who asks: nobody acts there as {principal}.",
            hint="Use that principal's own token.",
        )
    name = principal if isinstance(principal, PrincipalName) else PrincipalName.parse(principal)
    return evolve(credentials, principal=name)


def _opened(scheme: RegistryScheme | MetadataScheme | ArtifactScheme, work: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function of a scheme; a package that it needs and lacks is an error with the scheme's own advice."""
    try:
        return work(*arguments)
    except ImportError as error:
        raise PluginLoadError(
            f"The scheme {scheme.name!r} needs a package that is not installed: {error}.",
            hint=scheme.install_hint or None,
        ) from error


def verify_policy(policy: Sequence[PolicyFile], settings: Settings) -> None:
    """Refuse a policy that no metastore could start with, before there is one.

    Args:
        policy: The files, as `read_policy` returns them.
        settings: Which plugins there are.

    Raises:
        PluginLoadError: a rule asks for a check that no plugin offers.
        InvalidArgumentError: a file has a mistake; the message has its line.
    """
    read = read_files(policy, shipped_model().__eq__)
    if read.problems:
        raise InvalidArgumentError("\n".join(read.problems), problems=list(read.problems))
    verify_rules(read.rules, load_plugins(settings))
