"""What a plugin hands over at start-up: frozen, named values that are called later by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from attrs import field, frozen

from herdbook.entities import ModelDescription, ModelVersion
from herdbook.names import ModelName
from herdbook.ports.artifacts import ArtifactStore
from herdbook.ports.metadata import MetadataStore
from herdbook.ports.registry import Registry


@frozen(kw_only=True)
class ArtifactScheme:
    """A kind of place that keeps bytes, by the scheme of its URI.

    Args:
        name: The scheme, `file`.
        open: Called with the URI and the options; returns the opened store.
        options: The plugin's attrs type that `[plugins.NAME]` of herdbook.toml is structured into; None: no options.
        install_hint: What to install where the scheme cannot be opened.
        order: Position among contributions; equal orders go by name.
    """

    name: str
    open: Callable[[str, Any], ArtifactStore]
    options: type | None = None
    install_hint: str = ""
    order: int = 100


@frozen(kw_only=True)
class MetadataScheme:
    """A kind of metadata store, by the scheme of its URI (`sqlite`, `postgresql`).

    The fields are those of ArtifactScheme; `open` returns a MetadataStore.
    """

    name: str
    open: Callable[[str, Any], MetadataStore]
    options: type | None = None
    install_hint: str = ""
    order: int = 100


@frozen(kw_only=True)
class Credentials:
    """How to prove who is asking, as `[registries.NAME]` says.

    Args:
        token: A token; None asks without.
        ca_file: Certificates to trust, as a PEM file; None trusts the system's.
    """

    token: str | None = field(default=None, repr=False)
    ca_file: Path | None = None


@frozen(kw_only=True)
class RegistryScheme:
    """A kind of registry, by the scheme of its URI (`herdbook`, `http`, `uc`).

    Args:
        open: Called with the URI, credentials and options; returns a Registry that is bound to its caller.

    The other fields are those of ArtifactScheme.
    """

    name: str
    open: Callable[[str, Credentials, Any], Registry]
    options: type | None = None
    install_hint: str = ""
    order: int = 100


class CandidateFile(Protocol):
    """One file of a candidate, read-only."""

    @property
    def size(self) -> int:
        """Bytes."""
        ...

    @property
    def sha256(self) -> str:
        """SHA-256, lower-case hexadecimal."""
        ...

    def open(self) -> BinaryIO:
        """Open it for reading."""
        ...


@frozen(kw_only=True)
class Candidate:
    """A version that asks to be admitted, as a check sees it.

    Args:
        name: The model.
        version: The version.
        model: What its files say of it: flavors, signature, requirements.
        files: Path -> file.
    """

    name: ModelName
    version: ModelVersion
    model: ModelDescription
    files: Mapping[str, CandidateFile]

    def read_text(self, path: str, *, limit: int = 1_000_000) -> str | None:
        """Return a file's text (UTF-8, broken characters replaced), at most `limit` bytes; None where it is missing."""
        file = self.files.get(path)
        if file is None:
            return None
        with file.open() as stream:
            return stream.read(limit).decode("utf-8", "replace")

    def __iter__(self) -> Iterator[str]:
        return iter(self.files)


@frozen(kw_only=True)
class PreRegisterCheck:
    """A check that a rule can ask for; it runs in a process of its own, with limits.

    Args:
        name: What rules call it.
        version: Its version; recorded with each verdict.
        target: `module:function`; called as `function(candidate, params)`, returns Pass or Reject.
        params: The plugin's attrs type that a rule's `params` are structured into; None: no params.
        order: Checks run in this order; equal orders go by name.
        timeout_s: Seconds after which it counts as hung (the version stays pending, the caller gets a 503).
        memory_mb: Mebibytes of address space that it may use beyond what an idle process needs.
    """

    name: str
    version: str
    target: str
    params: type | None = None
    order: int = 100
    timeout_s: float = 30.0
    memory_mb: int = 2048


@frozen(kw_only=True)
class ModelLoader:
    """Turns a downloaded model into a live object.

    Args:
        name: The loader's name.
        flavors: The flavors that it can load.
        load: Called with the folder and the flavor (None: what suits the model best); returns the object.
        order: The first loader whose flavors meet the model's wins.
    """

    name: str
    flavors: tuple[str, ...]
    load: Callable[[Path, str | None], Any]
    order: int = 100
