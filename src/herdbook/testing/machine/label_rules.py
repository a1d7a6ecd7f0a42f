"""The machine's rules over aliases and tags."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import rule

from herdbook.testing.machine.base import SIZES, TAG_KEYS, WANTS, MachineBase, Want
from herdbook.testing.machine.state import MODEL, READY, Refused

_ALIASES = st.sampled_from(("champion",) * 6 + ("Champion",) * 3 + ("challenger",) * 6 + ("latest", "V1", "a b"))
_NUMBERS = st.sampled_from((1, 2, 3, 1, 2, 0))
_EXPECTED = st.sampled_from((None,) * 6 + (0, 1, 2))
_KEYS = st.sampled_from(TAG_KEYS)
_VALUES = st.sampled_from(("", "1", "2"))


class LabelRules(MachineBase):
    """Rules that set, move, remove and read aliases and tags."""

    def furnish(self) -> None:
        """Point an alias to a version."""
        ref = "main.default.iris@challenger"
        self.do(
            "set_registered_model_alias",
            self.model.set_alias(ref, 1, 0, None),
            lambda r: r.set_registered_model_alias(ref, 1, expected_current=0),
        )
        super().furnish()

    @rule(want=WANTS, alias=_ALIASES, number=_NUMBERS, expected=_EXPECTED, reason=st.sampled_from((None, "why")))
    def set_alias(self, want: Want, alias: str, number: int, expected: int | None, reason: str | None) -> None:
        """Point an alias to a version."""
        ref, number = self._slot(want, alias, number)
        self.do(
            "set_registered_model_alias",
            self.model.set_alias(ref, number, expected, reason),
            lambda r: r.set_registered_model_alias(ref, number, expected_current=expected, reason=reason),
        )

    @rule(want=WANTS, alias=_ALIASES, expected=_EXPECTED)
    def delete_alias(self, want: Want, alias: str, expected: int | None) -> None:
        """Unset an alias."""
        ref = self._set_slot(want, alias)
        self.do(
            "delete_registered_model_alias",
            self.model.delete_alias(ref, expected),
            lambda r: r.delete_registered_model_alias(ref, expected_current=expected),
        )
        self._history(ref, 1000)

    @rule(want=WANTS, alias=_ALIASES, moment=st.none() | st.integers(0, 9), shift=st.sampled_from((0, 0, -1, 1)))
    def get_by_alias(self, want: Want, alias: str, moment: int | None, shift: int) -> None:
        """Resolve an alias, now or around a moment at which an alias of the model moved."""
        ref = self._set_slot(want, alias)
        as_of = None if moment is None else self._moment(ref, moment, shift)
        self.do(
            "get_model_version_by_alias",
            self.model.get_by_alias(ref, as_of),
            lambda r: r.get_model_version_by_alias(ref, as_of=as_of),
        )

    @rule(want=WANTS, ended=st.booleans())
    def list_aliases(self, want: Want, ended: bool) -> None:
        """List the aliases of a model."""
        name = self.name(MODEL, want)
        self.do(
            "list_registered_model_aliases",
            self.model.list_aliases(name, ended),
            lambda r: r.list_registered_model_aliases(name, ended=ended),
        )

    @rule(want=WANTS, alias=_ALIASES, size=SIZES)
    def history(self, want: Want, alias: str, size: int) -> None:
        """List the past of an alias."""
        self._history(self._set_slot(want, alias), size)

    @rule(want=WANTS, key=_KEYS, value=_VALUES)
    def set_model_tag(self, want: Want, key: str, value: str) -> None:
        """Set a model's tag."""
        name = self.name(MODEL, want)
        self.do(
            "set_registered_model_tag",
            self.model.set_model_tag(name, key, value),
            lambda r: r.set_registered_model_tag(name, key, value),
        )

    @rule(want=WANTS, key=_KEYS, expected=st.none() | _VALUES)
    def delete_model_tag(self, want: Want, key: str, expected: str | None) -> None:
        """Delete a model's tag."""
        name = self.name(MODEL, want)
        self.do(
            "delete_registered_model_tag",
            self.model.delete_model_tag(name, key, expected),
            lambda r: r.delete_registered_model_tag(name, key, expected_value=expected),
        )

    @rule(want=WANTS, number=_NUMBERS, key=_KEYS, value=_VALUES)
    def set_version_tag(self, want: Want, number: int, key: str, value: str) -> None:
        """Set a version's tag."""
        ref = self.ref(want, number)
        self.do(
            "set_model_version_tag",
            self.model.set_version_tag(ref, key, value),
            lambda r: r.set_model_version_tag(ref, key, value),
        )

    @rule(want=WANTS, number=_NUMBERS, key=_KEYS, expected=st.none() | _VALUES)
    def delete_version_tag(self, want: Want, number: int, key: str, expected: str | None) -> None:
        """Delete a version's tag."""
        ref = self.ref(want, number)
        self.do(
            "delete_model_version_tag",
            self.model.delete_version_tag(ref, key, expected),
            lambda r: r.delete_model_version_tag(ref, key, expected_value=expected),
        )

    def _history(self, ref: str, size: int) -> None:
        self.do(
            "list_alias_history",
            self.model.list_history(ref, size),
            lambda r: r.list_alias_history(ref, max_results=size),
        )

    def _slot(self, want: Want, alias: str, number: int) -> tuple[str, int]:
        """Return a slot and a number, mostly of a READY version."""
        ready = [v for v in self.model.versions if v.live and v.status == READY]
        if want.miss or not ready:
            return f"{self.name(MODEL, want)}@{alias}", number
        version = ready[want.pick % len(ready)]
        return f"{version.model.name}@{alias}", version.number

    def _set_slot(self, want: Want, alias: str) -> str:
        """Return a slot, mostly of a model that has aliases."""
        aliased = [thing for thing in self.model.live(MODEL) if thing.history]
        if want.miss or not aliased:
            return f"{self.name(MODEL, want)}@{alias}"
        return f"{aliased[want.pick % len(aliased)].name}@{alias}"

    def _moment(self, ref: str, moment: int, shift: int) -> datetime | None:
        try:
            thing = self.model.find(MODEL, ref.partition("@")[0])
        except Refused:
            return None
        moments = [entry.valid_from for entries in thing.history.values() for entry in entries]
        return moments[moment % len(moments)] + timedelta(milliseconds=shift) if moments else None
