"""The composition root: settings, plugins, stores and the metastore, put together; `open_registry(uri)`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from attrs import evolve, frozen

from herdbook.adapters import files, sql
from herdbook.adapters.casbin_authorizer import CasbinAuthorizer
from herdbook.adapters.system import SystemClock, Uuid7Ids
from herdbook.entities import Caller
from herdbook.entities.ledger import PolicyFile
from herdbook.errors import InvalidArgumentError, PluginLoadError, UnsupportedError
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
from herdbook.ports.metadata import MetadataStore
from herdbook.ports.registry import Registry
from herdbook.service import Founding, GovernedRegistry, Metastore, verify_rules
from herdbook.settings import Settings, load_settings, os_principal

DATABASE = "herdbook.db"
ARTIFACTS = "artifacts"
DEFAULT_RULESET = "default"
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):")
_DATABASE_SCHEMES = ("sqlite", "postgresql")


class OwningRegistry(GovernedRegistry):
    """A governed registry that closes its metastore when it is closed."""

    def __init__(self, metastore: Metastore, caller: Caller) -> None:
        super().__init__(metastore.core, caller)
        self._metastore = metastore

    def close(self) -> None:
        """Close the metastore."""
        self._metastore.close()


@frozen(kw_only=True)
class Location:
    """Where an embedded registry keeps its things.

    Args:
        metadata: The URI of the metadata store.
        artifacts: The URI of the artifact store.
    """

    metadata: str
    artifacts: str


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
    target, credentials = _target(uri, chosen)
    manager = load_plugins(chosen)
    scheme = manager.registry_scheme(_scheme_of(target))
    if principal is not None:
        credentials = _asserting(scheme, credentials, principal)
    registry: Registry = _opened(scheme, scheme.open, target, credentials, manager.options_for(scheme))
    return registry


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
    target, _ = _target(uri, chosen)
    metadata = _folder_of(target, chosen) / DATABASE if target.startswith("herdbook:") else None
    if metadata is not None and not metadata.exists():
        raise InvalidArgumentError(f"There is no registry in {metadata.parent}.", hint="`herdbook init` makes one.")
    manager = load_plugins(chosen)
    place = target if metadata is None else _sqlite_uri(metadata)
    scheme = manager.metadata_scheme(_scheme_of(place))
    if scheme.upgrade is None:
        raise UnsupportedError(f"What {scheme.name!r} stores has no schema to upgrade.")
    done: tuple[str, str] = _opened(scheme, scheme.upgrade, place, manager.options_for(scheme))
    return done


def open_metastore(location: Location, settings: Settings, manager: PluginManager) -> Metastore:
    """Open a metastore, founding it where there is none."""
    metadata = manager.metadata_scheme(_scheme_of(location.metadata))
    artifacts = manager.artifact_scheme(_scheme_of(location.artifacts))
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


def _target(uri: str | None, settings: Settings) -> tuple[str, Credentials]:
    """Return the URI with a scheme that a folder, name or URI stands for, and how to prove who asks there."""
    target = uri if uri is not None else settings.registry_uri
    if not isinstance(target, str):
        raise InvalidArgumentError(f"{target!r} is not a registry URI.", hint="Give a folder (./registry) or a URI.")
    credentials = Credentials()
    if _is_word(target):
        target, credentials = _named(target, settings)
    if _is_path(target):
        target = f"herdbook://{Path(target).expanduser().absolute()}"
    if _SCHEME.match(target) is None:
        raise InvalidArgumentError(
            f"{target!r} is not a registry URI.", hint="Give a folder (./registry), herdbook:, or a URI with a scheme."
        )
    return target, credentials


def locate(uri: str, settings: Settings) -> Location:
    """Return where an embedded registry keeps its things.

    Raises:
        InvalidArgumentError: the folder is something else's, or there is no artifact root for a database.
    """
    if not uri.startswith("herdbook:"):
        return Location(metadata=uri, artifacts=_artifact_root(uri, settings))
    folder = _folder_of(uri, settings)
    database = folder / DATABASE
    # In this order: the first thing that another process puts into a new folder is the database.
    occupied = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    if occupied and not database.exists():
        raise InvalidArgumentError(
            f"{folder} holds something else than a registry.", hint="Name an empty folder, or one that does not exist."
        )
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidArgumentError(f"The folder {folder} cannot be made: {error.strerror}.") from error
    return Location(metadata=_sqlite_uri(database), artifacts=_file_uri(folder / ARTIFACTS))


def _folder_of(uri: str, settings: Settings) -> Path:
    rest = uri.removeprefix("herdbook:")
    if rest and not rest.startswith("///"):
        raise InvalidArgumentError(f"{uri!r} is not a registry URI.", hint="Write herdbook:///absolute/folder.")
    return Path(rest.removeprefix("//") or settings.home).expanduser().absolute()


def _sqlite_uri(database: Path) -> str:
    return f"sqlite:///{quote(str(database))}"


def shipped_policies() -> Path:
    """Return the folder of the shipped policy: in the wheel, or the repository's own in an editable install."""
    here = Path(__file__).resolve().parent
    packaged = here / "_policies"
    return packaged if packaged.is_dir() else here.parents[1] / "policies"


