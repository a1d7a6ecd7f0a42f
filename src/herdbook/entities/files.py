"""The files of a version: what a client announces, and what the registry stored."""

from __future__ import annotations

import re

from attrs import Attribute, field, frozen

from herdbook.errors import InvalidArgumentError

MAX_PATH = 1024
MAX_FILES = 100_000
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_PLAIN_PATH = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]*/)*[A-Za-z0-9_][A-Za-z0-9_.-]*", re.ASCII)


def _check_path(_: object, __: Attribute[str], value: object) -> None:
    # Most paths are of this kind, there may be thousands, and the whole look takes ten times as long.
    if isinstance(value, str) and len(value) <= MAX_PATH and _PLAIN_PATH.fullmatch(value) is not None:
        return
    parts = value.split("/") if isinstance(value, str) else [""]
    ok = (
        isinstance(value, str)
        and len(value) <= MAX_PATH
        and not any(part in ("", ".", "..") for part in parts)
        and "\\" not in value
        and value.isprintable()
        and ":" not in parts[0][1:2]
    )
    if not ok:
        raise InvalidArgumentError(
            f"{value!r} is not the path of a model file.",
            hint=f"Use a relative path with '/' between its parts, no '.' or '..', at most {MAX_PATH} characters.",
        )


def _check_size(_: object, __: Attribute[int], value: object) -> None:
    if type(value) is not int or not 0 <= value < 2**62:
        raise InvalidArgumentError(f"{value!r} is not a size in bytes.")


def check_digest(_: object, __: Attribute[str], value: object) -> None:
    """Refuse what is not a SHA-256 in lower-case hexadecimal."""
    if not isinstance(value, str) or _SHA256.fullmatch(value) is None:
        raise InvalidArgumentError(f"{value!r} is not a SHA-256: it is 64 lower-case hexadecimal digits.")


def _check_optional_digest(instance: object, attribute: Attribute[str | None], value: object) -> None:
    if value is not None:
        check_digest(instance, attribute, value)  # type: ignore[arg-type]  # the attribute is only passed on


@frozen(kw_only=True)
class FileEntry:
    """A file of a version.

    Args:
        path: Relative path, '/' between its parts.
        size: Bytes.
        sha256: SHA-256 of its bytes, lower-case hexadecimal.
    """

    path: str = field(validator=_check_path)
    size: int = field(validator=_check_size)
    sha256: str = field(validator=check_digest)


@frozen(kw_only=True)
class FileStat:
    """A file that a client means to register; its digest is known only once it has been read.

    Args:
        path: Relative path, '/' between its parts.
        size: Bytes.
        sha256: SHA-256 where the client has computed it.
    """

    path: str = field(validator=_check_path)
    size: int = field(validator=_check_size)
    sha256: str | None = field(default=None, validator=_check_optional_digest)


@frozen(kw_only=True)
class Manifest:
    """All files of a version, ordered by path.

    Args:
        files: The files; no path twice, and none that is also a folder of another.
    """

    files: tuple[FileEntry, ...] = field()

    @files.validator
    def _check(self, _: Attribute[tuple[FileEntry, ...]], files: tuple[FileEntry, ...]) -> None:
        if not 1 <= len(files) <= MAX_FILES:
            raise InvalidArgumentError(f"A version has 1 to {MAX_FILES} files, not {len(files)}.")
        paths = [entry.path for entry in files]
        if paths != sorted(set(paths)):
            raise InvalidArgumentError(
                "The files of a manifest are ordered by path, each path once.", hint="Use Manifest.of(files)."
            )
        known = set(paths)
        for path in paths:
            head, slash, _tail = path.rpartition("/")
            while slash:
                if head in known:
                    raise InvalidArgumentError(f"{head!r} is both a file and a folder of the manifest.")
                head, slash, _tail = head.rpartition("/")

    @classmethod
    def of(cls, files: list[FileEntry] | tuple[FileEntry, ...]) -> Manifest:
        """Return the manifest of these files, ordered; raises InvalidArgumentError for a path given twice."""
        return cls(files=tuple(sorted(files, key=lambda entry: entry.path)))

    @property
    def total_size(self) -> int:
        """Bytes of all files."""
        return sum(entry.size for entry in self.files)

    def get(self, path: str) -> FileEntry | None:
        """Return the file at that path, if there is one."""
        return next((entry for entry in self.files if entry.path == path), None)
