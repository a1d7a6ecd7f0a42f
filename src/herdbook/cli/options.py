"""The options that every command takes, and the registry that they open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, TypeVar

from attrs import evolve, frozen
from cyclopts import Parameter, validators

from herdbook.entities import Page
from herdbook.ports.registry import Registry
from herdbook.settings import PluginSettings, Settings, load_settings

T = TypeVar("T")
PAGE = 1000

Limit = Annotated[int | None, Parameter(name="--max-results", validator=validators.Number(gte=1))]
"""How many things a list command shows; None is all."""


@Parameter(name="*")
@frozen(kw_only=True)
class Options:
    """Options of every command.

    Args:
        registry: The registry: a folder, a URI, or a name from herdbook.toml; the settings' registry_uri unless said.
        as_principal: Act as this principal, such as user:ann; for metastore admins, in an embedded registry.
        json: Answer in JSON, for programs.
        no_plugins: Use the built-in plugins alone.
    """

    registry: Annotated[str | None, Parameter(name=["--registry", "-r"])] = None
    as_principal: Annotated[str | None, Parameter(name="--as")] = None
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
    """Open the registry that the options name, which must be there, and close it afterwards.

    Raises:
        InvalidArgumentError: there is none in the folder: a mistyped path must not found one.
    """
    from herdbook.locations import check_founded, target_of  # noqa: PLC0415 as below

    settings = options.settings()
    check_founded(target_of(options.registry, settings)[0], settings)
    with opened_or_founded(options) as registry:
        yield registry


@contextmanager
def opened_or_founded(options: Options) -> Iterator[Registry]:
    """Open the registry that the options name, founding it where there is none, and close it afterwards."""
    from herdbook.bootstrap import open_registry  # noqa: PLC0415 `--help` needs no database

    with open_registry(options.registry, settings=options.settings(), principal=options.as_principal) as registry:
        yield registry


def every(fetch: Callable[[int, str | None], Page[T]], limit: int | None = None) -> list[T]:
    """Return the items of all pages, or the first ones.

    Args:
        fetch: Returns a page, given how many items it may hold and its token.
        limit: How many items; None is all.
    """
    items: list[T] = []
    token: str | None = None
    while True:
        page = fetch(PAGE if limit is None else min(PAGE, limit - len(items)), token)
        items += page.items
        token = page.next_page_token
        if token is None or len(items) == limit:
            return items