def shipped_model() -> str:
    """Return the Casbin model that Herdbook ships and judges by (R17)."""
    return (shipped_policies() / "model.conf").read_text(encoding="utf-8")


def read_policy(folder: str | None, ruleset: str | None = None) -> tuple[PolicyFile, ...]:
    """Read a policy folder: model.conf, *.csv and rules/*.toml.

    Args:
        folder: The folder, of which every file counts; None takes the shipped one, of which one ruleset does.
        ruleset: Which of the shipped rulesets; None is `default`.

    Raises:
        InvalidArgumentError: the folder or a file cannot be read, the model is not the shipped one (R17), there is no
            such ruleset, or a folder of one's own is to have a shipped one.
    """
    root = shipped_policies() if folder is None else Path(folder).expanduser()
    if not root.is_dir():
        raise InvalidArgumentError(f"The policy folder {root} does not exist.", hint="`herdbook init` writes one.")
    rules = sorted((root / "rules").glob("*.toml"))
    if folder is None:
        rules = [_shipped_ruleset(rules, ruleset or DEFAULT_RULESET)]
    elif ruleset is not None:
        raise InvalidArgumentError(
            f"The policy folder {root} has its own rules, so the ruleset {ruleset!r} cannot be chosen.",
            hint="Give a policy folder or a ruleset, not both.",
        )
    paths = [root / "model.conf", *sorted(root.glob("*.csv")), *rules]
    try:
        policy = tuple(
            PolicyFile(path=path.relative_to(root).as_posix(), text=path.read_text(encoding="utf-8")) for path in paths
        )
        model = shipped_model()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArgumentError(
            f"The policy folder {root} cannot be read: {error}.",
            hint="Begin with a copy of the shipped one; `herdbook init` writes it to policies/ in its folder.",
        ) from error
    if policy[0].text != model:
        raise InvalidArgumentError(
            f"{root / 'model.conf'} is not the model that Herdbook ships.", hint="Restore it; policies go into *.csv."
        )
    return policy


def _shipped_ruleset(paths: Sequence[Path], name: str) -> Path:
    by_name = {path.stem: path for path in paths}
    if name not in by_name:
        near = difflib.get_close_matches(name, by_name, n=1)
        raise InvalidArgumentError(
            f"There is no ruleset {name!r}.",
            hint=f"Did you mean {near[0]!r}?" if near else f"The rulesets are {', '.join(sorted(by_name))}.",
        )
    return by_name[name]


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


def _artifact_root(uri: str, settings: Settings) -> str:
    if settings.artifact_root is None:
        raise InvalidArgumentError(
            f"Where does the registry over {_scheme_of(uri)} keep its bytes?",
            hint="Set artifact_root in herdbook.toml, or HERDBOOK_ARTIFACT_ROOT.",
        )
    if _SCHEME.match(settings.artifact_root):
        return settings.artifact_root
    return _file_uri(Path(settings.artifact_root).expanduser().absolute())


def _file_uri(folder: Path) -> str:
    return f"file://{quote(str(folder))}"


def _scheme_of(uri: str) -> str:
    found = _SCHEME.match(uri)
    if found is None:
        raise InvalidArgumentError(f"{uri!r} has no scheme.", hint="Write it as SCHEME:...")
    return found.group(1).partition("+")[0] if uri.startswith("postgresql+") else found.group(1)


def _is_path(text: str) -> bool:
    return text.startswith((".", "~", "/")) or ("/" in text and _SCHEME.match(text) is None)


def _is_word(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9_-]+", text) is not None


def _named(name: str, settings: Settings) -> tuple[str, Credentials]:
    if name not in settings.registries:
        known = ", ".join(sorted(settings.registries)) or "none is"
        raise InvalidArgumentError(
            f"No registry is named {name!r} in {settings.source or 'the settings'} ({known} named).",
            hint=f"Write ./{name} for a folder, or add [registries.{name}].",
        )
    registry = settings.registries[name]
    ca_file = None if registry.ca_file is None else Path(registry.ca_file).expanduser()
    return registry.uri, Credentials(token=settings.token_for(name), ca_file=ca_file)
