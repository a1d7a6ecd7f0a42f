"""The machine's rules over catalogs, schemas, registered models, the trash and owners."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from herdbook.testing.machine.base import COMMENTS, EXPECTED, KEYS, NEWS, SIZES, TAGS, WANTS, MachineBase, Want
from herdbook.testing.machine.shown import OTHER
from herdbook.testing.machine.state import CATALOG, KINDS, METASTORE, MODEL, SCHEMA
from herdbook.testing.machine.tree import children_kind
from herdbook.verdicts import SecurableKind

_KINDS = st.sampled_from((MODEL, SCHEMA, CATALOG, MODEL, SCHEMA, MODEL))
_CONTAINERS = st.sampled_from((METASTORE, CATALOG, SCHEMA))
_MOSTLY_MODELS = st.sampled_from((MODEL,) * 6 + (SCHEMA,) * 3 + (CATALOG,))


class TreeRules(MachineBase):
    """Rules that make, change, remove and bring back what has names."""

    def furnish(self) -> None:
        """Have something of each kind in the trash."""
        super().furnish()
        for kind, name in ((CATALOG, "gone"), (SCHEMA, "main.gone"), (MODEL, "main.default.gone")):
            self._make(kind, name)
            self._delete(kind, name)

    @rule(kind=_KINDS, container=WANTS, new=NEWS, comment=COMMENTS, tags=TAGS, key=KEYS)
    def create(
        self,
        kind: SecurableKind,
        container: Want,
        new: Want,
        comment: str | None,
        tags: dict[str, str],
        key: str | None,
    ) -> None:
        """Create something."""
        self._make(kind, self.new_name(kind, container, new), comment, tags if kind is MODEL else {}, key)

    def _make(
        self,
        kind: SecurableKind,
        name: str,
        comment: str | None = None,
        tags: dict[str, str] = {},  # noqa: B006 nobody changes it
        key: str | None = None,
    ) -> None:
        verb = f"create_{kind.value.lower()}"
        more = {"tags": tags} if kind is MODEL else {}
        self.do(
            verb,
            self.model.create(kind, name, comment, tags, key),
            lambda r: getattr(r, verb)(name, comment=comment, idempotency_key=key, **more),
        )

    @rule(kind=_KINDS, want=WANTS)
    def get(self, kind: SecurableKind, want: Want) -> None:
        """Look at something."""
        name, verb = self.name(kind, want), f"get_{kind.value.lower()}"
        self.do(verb, self.model.get(kind, name), lambda r: getattr(r, verb)(name))

    @rule(kind=_CONTAINERS, want=WANTS, size=SIZES)
    def list_children(self, kind: SecurableKind, want: Want, size: int) -> None:
        """List what lies in a container."""
        name, verb = self.name(kind, want), f"list_{children_kind(kind).value.lower()}s"
        arguments = () if kind is METASTORE else (name,)
        self.do(
            verb,
            self.model.list_children(kind, name, size),
            lambda r: getattr(r, verb)(*arguments, max_results=size),
        )

    @rule(kind=_KINDS, want=WANTS, comment=COMMENTS, expected=EXPECTED)
    def update(self, kind: SecurableKind, want: Want, comment: str | None, expected: str) -> None:
        """Replace a comment."""
        name, verb = self.name(kind, want), f"update_{kind.value.lower()}"
        at = self.row_version(expected, lambda: self.model.find(kind, name))
        self.do(
            verb,
            self.model.update(kind, name, comment, at),
            lambda r: getattr(r, verb)(name, comment=comment, expected_row_version=at, reason="why"),
        )

    @rule(kind=_KINDS, want=WANTS, new=NEWS, elsewhere=WANTS, expected=EXPECTED)
    def rename(self, kind: SecurableKind, want: Want, new: Want, elsewhere: Want, expected: str) -> None:
        """Rename something, mostly within its container."""
        name, verb = self.name(kind, want), f"rename_{kind.value.lower()}"
        renamed = self.new_name(kind, elsewhere, new)
        if not elsewhere.miss and kind is not CATALOG:
            renamed = f"{name.rpartition('.')[0]}.{renamed.rpartition('.')[2]}"
        at = self.row_version(expected, lambda: self.model.find(kind, name))
        self.do(
            verb,
            self.model.rename(kind, name, renamed, at),
            lambda r: getattr(r, verb)(name, renamed, expected_row_version=at),
        )

    @rule(kind=_MOSTLY_MODELS, want=WANTS, force=st.booleans(), expected=EXPECTED)
    def delete(self, kind: SecurableKind, want: Want, force: bool, expected: str) -> None:
        """Delete something."""
        name = self.name(kind, want)
        self._delete(kind, name, force, self.row_version(expected, lambda: self.model.find(kind, name)))

    def _delete(self, kind: SecurableKind, name: str, force: bool = False, at: int | None = None) -> None:
        verb = f"delete_{kind.value.lower()}"
        self.do(
            verb,
            self.model.delete(kind, name, force, at),
            lambda r: getattr(r, verb)(name, force=force, expected_row_version=at),
        )

    @rule(kind=_KINDS, want=WANTS, new=NEWS, renamed=st.booleans(), elsewhere=WANTS)
    def restore(self, kind: SecurableKind, want: Want, new: Want, renamed: bool, elsewhere: Want) -> None:
        """Bring something back, under its name or another."""
        kind, thing_id, container = self.trashed(kind, want)
        name = None
        if renamed:
            name = self.new_name(kind, elsewhere, new)
            if container and not elsewhere.miss:
                name = f"{container}.{name.rpartition('.')[2]}"
        verb = f"restore_{kind.value.lower()}"
        self.do(
            verb,
            self.model.restore(kind, thing_id, name),
            lambda r: getattr(r, verb)(thing_id, new_name=name),
        )

    @rule(kind=_KINDS, want=WANTS, sure=st.integers(0, 2))
    def purge(self, kind: SecurableKind, want: Want, sure: int) -> None:
        """Remove something for good, not too often."""
        kind, thing_id, _ = self.trashed(kind, want) if sure == 0 else (kind, "nothing", "")
        verb = f"purge_{kind.value.lower()}"
        self.do(verb, self.model.purge(kind, thing_id), lambda r: getattr(r, verb)(thing_id))

    @rule(kind=st.sampled_from(KINDS), want=WANTS, size=SIZES)
    def list_deleted(self, kind: SecurableKind, want: Want, size: int) -> None:
        """Look into the trash of a container."""
        name = self.name(kind, want)
        self.do(
            "list_deleted",
            self.model.list_deleted(name, size),
            lambda r: r.list_deleted(name, max_results=size),
        )

    @rule(
        kind=st.sampled_from((MODEL,) * 6 + (SCHEMA, SCHEMA, CATALOG, METASTORE)),
        want=WANTS,
        to=st.sampled_from(("me",) * 9 + (OTHER,) * 3 + ("role:scientist", "user:nobody")),
        expected=st.sampled_from((None, None, None, "me", OTHER)),
    )
    def transfer(self, kind: SecurableKind, want: Want, to: str, expected: str | None) -> None:
        """Give something to another owner, or take it back."""
        name, me = self.name(kind, want), self.model.me
        lost = [thing.name for thing in self.model.root.inside if thing.live and not thing.mine]
        if to == "me" and lost and not want.miss:
            name = lost[want.pick % len(lost)]
        heir, owner = me if to == "me" else to, me if expected == "me" else expected
        self.do(
            "transfer_ownership",
            self.model.transfer_ownership(name, heir, owner),
            lambda r: r.transfer_ownership(name, heir, expected_owner=owner),
        )

    @rule(kind=st.sampled_from(KINDS), want=WANTS)
    def effective_rules(self, kind: SecurableKind, want: Want) -> None:
        """Ask which rules are in force."""
        name = self.name(kind, want)
        self.do("get_effective_rules", self.model.effective_rules(name), lambda r: r.get_effective_rules(name))

    @rule(milliseconds=st.sampled_from((1, 1, 40, -3, 25 * 3600 * 1000)))
    def pass_time(self, milliseconds: int) -> None:
        """Let time pass, or the clock step back."""
        if self.bench.pass_time is not None:
            self.bench.pass_time(milliseconds)
        self.do("get_current_principal", self.model.current_principal(), lambda r: r.get_current_principal())

    def trashed(self, kind: SecurableKind, want: Want) -> tuple[SecurableKind, str, str]:
        """Return kind and id of something in the trash, and the name of what it was in."""
        gone = [thing for thing in self.model.root.inside if not thing.live]
        if want.miss or not gone:
            live = self.model.live(kind)
            return kind, (live[0].id if live else "nothing"), ""
        thing = gone[want.pick % len(gone)]
        return thing.kind, thing.id, "" if thing.parent is None or thing.kind is CATALOG else thing.parent.name
