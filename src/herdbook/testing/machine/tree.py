"""The dict model of catalogs, schemas and registered models: what each verb refuses, and what it changes.

Before its `yield` a verb says whether it is refused; behind it, it takes the registry's answer, changes what is
remembered, and compares.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from herdbook.errors import (
    AlreadyExistsError,
    ConcurrentUpdateError,
    ConflictError,
    InvalidArgumentError,
    NotEmptyError,
    NotFoundError,
    PermissionDeniedError,
    RuleViolationError,
)
from herdbook.testing.machine.shown import check_page, check_thing
from herdbook.testing.machine.state import (
    CATALOG,
    DAY_MS,
    FAILED,
    KINDS,
    LEVELS,
    METASTORE,
    MODEL,
    SCHEMA,
    Change,
    Refused,
    State,
    Thing,
    check_tags,
    parse,
    parse_new,
    refuse,
)
from herdbook.verdicts import SecurableKind

Verb = Generator[Change, Any, None]
OTHER = "user:os/other"


class TreeModel(State):
    """The verbs over catalogs, schemas and registered models."""

    def create(
        self, kind: SecurableKind, name: str, comment: str | None, tags: dict[str, str], key: str | None
    ) -> Verb:
        """Create a catalog, schema or registered model."""
        levels = parse_new(kind, name)
        check_tags(tags)
        above = KINDS[LEVELS[kind] - 1]
        container = self.root if above is METASTORE else self.find(above, ".".join(levels[:-1]))
        taken = container.child(levels[-1])
        refuse((not container.full and taken is not None, AlreadyExistsError))
        refuse((not container.full, PermissionDeniedError))
        verb = f"create_{kind.value.lower()}"
        repeated = self.repeated(verb, key, (name, comment, tags))
        if repeated is not None:
            assert (yield Change()) == repeated, "a repeated create answers as the first did"
            return
        refuse((taken is not None, AlreadyExistsError))
        answer = yield Change(audited=1)
        made = Thing(id=answer.id, kind=kind, level=levels[-1], parent=container, comment=comment, tags=dict(tags))
        assert all(made.id != other.id for other in self.root.inside), "an id stands for one thing"
        container.children.append(made)
        self.remember(verb, key, (name, comment, tags), answer)
        check_thing(self, made, answer)

    def update(self, kind: SecurableKind, name: str, comment: str | None, expected: int | None) -> Verb:
        """Replace a comment."""
        thing = self.find(kind, name)
        refuse((kind is MODEL and not thing.full, PermissionDeniedError))
        refuse((expected not in (None, thing.row_version), ConcurrentUpdateError))
        answer = yield Change(audited=1)
        thing.comment = comment
        thing.row_version += 1
        check_thing(self, thing, answer)

    def rename(self, kind: SecurableKind, name: str, new_name: str, expected: int | None) -> Verb:
        """Rename (R10)."""
        old, new = parse(kind, name), parse_new(kind, new_name)
        refuse((old[:-1] != new[:-1] and _fold(old[:-1]) != _fold(new[:-1]), InvalidArgumentError))
        thing = self.find(kind, name)
        assert thing.parent is not None
        holder = thing.parent.child(new[-1])
        refuse(
            (expected not in (None, thing.row_version), ConcurrentUpdateError),
            (holder not in (None, thing), AlreadyExistsError),
            (holder in (None, thing) and not thing.parent.full, PermissionDeniedError),
        )
        same = thing.level == new[-1]
        answer = yield Change(audited=0 if same else 1)
        thing.level = new[-1]
        thing.row_version += 0 if same else 1
        check_thing(self, thing, answer)

    def delete(self, kind: SecurableKind, name: str, force: bool, expected: int | None) -> Verb:
        """Move to the trash; versions that failed are nothing that `force` has to be given for."""
        thing = self.find(kind, name)
        inside = [thing, *(child for child in thing.inside if child.live)]
        holds = len(inside) > 1 or any(not v.trashed and v.status != FAILED for v in thing.versions)
        refuse(
            (expected not in (None, thing.row_version), ConcurrentUpdateError),
            (holds and not force, NotEmptyError),
            (holds and force and any(child.aliases for child in inside), RuleViolationError),
        )
        assert (yield Change(audited=1)) is None
        for child in inside:
            child.gone_with = thing
        thing.row_version += 1

    def restore(self, kind: SecurableKind, thing_id: str, new_name: str | None) -> Verb:
        """Bring back from the trash (R31)."""
        new = None if new_name is None else parse_new(kind, new_name)
        thing = self.trashed(kind, thing_id)
        assert thing.parent is not None
        level = thing.level if new is None else new[-1]
        moved = new is not None and _fold(new[:-1]) != _fold(thing.parent.name.split(".") if LEVELS[kind] > 1 else [])
        holder = thing.parent.child(level)
        refuse(
            (moved, InvalidArgumentError),
            (not thing.parent.live, ConflictError),
            (thing.parent.live and holder is not None, AlreadyExistsError),
            (holder is None and not thing.parent.full, PermissionDeniedError),
        )
        answer = yield Change(audited=1)
        thing.row_version += 1 if thing.level == level else 2
        thing.level = level
        for child in (thing, *thing.inside):
            if child.gone_with is thing:
                child.gone_with = None
        check_thing(self, thing, answer)

    def purge(self, kind: SecurableKind, thing_id: str) -> Verb:
        """Remove from the trash for good."""
        thing = self.trashed(kind, thing_id)
        assert thing.parent is not None
        assert (yield Change(audited=1)) is None
        thing.parent.children.remove(thing)
        for child in (thing, *thing.inside):
            for version in child.versions:
                version.trashed = version.purged = True

    def get(self, kind: SecurableKind, name: str) -> Verb:
        """Look at one."""
        thing = self.find(kind, name)
        check_thing(self, thing, (yield Change()))

    def list_children(self, kind: SecurableKind, name: str, max_results: int) -> Verb:
        """List the children of a container, by name."""
        refuse((not 1 <= max_results <= 1000, InvalidArgumentError))
        container = self.root if kind is METASTORE else self.find(kind, name)
        children = sorted((c for c in container.children if c.live), key=lambda c: c.level.lower())
        answer = yield Change()
        check_page(answer, len(children), max_results)
        for child, item in zip(children, answer.items, strict=False):
            check_thing(self, child, item)

    def list_deleted(self, securable: str, max_results: int) -> Verb:
        """List what was deleted by itself from live containers."""
        refuse((not 1 <= max_results <= 1000, InvalidArgumentError))
        container = self.securable(securable)
        deleted = self.deleted(container)
        answer = yield Change()
        check_page(answer, len(deleted), max_results)
        items = answer.items
        assert {(item.kind.value, item.id, item.name) for item in items} <= deleted
        assert len(items) == len({item.id for item in items})
        order = [(item.deleted_at, item.id) for item in items]
        assert order == sorted(order, reverse=True), "the newest first"

    def transfer_ownership(self, securable: str, to: str, expected_owner: str | None = None) -> Verb:
        """Give to another owner (R23)."""
        thing = self.securable(securable)
        owner = self.me if thing.mine else OTHER
        refuse(
            (thing.kind is METASTORE or to.startswith("role:"), InvalidArgumentError),
            (to not in (self.me, OTHER) and not to.startswith("role:"), NotFoundError),
            (expected_owner is not None and expected_owner != owner, ConcurrentUpdateError),
        )
        assert (yield Change(audited=0 if to == owner else 1)) is None
        thing.row_version += 0 if to == owner else 1
        thing.mine = to == self.me

    def securable(self, name: str) -> Thing:
        """Return what a name stands for, whatever its kind."""
        if name == "metastore:":
            return self.root
        levels = name.count(".") + 1
        refuse((levels >= len(KINDS), InvalidArgumentError))
        return self.find(KINDS[levels], name)

    def trashed(self, kind: SecurableKind, thing_id: str) -> Thing:
        """Return a thing in the trash by its id."""
        for thing in self.root.inside:
            if thing.id == thing_id and thing.kind is kind and not thing.live:
                return thing
        raise Refused([NotFoundError])

    def deleted(self, container: Thing) -> set[tuple[str, str, str]]:
        """Return kind, id and name of all that was deleted by itself from what is live in a container, or is it."""
        found = set()
        for thing in (container, *container.inside):
            if thing is not container and thing.gone_with is thing and thing.parent is not None and thing.parent.live:
                found.add((thing.kind.value, thing.id, thing.name))
            if thing.live:
                found |= {("MODEL_VERSION", v.id, v.name) for v in thing.versions if v.trashed and not v.purged}
        return found

    def repeated(self, verb: str, key: str | None, request: object) -> object:
        """Return what the same request with the same key was answered; refuses the key of another request."""
        kept = self.keys.get((verb, key or ""))
        if key is None or kept is None or self.now_ms >= kept[2]:
            return None
        refuse((kept[0] != request, ConflictError))
        return kept[1]

    def remember(self, verb: str, key: str | None, request: object, answer: object) -> None:
        """Keep an answer for a day."""
        if key is not None:
            self.keys[verb, key] = (request, answer, self.now_ms + DAY_MS)


def _fold(levels: list[str]) -> list[str]:
    return [level.lower() for level in levels]


def children_kind(kind: SecurableKind) -> SecurableKind:
    """Return the kind of what lies directly in a container."""
    return {METASTORE: CATALOG, CATALOG: SCHEMA, SCHEMA: MODEL}[kind]
