"""What the dict model remembers, and how it finds things: plain Python objects, no rules of any verb."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from datetime import datetime

from attrs import define, field, frozen

from herdbook.errors import InvalidArgumentError, NotFoundError, RegistryError
from herdbook.verdicts import SecurableKind

METASTORE, CATALOG, SCHEMA = SecurableKind.METASTORE, SecurableKind.CATALOG, SecurableKind.SCHEMA
MODEL = SecurableKind.REGISTERED_MODEL
LEVELS = {METASTORE: 0, CATALOG: 1, SCHEMA: 2, MODEL: 3}
KINDS = (METASTORE, CATALOG, SCHEMA, MODEL)
PENDING, READY, FAILED = "PENDING_REGISTRATION", "READY", "FAILED_REGISTRATION"
DAY_MS = 24 * 3600 * 1000
_LEVEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,254}")
_TAG_KEY = re.compile(r"[A-Za-z0-9_./: -]{1,250}")
_RESERVED_ALIAS = re.compile(r"(?i)latest|v[0-9]+")


class Refused(Exception):  # noqa: N818 an answer of the model, not an error of its own
    """The verb is refused, with one of these errors."""

    def __init__(self, errors: Collection[type[RegistryError]]) -> None:
        super().__init__(", ".join(sorted(error.__name__ for error in errors)))
        self.errors = frozenset(errors)


def refuse(*reasons: tuple[object, type[RegistryError]]) -> None:
    """Refuse a verb if any reason holds; where several do and no contract orders them, any of their errors will do."""
    errors = {error for holds, error in reasons if holds}
    if errors:
        raise Refused(errors)


def together(*checks: Callable[[], object]) -> None:
    """Make all checks; where several refuse, any of their errors will do."""
    errors: set[type[RegistryError]] = set()
    for check in checks:
        try:
            check()
        except Refused as refused:
            errors |= refused.errors
    if errors:
        raise Refused(errors)


@frozen(kw_only=True)
class Change:
    """What an admitted verb does beside its answer.

    Args:
        audited: How many audit rows it writes: one for each change, none where nothing changes.
        raises: The error that it ends with although it changed something.
    """

    audited: int = 0
    raises: type[RegistryError] | None = None


@define(eq=False, kw_only=True)
class Assignment:
    """That an alias points, or pointed, to a version."""

    alias: str
    version: Version
    valid_from: datetime
    valid_to: datetime | None = None
    reason: str | None = None


@define(eq=False, kw_only=True)
class Version:
    """A version of a model."""

    id: str
    model: Thing
    number: int
    status: str = PENDING
    comment: str | None = None
    run_id: str | None = None
    tags: dict[str, str] = field(factory=dict)
    parents: list[Version] = field(factory=list)
    files: dict[str, bytes] = field(factory=dict)
    sent: dict[str, bytes] = field(factory=dict)
    touched_ms: float = 0
    row_version: int = 1
    trashed: bool = False
    purged: bool = False

    @property
    def name(self) -> str:
        """Its reference, `CATALOG.SCHEMA.MODEL/NUMBER`."""
        return f"{self.model.name}/{self.number}"

    @property
    def live(self) -> bool:
        """Whether it can be found under its name."""
        return self.model.live and not self.trashed


@define(eq=False, kw_only=True)
class Thing:
    """The metastore, a catalog, a schema or a registered model.

    Args:
        level: The last level of its name, as written.
        mine: Whether the machine's caller owns it.
        gone_with: What was deleted when it went to the trash: itself or a container; None while it is live.
    """

    id: str
    kind: SecurableKind
    level: str = ""
    parent: Thing | None = None
    children: list[Thing] = field(factory=list)
    comment: str | None = None
    mine: bool = True
    row_version: int = 1
    gone_with: Thing | None = None
    tags: dict[str, str] = field(factory=dict)
    versions: list[Version] = field(factory=list)
    history: dict[str, list[Assignment]] = field(factory=dict)

    @property
    def live(self) -> bool:
        """Whether it can be found under its name."""
        return self.gone_with is None

    @property
    def path(self) -> list[Thing]:
        """The thing and what it lies in, without the metastore."""
        return [] if self.parent is None else [*self.parent.path, self]

    @property
    def name(self) -> str:
        """Its full name as written."""
        return ".".join(thing.level for thing in self.path) or "metastore:"

    @property
    def full(self) -> bool:
        """Whether the caller has an owner's rights on it: it owns it, and the catalog, and so passes the gates."""
        return self.mine and (self.kind is METASTORE or self.path[0].mine)

    @property
    def last_number(self) -> int:
        """The highest number that a version of it ever had."""
        return max((version.number for version in self.versions), default=0)

    @property
    def inside(self) -> Iterator[Thing]:
        """Everything in it, at any depth."""
        for child in self.children:
            yield child
            yield from child.inside

    @property
    def aliases(self) -> dict[str, Assignment]:
        """Folded alias -> where it points to now, in order."""
        return {
            key: entries[-1]
            for key, entries in sorted(self.history.items())
            if entries and entries[-1].valid_to is None
        }

    def child(self, level: str) -> Thing | None:
        """Return the live child of that name, in whatever case."""
        return next((c for c in self.children if c.live and c.level.lower() == level.lower()), None)


