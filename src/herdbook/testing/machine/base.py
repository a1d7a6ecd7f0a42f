"""The machine's bench: it asks registry and model the same, compares, and looks at everything now and then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from attrs import field, frozen
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

from herdbook.entities import Page
from herdbook.errors import RegistryError
from herdbook.ports.registry import Registry
from herdbook.testing.machine.labels import DictRegistry
from herdbook.testing.machine.shown import check_thing, check_version
from herdbook.testing.machine.state import (
    CATALOG,
    KINDS,
    LEVELS,
    METASTORE,
    MODEL,
    READY,
    SCHEMA,
    Change,
    Refused,
    Thing,
    Version,
)
from herdbook.testing.machine.tree import Verb
from herdbook.verdicts import SecurableKind

_POOL = (("main", "lab", "old"), ("default", "risk", "x"), ("iris", "churn", "fraud", "a", "b", "c"))
_BAD = ("", "a b", "__mlf_x", "x" * 256, "a.b", "-a", "a/b")
TAG_KEYS = ("team", "team", "team", "a key", "a key", "stage/x", "bad$")
COMMENTS = st.sampled_from((None, "", "one", "two ü"))
KEYS = st.sampled_from((None, None, None, "k1", "k2"))
SIZES = st.sampled_from((1, 2, 3, 1, 2, 1000, 1000, 1000, 0))
EXPECTED = st.sampled_from(("none", "none", "none", "right", "right", "stale"))
TAGS = st.dictionaries(st.sampled_from(TAG_KEYS), st.sampled_from(("", "1", "2")), max_size=2)


@frozen(kw_only=True)
class Want:
    """A name to be chosen when it is known what there is.

    Args:
        pick: Which of those that are there.
        miss: Whether to take the words instead, whether there is such a thing or not.
        words: The words.
        twist: Whether to write it in another case.
    """

    pick: int = 0
    miss: bool = False
    words: tuple[str, str, str] = ("main", "default", "iris")
    twist: bool = False


def _words(level: int) -> st.SearchStrategy[str]:
    return st.sampled_from(_POOL[level] * 20 + _BAD)


_RARELY = st.sampled_from((False,) * 9 + (True,))
WANTS = st.builds(
    Want, pick=st.integers(0, 7), miss=_RARELY, words=st.tuples(*(_words(level) for level in range(3))), twist=_RARELY
)
NEWS = st.builds(
    Want,
    pick=st.integers(0, 7),
    miss=st.just(True),
    words=st.tuples(*(_words(level) for level in range(3))),
    twist=st.booleans(),
)


def _nothing() -> None:
    return None


@frozen(kw_only=True)
class Bench:
    """A fresh registry under test.

    Args:
        registry: It, bound to its founder.
        other: The name of another principal that it knows.
        close: Ends it.
        now_ms: Its clock, in milliseconds since 1970.
        pass_time: Moves that clock by so many milliseconds; None where that cannot be done.
        audited: Counts its audit rows; None where that cannot be asked.
        examine: Raises AssertionError unless all is well behind the port.
    """

    registry: Registry
    close: Callable[[], None]
    now_ms: Callable[[], float]
    pass_time: Callable[[int], None] | None = None
    audited: Callable[[], int] | None = None
    examine: Callable[[], None] = field(default=_nothing)


class MachineBase(RuleBasedStateMachine):
    """Asks registry and model the same; the rules are in its subclasses."""

    asked: ClassVar[dict[str, int]] = {}
    """How often each verb was asked, by all machines of this process; a key `verb!` counts those refused."""

    look_every: ClassVar[int] = 5
    """After how many steps everything is compared."""

    def __init__(self) -> None:
        super().__init__()
        self.sound = False
        self.looked = 0
        self.bench = self.make()
        self.registry = self.bench.registry
        me = str(self.registry.get_current_principal().name)
        self.model = DictRegistry(me, self.bench.now_ms())

    def make(self) -> Bench:
        """Return a fresh registry; to be overridden."""
        raise NotImplementedError("override `make`")

    @initialize()
    def founded(self) -> None:
        """A new registry has `main.default` and nothing else."""
        catalog, schema = self.registry.get_catalog("main"), self.registry.get_schema("main.default")
        main = Thing(id=catalog.id, kind=CATALOG, level="main", parent=self.model.root)
        main.children.append(Thing(id=schema.id, kind=SCHEMA, level="default", parent=main))
        self.model.root.children.append(main)
        for kind, name in (
            (CATALOG, "lab"),
            (SCHEMA, "lab.risk"),
            (MODEL, "main.default.iris"),
            (MODEL, "lab.risk.iris"),
        ):
            made = getattr(self.registry, f"create_{kind.value.lower()}")(name)
            container = (
                self.model.root
                if kind is CATALOG
                else self.model.find(KINDS[LEVELS[kind] - 1], name.rpartition(".")[0])
            )
            container.children.append(Thing(id=made.id, kind=kind, level=name.rpartition(".")[2], parent=container))
        self.sound = True
        self.furnish()
        self.look()

    def furnish(self) -> None:
        """Do what most rules need to have been done."""

    def do(self, verb: str, foreseen: Verb, ask: Callable[[Registry], Any]) -> None:
        """Ask the registry what the model has foreseen; their answers agree, or the machine has found something."""
        self.sound = False
        self.model.now_ms = self.bench.now_ms()
        before = None if self.bench.audited is None else self.bench.audited()
        refused: frozenset[type[RegistryError]] = frozenset()
        change = Change()
        try:
            change = next(foreseen)
        except Refused as answer:
            refused = answer.errors
        got = self._ask(verb, ask, refused if change.raises is None else frozenset({change.raises}))
        if not refused:
            for _ in _rest(foreseen, got):
                raise AssertionError("a verb of the model yields once")
        if before is not None and self.bench.audited is not None:
            assert self.bench.audited() - before == change.audited, f"audit rows of {verb}"
        self.sound = True

    def _ask(self, verb: str, ask: Callable[[Registry], Any], errors: frozenset[type[RegistryError]]) -> Any:
        self.asked[verb] = self.asked.get(verb, 0) + 1
        names = " or ".join(sorted(error.__name__ for error in errors))
        try:
            got = ask(self.registry)
        except RegistryError as error:
            assert errors, f"{verb} was refused, though nothing is wrong with it: {type(error).__name__}: {error}"
            assert type(error) in errors, f"{verb} raised {type(error).__name__}, not {names}: {error}"
            self.asked[f"{verb}!"] = self.asked.get(f"{verb}!", 0) + 1
            return None
        assert not errors, f"{verb} went through, though it is to raise {names}"
        return got

    @invariant()
    def now_and_then(self) -> None:
        """Look at everything after some steps."""
        self.looked += 1
        if self.sound and self.looked % self.look_every == 0:
            self.look()

    def teardown(self) -> None:
        """Look once more, and end the registry."""
        try:
            if self.sound:
                self.look()
        finally:
            self.bench.close()

    def look(self) -> None:
        """Compare all that can be seen with all that is remembered."""
        size = (1, 2, 3, 1000)[self.looked // self.look_every % 4]
        registry, model = self.registry, self.model
        self.same_things(model.root, pages(registry.list_catalogs, max_results=size))
        for catalog in model.live(CATALOG):
            self.same_things(catalog, pages(registry.list_schemas, catalog.name, max_results=size))
        for schema in model.live(SCHEMA):
            self.same_things(schema, pages(registry.list_registered_models, schema.name, max_results=size))
        for thing in model.live(MODEL):
            self.look_at_model(thing, size)
        deleted = pages(registry.list_deleted, "metastore:", max_results=size)
        assert {(item.kind.value, item.id, item.name) for item in deleted} == model.deleted(model.root)
        assert len(deleted) == len(model.deleted(model.root))
        order = [(item.deleted_at, item.id) for item in deleted]
        assert order == sorted(order, reverse=True), "the trash is listed newest first"
        self.bench.examine()

    def same_things(self, container: Thing, shown: list[Any]) -> None:
        """Compare a container's children with those that are listed."""
        children = sorted((c for c in container.children if c.live), key=lambda c: c.level.lower())
        assert [str(item.name) for item in shown] == [child.name for child in children]
        for child, item in zip(children, shown, strict=True):
            check_thing(self.model, child, item)

    def look_at_model(self, thing: Thing, size: int) -> None:
        """Compare a model's versions, files and bytes, aliases and their past."""
        registry, name = self.registry, thing.name
        versions = [v for v in reversed(thing.versions) if not v.trashed]
        shown = pages(registry.list_model_versions, name, max_results=size)
        assert [item.version for item in shown] == [v.number for v in versions]
        for version, item in zip(versions, shown, strict=True):
            check_version(self.model, version, item)
            if version.status == READY and thing.full:
                self.look_at_files(version, size)
        assert len(registry.list_registered_model_aliases(name)) == len(thing.aliases)
        for key, entries in thing.history.items():
            past = pages(registry.list_alias_history, f"{name}@{key}", max_results=size)
            assert len(past) == len(entries)
            for entry, item in zip(entries, reversed(past), strict=True):
                self.model.check_entry(entry, item)

    def look_at_files(self, version: Version, size: int) -> None:
        """Read every byte of a version."""
        ref = version.name
        listed = pages(self.registry.list_model_version_files, ref, max_results=size)
        read = {file.path: b"".join(self.registry.read_model_version_file(ref, file.path)) for file in listed}
        assert read == version.files

    def name(self, kind: SecurableKind, want: Want) -> str:
        """Return the name that is wanted, given what there is."""
        if kind is METASTORE:
            return "metastore:"
        live = [] if want.miss else self.model.live(kind)
        name = live[want.pick % len(live)].name if live else ".".join(want.words[: LEVELS[kind]])
        return name.swapcase() if want.twist else name

    def new_name(self, kind: SecurableKind, container: Want, new: Want) -> str:
        """Return a name for something new in a container."""
        level = new.words[LEVELS[kind] - 1]
        level = level.swapcase() if new.twist else level
        above = KINDS[LEVELS[kind] - 1]
        return level if above is METASTORE else f"{self.name(above, container)}.{level}"

    def ref(self, want: Want, number: int) -> str:
        """Return a reference to a version that is there, or to a number of a model."""
        live = [v for v in self.model.versions if v.live]
        if live and not want.miss:
            name = live[-1 - want.pick % len(live)].name
            return name.swapcase() if want.twist else name
        name = self.name(MODEL, want)
        return f"{name}/latest" if number == 0 else f"{name}/{number}"

    def row_version(self, mode: str, find: Callable[[], Thing | Version]) -> int | None:
        """Return what to expect: nothing, the row version of now, or another."""
        if mode == "none":
            return None
        try:
            now = find().row_version
        except Refused:
            return 1
        return now if mode == "right" else now + 1


def pages(page: Callable[..., Page[Any]], *about: object, **query: object) -> list[Any]:
    """Return what all pages of a list verb hold."""
    found: list[Any] = []
    token = None
    while True:
        got = page(*about, page_token=token, **query)
        found += got.items
        token = got.next_page_token
        if token is None:
            return found
        assert got.items, "a page with another behind it is not empty"


def _rest(foreseen: Verb, answer: Any) -> Verb:
    try:
        yield foreseen.send(answer)
    except StopIteration:
        return
