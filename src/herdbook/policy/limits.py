"""Limits on text that callers hand in, refused with what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from attrs import frozen

from herdbook.entities import DatasetRef, ImportedFrom, Lineage
from herdbook.entities.files import MAX_FILES, FileEntry, FileStat
from herdbook.errors import InvalidArgumentError, TooLargeError
from herdbook.names import RESERVED_LEVEL_PREFIX, CatalogName, ModelName, SchemaName, VersionRef, fold

MAX_COMMENT = 100_000
MAX_REASON = 2_000
MAX_TAG_KEY = 250
MAX_TAG_VALUE = 100_000
MAX_TAGS = 200
MAX_LINEAGE_TEXT = 2_000
MAX_LINEAGE_ITEMS = 200
MAX_PAGE = 1_000
MAX_TOKEN_S = 366 * 24 * 3600
"""How long an API token may hold, in seconds."""
_TAG_KEY = re.compile(r"[/\w.\- :]+")
_ID = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)


@frozen(kw_only=True)
class FileLimits:
    """How much a version may hold; versions that are there already are not judged again.

    Args:
        max_files: Files of a version.
        max_file_bytes: Bytes of one file; None: as many as there is room for.
        max_version_bytes: Bytes of all files of a version; None: as many as there is room for.
    """

    max_files: int = MAX_FILES
    max_file_bytes: int | None = None
    max_version_bytes: int | None = None

    def check(self, files: Iterable[FileStat | FileEntry], *, beside: int = 0) -> None:
        """Refuse files that are too many, or too large, for one version; raises TooLargeError.

        Args:
            files: The files.
            beside: Bytes of further files of it that are on their way in.
        """
        by_path = {file.path: file.size for file in files}
        if len(by_path) > self.max_files:
            raise TooLargeError(
                f"A version has at most {self.max_files:,} files here, and these are {len(by_path):,}.",
                hint="Put small files together, as an archive or as shards.",
                limit=self.max_files,
            )
        if self.max_file_bytes is not None:
            for path, size in by_path.items():
                if size > self.max_file_bytes:
                    raise TooLargeError(
                        f"{path} has {size:,} bytes; a file has at most {self.max_file_bytes:,} here.",
                        hint="Split it, or ask whoever runs the registry for more (`version_limits.max_file_bytes`).",
                        limit=self.max_file_bytes,
                    )
        total = sum(by_path.values()) + beside
        if self.max_version_bytes is not None and total > self.max_version_bytes:
            raise TooLargeError(
                f"These files have {total:,} bytes; a version has at most {self.max_version_bytes:,} here.",
                hint="Leave out what nobody needs, or ask whoever runs the registry for more "
                "(`version_limits.max_version_bytes`).",
                limit=self.max_version_bytes,
            )


def check_comment(comment: str | None) -> None:
    """Refuse a comment that is no text, or too long."""
    _check_text("A comment", comment, MAX_COMMENT)


def check_reason(reason: str | None) -> None:
    """Refuse a reason that is no text, or too long."""
    _check_text("A reason", reason, MAX_REASON)


def check_idempotency_key(key: str | None) -> None:
    """Refuse a key that is not 1 to 255 visible ASCII characters."""
    if key is not None and (not isinstance(key, str) or _IDEMPOTENCY_KEY.fullmatch(key) is None):
        raise InvalidArgumentError(f"{key!r} is not an idempotency key: it is 1 to 255 visible ASCII characters.")


def check_id(text: str, *, shown_by: str = "list_deleted") -> None:
    """Refuse an id that no registry gives: not every database can even look for it.

    Args:
        text: The id.
        shown_by: The verb that shows such ids, for the advice.
    """
    if not isinstance(text, str) or _ID.fullmatch(text) is None:
        shown = repr(text) if isinstance(text, str) else type(text).__name__
        raise InvalidArgumentError(f"{shown[:100]} is not an id.", hint=f"`{shown_by}` shows the ids.")


def check_token_life(expires_in_s: float) -> None:
    """Refuse a token's life that is no number of seconds above 0, or too long."""
    # `not <` refuses NaN too.
    if type(expires_in_s) not in (int, float) or not 0 < expires_in_s <= MAX_TOKEN_S:
        raise InvalidArgumentError(
            f"expires_in_s is {expires_in_s!r}; it is a number of seconds above 0 and at most {MAX_TOKEN_S}.",
            hint="A token ends after 366 days at most; make the next one before that.",
        )


def check_tag(key: str, value: str) -> None:
    """Refuse a tag whose key or value is not acceptable."""
    if not isinstance(key, str) or _TAG_KEY.fullmatch(key) is None or len(key) > MAX_TAG_KEY:
        raise InvalidArgumentError(
            f"{key!r} is not a tag's key: it is 1 to {MAX_TAG_KEY} letters, digits, '_', '-', '.', ':', '/' and spaces."
        )
    if value is None:
        raise InvalidArgumentError(f"Tag {key!r} has no value.", hint="Give a text; an empty one is allowed.")
    _check_text(f"The value of tag {key!r}", value, MAX_TAG_VALUE)


