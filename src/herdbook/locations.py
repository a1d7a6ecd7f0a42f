"""Where a registry is: what a folder, a name or a URI stands for, and where an embedded one keeps its things."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

from attrs import frozen

from herdbook.errors import InvalidArgumentError
from herdbook.plugins import Credentials
from herdbook.settings import Settings

DATABASE = "herdbook.db"
ARTIFACTS = "artifacts"
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):")
_SECRET = re.compile(r"(?<=://)([^:/@]*):.*@")


@frozen(kw_only=True)
class Location:
    """Where an embedded registry keeps its things.

    Args:
        metadata: The URI of the metadata store.
        artifacts: The URI of the artifact store.
    """

    metadata: str
    artifacts: str


def target_of(uri: str | None, settings: Settings) -> tuple[str, Credentials]:
    """Return the URI with a scheme that a folder, name or URI stands for, and how to prove who asks there.

    Args:
        uri: As `open_registry` takes it; None takes the settings' registry_uri.
        settings: Which registries are named.

    Raises:
        InvalidArgumentError: it is none of the forms, or no registry has that name.
    """
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
    folder = folder_of(uri, settings)
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
    return Location(metadata=sqlite_uri(database), artifacts=_file_uri(folder / ARTIFACTS))


def check_founded(uri: str, settings: Settings) -> None:
    """Refuse a folder in which there is no registry yet.

    Args:
        uri: With its scheme, as `target_of` returns it; only a folder is looked into.
        settings: Where the default folder is.

    Raises:
        InvalidArgumentError: there is none.
    """
    if uri.startswith("herdbook:") and not (folder_of(uri, settings) / DATABASE).exists():
        raise InvalidArgumentError(
            f"There is no registry in {folder_of(uri, settings)}.", hint="`herdbook init` makes one."
        )


def folder_of(uri: str, settings: Settings) -> Path:
    """Return the folder that a `herdbook:` URI names; the settings' home where it names none.

    Raises:
        InvalidArgumentError: it names no absolute folder.
    """
    rest = uri.removeprefix("herdbook:")
    if rest and not rest.startswith("///"):
        raise InvalidArgumentError(f"{uri!r} is not a registry URI.", hint="Write herdbook:///absolute/folder.")
    return Path(rest.removeprefix("//") or settings.home).expanduser().absolute()


def shown(uri: str) -> str:
    """Return a URI as a log may have it: without a password, and without its query, where one may stand as well."""
    return _SECRET.sub(r"\1@", uri.partition("?")[0])


def sqlite_uri(database: Path) -> str:
    """Return the URI of a SQLite file."""
    return f"sqlite:///{quote(str(database))}"


def _artifact_root(uri: str, settings: Settings) -> str:
    if settings.artifact_root is None:
        raise InvalidArgumentError(
            f"Where does the registry over {scheme_of(uri)} keep its bytes?",
            hint="Set artifact_root in herdbook.toml, or HERDBOOK_ARTIFACT_ROOT.",
        )
    if _SCHEME.match(settings.artifact_root):
        return settings.artifact_root
    return _file_uri(Path(settings.artifact_root).expanduser().absolute())


def _file_uri(folder: Path) -> str:
    return f"file://{quote(str(folder))}"


def scheme_of(uri: str) -> str:
    """Return the scheme of a URI, without a driver's name.

    Raises:
        InvalidArgumentError: it has none.
    """
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