class State:
    """All that the model remembers."""

    def __init__(self, me: str, now_ms: float) -> None:
        self.me = me
        self.now_ms = now_ms
        self.root = Thing(id="", kind=METASTORE)
        self.keys: dict[tuple[str, str], tuple[object, object, float]] = {}

    def live(self, kind: SecurableKind) -> list[Thing]:
        """Return the live things of a kind, by folded name."""
        return sorted((t for t in self.root.inside if t.live and t.kind is kind), key=lambda t: t.name.lower())

    @property
    def versions(self) -> Iterator[Version]:
        """Every version there ever was of a model that was not purged."""
        for thing in self.root.inside:
            yield from thing.versions

    def find(self, kind: SecurableKind, name: str) -> Thing:
        """Return a live thing by name; refuses bad names and names of nothing."""
        levels = parse(kind, name)
        thing: Thing | None = self.root
        for level in levels:
            thing = None if thing is None else thing.child(level)
        if thing is None:
            raise Refused([NotFoundError])
        return thing

    def find_version(self, ref: str) -> Version:
        """Return a live version by reference, or by `MODEL/latest`."""
        name, number = parse_version(ref)
        model = self.find(MODEL, name)
        if number == "latest":
            ready = [v for v in model.versions if v.status == READY and not v.trashed]
            refuse((not ready, NotFoundError))
            return ready[-1]
        found = [v for v in model.versions if v.number == int(number) and not v.trashed]
        refuse((not found, NotFoundError))
        return found[0]

    def holders(self, data: bytes) -> bool:
        """Return whether a READY version that the caller may execute holds these bytes."""
        return any(v.live and v.status == READY and v.model.full and data in v.files.values() for v in self.versions)


def parse(kind: SecurableKind, name: str) -> list[str]:
    """Return the levels of a name; refuses what is none."""
    levels = name.split(".")
    good = len(levels) == LEVELS[kind] and all(_LEVEL.fullmatch(level) for level in levels)
    refuse((not good, InvalidArgumentError))
    return levels


def parse_version(ref: str) -> tuple[str, str]:
    """Return model and number of a reference; refuses what is none."""
    name, _, number = ref.partition("/")
    parse(MODEL, name)
    refuse((number != "latest" and re.fullmatch(r"[1-9][0-9]*", number) is None, InvalidArgumentError))
    return name, number


def parse_new(kind: SecurableKind, name: str) -> list[str]:
    """Return the levels of a name that something is to get; the prefix `__mlf_` is reserved."""
    levels = parse(kind, name)
    refuse((levels[-1].lower().startswith("__mlf_"), InvalidArgumentError))
    return levels


def parse_alias(ref: str) -> tuple[str, str]:
    """Return model and alias of a slot; refuses what is none."""
    name, _, alias = ref.partition("@")
    parse(MODEL, name)
    good = _LEVEL.fullmatch(alias) is not None and _RESERVED_ALIAS.fullmatch(alias) is None
    refuse((not good, InvalidArgumentError))
    return name, alias


def check_tags(tags: dict[str, str] | None) -> None:
    """Refuse tags with a bad key."""
    refuse((any(_TAG_KEY.fullmatch(key) is None for key in tags or {}), InvalidArgumentError))
