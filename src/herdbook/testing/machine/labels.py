"""The dict model of tags and aliases: what each verb refuses, and what it changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from herdbook.entities import AliasAssignment
from herdbook.errors import (
    ConcurrentUpdateError,
    ConflictError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
)
from herdbook.testing.machine.shown import check_page, check_version
from herdbook.testing.machine.state import (
    MODEL,
    READY,
    Assignment,
    Change,
    Thing,
    check_tags,
    parse_alias,
    refuse,
)
from herdbook.testing.machine.tree import Verb
from herdbook.testing.machine.versions import VersionModel

ENDED = datetime.max.replace(tzinfo=UTC)
"""An end that the registry has not been asked for yet."""


class DictRegistry(VersionModel):
    """The whole dict model."""

    def set_alias(self, ref: str, number: int, expected: int | None, reason: str | None) -> Verb:
        """Point an alias to a READY version (R15)."""
        refuse((number < 1, InvalidArgumentError))
        model, key = self.slot_to_change(ref)
        now = model.aliases.get(key)
        found = [v for v in model.versions if v.number == number and not v.trashed]
        refuse(
            (expected not in (None, 0 if now is None else now.version.number), ConcurrentUpdateError),
            (not found, NotFoundError),
            (found and found[0].status != READY, ConflictError),
        )
        if now is not None and now.version is found[0]:
            self.check_entry(now, (yield Change()))
            return
        answer = yield Change(audited=1)
        entries = model.history.setdefault(key, [])
        assert answer.valid_from >= datetime.fromtimestamp(self.now_ms / 1000, UTC) - timedelta(milliseconds=1)
        if entries:
            last = entries[-1]
            assert answer.valid_from > last.valid_from, "each assignment has a time of its own"
            if now is None:
                assert last.valid_to is not None
                assert answer.valid_from >= last.valid_to, "assignments do not overlap"
            else:
                last.valid_to = answer.valid_from
        alias = ref.partition("@")[2]
        made = Assignment(alias=alias, version=found[0], valid_from=answer.valid_from, reason=reason)
        entries.append(made)
        self.check_entry(made, answer)

    def delete_alias(self, ref: str, expected: int | None) -> Verb:
        """Unset an alias; its history stays. Ask for that history next: only the registry knows the moment."""
        model, key = self.slot_to_change(ref)
        now = model.aliases.get(key)
        refuse(
            (expected not in (None, 0 if now is None else now.version.number), ConcurrentUpdateError),
            (now is None, NotFoundError),
        )
        assert (yield Change(audited=1)) is None
        model.history[key][-1].valid_to = ENDED

    def get_by_alias(self, ref: str, as_of: datetime | None) -> Verb:
        """Resolve an alias, now or then; what is in the trash is not found."""
        name, alias = parse_alias(ref)
        entries = self.find(MODEL, name).history.get(alias.lower(), [])
        pointed = [
            entry.version
            for entry in entries
            if (
                entry.valid_to is None
                if as_of is None
                else entry.valid_from <= as_of and (entry.valid_to is None or as_of < entry.valid_to)
            )
        ]
        assert len(pointed) <= 1, "the past of an alias has no overlaps"
        refuse((not pointed or pointed[0].trashed, NotFoundError))
        check_version(self, pointed[0], (yield Change()))

    def list_aliases(self, name: str, ended: bool) -> Verb:
        """List the aliases that are set, by alias; also the last assignments of those that are no longer."""
        model = self.find(MODEL, name)
        entries = [past[-1] for _, past in sorted(model.history.items())] if ended else list(model.aliases.values())
        answer = yield Change()
        assert len(answer) == len(entries)
        for entry, item in zip(entries, answer, strict=True):
            self.check_entry(entry, item)

    def list_history(self, ref: str, max_results: int) -> Verb:
        """List what an alias pointed to, the newest first."""
        refuse((not 1 <= max_results <= 1000, InvalidArgumentError))
        name, alias = parse_alias(ref)
        entries = self.find(MODEL, name).history.get(alias.lower(), [])[::-1]
        answer = yield Change()
        check_page(answer, len(entries), max_results)
        for entry, item in zip(entries, answer.items, strict=False):
            self.check_entry(entry, item)

    def set_model_tag(self, name: str, key: str, value: str) -> Verb:
        """Set a tag of a model."""
        check_tags({key: value})
        model = self.find(MODEL, name)
        yield from self.set_tag(model, model.tags, key, value)

    def set_version_tag(self, ref: str, key: str, value: str) -> Verb:
        """Set a tag of a version."""
        check_tags({key: value})
        version = self.version_to_change(ref)
        yield from self.set_tag(version.model, version.tags, key, value)

    def delete_model_tag(self, name: str, key: str, expected: str | None) -> Verb:
        """Delete a tag of a model."""
        check_tags({key: ""})
        model = self.find(MODEL, name)
        yield from self.delete_tag(model, model.tags, key, expected)

    def delete_version_tag(self, ref: str, key: str, expected: str | None) -> Verb:
        """Delete a tag of a version."""
        check_tags({key: ""})
        version = self.version_to_change(ref)
        yield from self.delete_tag(version.model, version.tags, key, expected)

    def set_tag(self, model: Thing, tags: dict[str, str], key: str, value: str) -> Verb:
        """Set a tag of whatever it is."""
        refuse((not model.full, PermissionDeniedError))
        assert (yield Change(audited=1)) is None
        tags[key] = value

    def delete_tag(self, model: Thing, tags: dict[str, str], key: str, expected: str | None) -> Verb:
        """Delete a tag of whatever it is."""
        refuse((not model.full, PermissionDeniedError))
        refuse((key not in tags, NotFoundError))
        refuse((expected not in (None, tags[key]), ConcurrentUpdateError))
        assert (yield Change(audited=1)) is None
        del tags[key]

    def current_principal(self) -> Verb:
        """Say who the caller is."""
        assert str((yield Change()).name) == self.me

    def effective_rules(self, securable: str) -> Verb:
        """Say which rules are in force: the shipped ones, everywhere."""
        self.securable(securable)
        names = [rule.rule for rule in (yield Change())]
        assert {"signature-required", "aliased-versions-are-kept"} <= set(names)

    def slot_to_change(self, ref: str) -> tuple[Thing, str]:
        """Return model and folded alias of a slot that the caller may change."""
        name, alias = parse_alias(ref)
        model = self.find(MODEL, name)
        refuse((not model.full, PermissionDeniedError))
        return model, alias.lower()

    def check_entry(self, entry: Assignment, shown: AliasAssignment) -> None:
        """Compare an assignment with what is remembered of it."""
        if entry.valid_to is ENDED:
            assert shown.valid_to is not None
            assert shown.valid_to > entry.valid_from
            entry.valid_to = shown.valid_to
        assert (shown.alias, shown.version, shown.valid_from, shown.valid_to, shown.reason, shown.set_by) == (
            entry.alias,
            entry.version.number,
            entry.valid_from,
            entry.valid_to,
            entry.reason,
            self.me,
        )
        assert shown.ended_by == (None if entry.valid_to is None else self.me)