def given_tags(tags: Mapping[str, str] | None) -> dict[str, str]:
    """Return tags as a dict of their own; raises InvalidArgumentError for what is no mapping."""
    if tags is not None and not isinstance(tags, Mapping):
        raise InvalidArgumentError(f"{type(tags).__name__} is not a mapping of tags.")
    return dict(tags or {})


def check_tags(tags: Mapping[str, str]) -> None:
    """Refuse tags that are too many or not acceptable."""
    if len(tags) > MAX_TAGS:
        raise TooLargeError(f"{len(tags)} tags are too many at once; at most {MAX_TAGS}.")
    for key, value in tags.items():
        check_tag(key, value)


def check_lineage(lineage: Lineage) -> None:
    """Refuse lineage with too much text or too many items."""
    if not isinstance(lineage, Lineage):
        raise InvalidArgumentError(f"{type(lineage).__name__} is not a Lineage.")
    if lineage.hidden_parents:
        raise InvalidArgumentError("hidden_parents is counted by the registry.", hint="Leave it out.")
    _check_shape(lineage)
    texts = [
        lineage.source,
        lineage.run_id,
        lineage.experiment_id,
        lineage.logged_model_id,
        lineage.notebook,
        lineage.job,
        lineage.code_commit,
        lineage.code_repository,
        *lineage.environment,
        *lineage.environment.values(),
    ]
    for dataset in lineage.datasets:
        texts += _dataset_texts(dataset)
    for origin in lineage.imported:
        texts += [origin.ref, origin.version_id, origin.registry, origin.author, origin.archive, *origin.parents]
    for text in texts:
        _check_text("A lineage entry", text, MAX_LINEAGE_TEXT)
    counts = [len(lineage.datasets), len(lineage.parents), len(lineage.environment), len(lineage.imported)]
    for count in (*counts, *(len(origin.parents) for origin in lineage.imported)):
        if count > MAX_LINEAGE_ITEMS:
            raise TooLargeError(f"{count} lineage entries of one kind are too many; at most {MAX_LINEAGE_ITEMS}.")


def check_new_level(name: CatalogName | SchemaName | ModelName) -> None:
    """Refuse to create a name whose last level is reserved."""
    last = str(name).rpartition(".")[2]
    if fold(last).startswith(RESERVED_LEVEL_PREFIX):
        raise InvalidArgumentError(
            f"{last!r} begins with {RESERVED_LEVEL_PREFIX!r}, which is reserved.", hint="Choose another name."
        )


def check_range(offset: int, length: int | None) -> None:
    """Refuse what is no range of bytes; whether it lies in a file is known where the file is."""
    for what, value in (("offset", offset), ("length", length)):
        if type(value) is not int and (what == "offset" or value is not None):
            raise InvalidArgumentError(f"{what} is {value!r}; it is a whole number of bytes.")


def check_max_results(max_results: int) -> None:
    """Refuse a page size outside 1 to 1000."""
    if type(max_results) is not int or not 1 <= max_results <= MAX_PAGE:
        raise InvalidArgumentError(f"max_results is {max_results!r}; it is a whole number from 1 to {MAX_PAGE}.")


def _check_shape(lineage: Lineage) -> None:
    """Refuse parts of lineage that are not of their kind."""
    if not isinstance(lineage.environment, Mapping):
        raise InvalidArgumentError(f"lineage.environment is a mapping, not {str(lineage.environment)[:100]!r}.")
    for name, kind in (("parents", VersionRef), ("datasets", DatasetRef), ("imported", ImportedFrom)):
        found = getattr(lineage, name)
        if not isinstance(found, tuple | list) or not all(isinstance(item, kind) for item in found):
            raise InvalidArgumentError(f"lineage.{name} is a tuple of {kind.__name__}, not {str(found)[:100]!r}.")


def _dataset_texts(dataset: DatasetRef) -> list[str | None]:
    return [dataset.name, dataset.digest, dataset.source, dataset.context]


def _check_text(what: str, text: str | None, limit: int) -> None:
    if text is None:
        return
    if not isinstance(text, str):
        raise InvalidArgumentError(f"{what} is text, not {text!r}.")
    if len(text) > limit:
        raise TooLargeError(f"{what} has {len(text):,} characters; at most {limit:,}.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidArgumentError(f"{what} has a character that is not valid Unicode.") from error
    if "\x00" in text:
        raise InvalidArgumentError(f"{what} has a NUL character.", hint="Remove it.")
