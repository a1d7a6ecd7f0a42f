"""What a plugin hands over at start-up: frozen, named values that are called later by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from attrs import Attribute, field, frozen, has

from herdbook.entities import ModelDescription, ModelVersion
from herdbook.errors import PluginContractError
from herdbook.names import ModelName, PrincipalName
from herdbook.ports.artifacts import ArtifactStore
from herdbook.ports.identity import IdentityProvider
from herdbook.ports.metadata import MetadataStore
from herdbook.ports.registry import Registry

_TARGET = re.compile(r"\w+(\.\w+)*:\w+(\.\w+)*")


def _wrong(instance: object, attribute: Attribute[Any], value: object, wanted: str) -> PluginContractError:
    return PluginContractError(f"{type(instance).__name__}.{attribute.name} must be {wanted}, not {value!r}")


def _is_text(instance: object, attribute: Attribute[Any], value: object) -> None:
    if not isinstance(value, str) or not value:
        raise _wrong(instance, attribute, value, "text")


def _is_whole(instance: object, attribute: Attribute[Any], value: object) -> None:
    if type(value) is not int:
        raise _wrong(instance, attribute, value, "a whole number")


def _is_positive(instance: object, attribute: Attribute[Any], value: object) -> None:
    # `not >` refuses NaN too.
    if type(value) not in (int, float) or not value > 0:  # type: ignore[operator]  # the types are known by then
        raise _wrong(instance, attribute, value, "a number above 0")


def _is_callable(instance: object, attribute: Attribute[Any], value: object) -> None:
    if not callable(value):
        raise _wrong(instance, attribute, value, "a function")


def _is_callable_or_none(instance: object, attribute: Attribute[Any], value: object) -> None:
    if value is not None:
        _is_callable(instance, attribute, value)


def _is_attrs(instance: object, attribute: Attribute[Any], value: object) -> None:
    if value is not None and not (isinstance(value, type) and has(value)):
        raise _wrong(instance, attribute, value, "an attrs class or None")


def _is_importable_attrs(instance: object, attribute: Attribute[Any], value: object) -> None:
    _is_attrs(instance, attribute, value)
    if isinstance(value, type) and "<locals>" in value.__qualname__:
        raise _wrong(instance, attribute, value, "a class that its module can be asked for by name")


def _is_target(instance: object, attribute: Attribute[Any], value: object) -> None:
    if not isinstance(value, str) or _TARGET.fullmatch(value) is None:
        raise _wrong(instance, attribute, value, "'module:function'")


def _is_texts(instance: object, attribute: Attribute[Any], value: object) -> None:
    if not isinstance(value, tuple) or not all(isinstance(item, str) for item in value):
        raise _wrong(instance, attribute, value, "a tuple of text")


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

    name: str = field(validator=_is_text)
    open: Callable[[str, Any], ArtifactStore] = field(validator=_is_callable)
    options: type | None = field(default=None, validator=_is_attrs)
    install_hint: str = ""
    order: int = field(default=100, validator=_is_whole)


@frozen(kw_only=True)
class MetadataScheme:
    """A kind of metadata store, by the scheme of its URI (`sqlite`, `postgresql`).

    Args:
        open: Called with the URI and the options; returns a MetadataStore.
        upgrade: Called with the same, by `herdbook db upgrade`: brings what is stored to the newest schema and returns
            the schema that it had before and has now, as words; None: what is stored needs no upgrade.

    The other fields are those of ArtifactScheme.
    """

    name: str = field(validator=_is_text)
    open: Callable[[str, Any], MetadataStore] = field(validator=_is_callable)
    upgrade: Callable[[str, Any], tuple[str, str]] | None = field(default=None, validator=_is_callable_or_none)
    options: type | None = field(default=None, validator=_is_attrs)
    install_hint: str = ""
    order: int = field(default=100, validator=_is_whole)


@frozen(kw_only=True)
class Credentials:
    """Who is asking, and how to prove it, as `[registries.NAME]` and `connect` say.

    Args:
        token: A token; None asks without.
        ca_file: Certificates to trust, as a PEM file; None trusts the system's.
        principal: As whom to act; None is whoever asks. Only a scheme that `asserts` is given one.
    """

    token: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    principal: PrincipalName | None = None


@frozen(kw_only=True)
class RegistryScheme:
    """A kind of registry, by the scheme of its URI (`herdbook`, `http`, `uc`).

    Args:
        open: Called with the URI, credentials and options; returns a Registry that is bound to its caller.
        asserts: Whether who asks is asserted and not proved, so that a metastore admin can act as somebody else: then
            `open` honours `credentials.principal`, or refuses.

    The other fields are those of ArtifactScheme.
    """

    name: str = field(validator=_is_text)
    open: Callable[[str, Credentials, Any], Registry] = field(validator=_is_callable)
    asserts: bool = False
    options: type | None = field(default=None, validator=_is_attrs)
    install_hint: str = ""
    order: int = field(default=100, validator=_is_whole)


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

    name: str = field(validator=_is_text)
    version: str = field(validator=_is_text)
    target: str = field(validator=_is_target)
    params: type | None = field(default=None, validator=_is_importable_attrs)
    order: int = field(default=100, validator=_is_whole)
    timeout_s: float = field(default=30.0, validator=_is_positive)
    memory_mb: int = field(default=2048, validator=_is_positive)


@frozen(kw_only=True)
class IdentitySource:
    """Who proves whose bearer token a request shows.

    Args:
        open: Called with the options; returns an IdentityProvider.

    The other fields are those of ArtifactScheme.
    """

    name: str = field(validator=_is_text)
    open: Callable[[Any], IdentityProvider] = field(validator=_is_callable)
    options: type | None = field(default=None, validator=_is_attrs)
    install_hint: str = ""
    order: int = field(default=100, validator=_is_whole)


@frozen(kw_only=True)
class ModelLoader:
    """Turns a downloaded model into a live object.

    Args:
        name: The loader's name.
        flavors: The flavors that it can load.
        load: Called with the folder and the flavor (None: what suits the model best); returns the object.
        order: The first loader whose flavors meet the model's wins.
    """

    name: str = field(validator=_is_text)
    flavors: tuple[str, ...] = field(validator=_is_texts)
    load: Callable[[Path, str | None], Any] = field(validator=_is_callable)
    order: int = field(default=100, validator=_is_whole)
