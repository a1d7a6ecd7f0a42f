"""What a caller wants to register: a folder or a file on this machine, with what its files say."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from attrs import evolve, field, frozen

from herdbook.entities import FileStat, Lineage, ModelDescription
from herdbook.errors import InvalidArgumentError
from herdbook.formats.mlmodel import describe_model, generate_mlmodel, signature_from

MLMODEL = "MLmodel"
_REMOTE = ("runs:", "models:", "mlflow-artifacts:", "dbfs:", "s3:", "gs:", "az:", "abfss:", "http:", "https:")


@frozen(kw_only=True)
class SourceFile:
    """One file to register.

    Args:
        path: Its path in the version.
        size: Bytes.
        local: Where it is; None where its content is made here.
        content: What was made here.
    """

    path: str
    size: int
    local: Path | None = None
    content: bytes = field(default=b"", repr=False)

    def open(self) -> BinaryIO:
        """Open it for reading."""
        if self.local is None:
            return io.BytesIO(self.content)
        try:
            return self.local.open("rb")
        except OSError as error:
            raise InvalidArgumentError(f"{self.local} cannot be read: {error.strerror}.") from error

    def stat(self) -> FileStat:
        """Return it as it is announced."""
        return FileStat(path=self.path, size=self.size)

    def sha256(self) -> str:
        """Return its digest, read now."""
        if self.local is None:
            return hashlib.sha256(self.content).hexdigest()
        with self.open() as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]  # a real file here


def collect(source: str | os.PathLike[str], signature: Any = None) -> tuple[SourceFile, ...]:
    """Return the files of a model folder, or a single file, in order.

    Args:
        source: The folder or file.
        signature: Where the folder has no MLmodel, one with this signature is added.

    Raises:
        InvalidArgumentError: there is nothing to register there, or signature does not fit.
    """
    text = os.fspath(source)
    if text.startswith(_REMOTE):
        raise InvalidArgumentError(
            f"{text!r} is not on this machine.",
            hint="Download it (mlflow.artifacts.download_artifacts(uri) for MLflow) and register the folder.",
        )
    root = Path(text.removeprefix("file://")).expanduser()
    if not root.exists():
        raise InvalidArgumentError(f"There is nothing at {root}.", hint="Name the folder that holds the MLmodel file.")
    files = [_file(root, root.name)] if root.is_file() else list(_walk(root))
    if not files:
        raise InvalidArgumentError(f"{root} holds no file.", hint="Name the folder that holds the MLmodel file.")
    if signature is not None:
        if any(file.path == MLMODEL for file in files):
            raise InvalidArgumentError(
                f"{root} has an MLmodel file, which has the say about its signature.", hint="Leave out signature=."
            )
        content = generate_mlmodel(signature_from(signature))
        files.append(SourceFile(path=MLMODEL, size=len(content), content=content))
    return tuple(sorted(files, key=lambda file: file.path))


def lineage_of(files: tuple[SourceFile, ...], source: str, given: Lineage | None) -> Lineage:
    """Return the lineage that the caller gave, filled up with what the MLmodel file says."""
    lineage = given or Lineage()
    model = _description(files)
    environment = dict(lineage.environment)
    if model.mlflow_version:
        environment.setdefault("mlflow", model.mlflow_version)
    loader = model.flavors.get("python_function")
    python = loader.get("python_version") if isinstance(loader, dict) else None
    if isinstance(python, str):
        environment.setdefault("python", python)
    return evolve(
        lineage,
        source=lineage.source or source,
        run_id=lineage.run_id or model.run_id,
        logged_model_id=lineage.logged_model_id or model.model_id,
        environment=environment,
    )


def _description(files: tuple[SourceFile, ...]) -> ModelDescription:
    document = next((file for file in files if file.path == MLMODEL), None)
    if document is None:
        return ModelDescription()
    try:
        with document.open() as stream:
            return describe_model(stream.read())
    except InvalidArgumentError:
        # The registry judges the file, and says what is wrong with it.
        return ModelDescription()


def _walk(root: Path) -> Iterator[SourceFile]:
    for folder, folders, names in os.walk(root, followlinks=False, onerror=_unreadable):
        for name in folders:
            if Path(folder, name).is_symlink():
                raise InvalidArgumentError(
                    f"{Path(folder, name)} is a link to a folder, which is not followed.",
                    hint="Put the folder itself into the model's folder.",
                )
        inside = Path(folder).relative_to(root).as_posix()
        before = "" if inside == "." else f"{inside}/"
        for name in names:
            path = Path(folder, name)
            found = _stat(path)
            if found is None or not stat.S_ISREG(found.st_mode):
                raise InvalidArgumentError(f"{path} is not a regular file.", hint="Remove it from the model's folder.")
            yield SourceFile(path=f"{before}{name}", size=found.st_size, local=path)


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _unreadable(error: OSError) -> None:
    raise InvalidArgumentError(f"{error.filename} cannot be read: {error.strerror}.") from error


def _file(path: Path, name: str) -> SourceFile:
    return SourceFile(path=name, size=path.stat().st_size, local=path)
