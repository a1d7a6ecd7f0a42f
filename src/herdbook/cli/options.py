"""The options that every command takes, and the registry that they open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, TypeVar

from attrs import evolve, frozen
from cyclopts import Parameter

from herdbook.entities import Page
from herdbook.ports.registry import Registry
from herdbook.settings import PluginSettings, Settings, load_settings

T = TypeVar("T")


@Parameter(name="*")
@frozen(kw_only=True)
class Options:
    """Options of every command.

    Args:
        registry: The registry: a folder, a URI, or a name from herdbook.toml.
        json: Answer in JSON, for programs.
        no_plugins: Use the built-in plugins alone.
    """

    registry: Annotated[str | None, Parameter(name=["--registry", "-r"])] = None
    json: Annotated[bool, Parameter(negative="")] = False
    no_plugins: Annotated[bool, Parameter(negative="")] = False

    def settings(self) -> Settings:
        """Return the settings, with what was said here."""
        settings = load_settings()
        if not self.no_plugins:
            return settings
        return evolve(settings, plugins=PluginSettings(enabled=False))


DEFAULT = Options()


@contextmanager
def opened(options: Options) -> Iterator[Registry]:
    """Open the registry that the options name, and close it afterwards."""
    from herdbook.bootstrap import open_registry  # noqa: PLC0415 `--help` needs no database

    with open_registry(options.registry, settings=options.settings()) as registry:
        yield registry


def every(fetch: Callable[[str | None], Page[T]]) -> list[T]:
    """Return the items of all pages."""
    items: list[T] = []
    token: str | None = None
    while True:
        page = fetch(token)
        items += page.items
        token = page.next_page_token
        if token is None:
            return items
