"""The rules about tags: which must be there, and who may set the governed ones to what."""

from __future__ import annotations

import unicodedata
from enum import StrEnum

from attrs import Attribute, field, frozen

from herdbook.errors import InvalidArgumentError
from herdbook.names import PrincipalName
from herdbook.policy.facts import CandidateFacts, TagFacts, TagHolder
from herdbook.policy.globs import check_pattern, glob
from herdbook.verdicts import Pass, Reject, Verdict

_SHOWN = 60


class TagsOn(StrEnum):
    """What must carry the required tags."""

    MODEL = "model"
    VERSION = "version"
    BOTH = "both"


def _check_values(_: object, attribute: Attribute[tuple[str, ...] | None], value: tuple[str, ...] | None) -> None:
    if value is not None and not value:
        raise InvalidArgumentError(f"{attribute.name} is empty, so no value would do.", hint="Leave it out for any.")


def _check_glob(_: object, __: Attribute[str | None], value: str | None) -> None:
    if value is not None:
        check_pattern(value, "a pattern of values")


@frozen(kw_only=True)
class TagValues:
    """Which values a tag may have; nothing given is any.

    Args:
        values: The values that are allowed.
        pattern: What the whole value matches; `*` stands for any characters.
    """

    values: tuple[str, ...] | None = field(default=None, validator=_check_values)
    pattern: str | None = field(default=None, validator=_check_glob)

    def lacks(self, value: str) -> str | None:
        """Return what a value should have been; None where it is acceptable."""
        if self.values is not None and value not in self.values:
            return f"one of {', '.join(map(repr, self.values))}"
        if self.pattern is not None and not glob(self.pattern, value):
            return f"a value like {self.pattern!r}"
        return None


@frozen(kw_only=True)
class GovernedTag(TagValues):
    """Which values a governed tag may have, and who may set and delete it.

    Args:
        setters: Users, groups, roles and services; None is whoever may set tags there, an empty list is nobody.
    """

    setters: tuple[PrincipalName, ...] | None = None


def _check_keys(_: object, __: Attribute[dict[str, TagValues]], value: dict[str, TagValues]) -> None:
    if not value:
        raise InvalidArgumentError("keys is empty.", hint="Name at least one tag.")


@frozen(kw_only=True)
class TagsRequired:
    """The params of `tags-required`.

    Args:
        keys: The tags that must be there, by key; keys are compared as written.
        on: What must carry them: `version`, `model` or `both`.
    """

    keys: dict[str, TagValues] = field(validator=_check_keys)
    on: TagsOn = TagsOn.VERSION


@frozen(kw_only=True)
class GovernedTags:
    """The params of `governed-tags`.

    Args:
        keys: The governed tags, by key; a key in another spelling is the same one.
    """

    keys: dict[str, GovernedTag] = field(validator=_check_keys)

    @keys.validator
    def _check_spellings(self, _: Attribute[dict[str, GovernedTag]], value: dict[str, GovernedTag]) -> None:
        seen: dict[str, str] = {}
        for key in value:
            other = seen.setdefault(folded_key(key), key)
            if other != key:
                raise InvalidArgumentError(f"{other!r} and {key!r} are the same key.", hint="Keep one of them.")


def folded_key(key: str) -> str:
    """Return the form under which keys of governed tags are compared (AUTHORIZATION R36)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", key).casefold()).strip()


def tags_required(params: TagsRequired, facts: CandidateFacts) -> Verdict:
    """Demand that a version, its model, or both carry tags."""
    wanted = {"version": facts.version_tags, "registered model": facts.model_tags}
    if params.on is TagsOn.VERSION:
        del wanted["registered model"]
    elif params.on is TagsOn.MODEL:
        del wanted["version"]
    lacking: list[str] = []
    for holder, tags in wanted.items():
        for key, demand in params.keys.items():
            if key not in tags:
                lacking.append(f"The {holder} has no tag {key!r}.")
            elif (better := demand.lacks(tags[key])) is not None:
                lacking.append(f"The tag {key!r} of the {holder} is {_shown(tags[key])}, not {better}.")
    if not lacking:
        return Pass()
    hint = "Give the tags when the version is registered (tags=), or set them before it is finalized."
    return Reject(message=lacking[0], reasons=tuple(lacking[1:]), hint=hint)


def required_tags_stay(params: TagsRequired, facts: TagFacts) -> Verdict:
    """Refuse to take from what was admitted the tags that it was admitted with."""
    on = TagsOn.MODEL if facts.holder is TagHolder.MODEL else TagsOn.VERSION
    demand = params.keys.get(facts.key)
    if demand is None or not facts.admitted or params.on not in (on, TagsOn.BOTH):
        return Pass()
    if facts.value is None:
        return Reject(
            message=f"The tag {facts.key!r} must stay: admitted versions depend on it.", hint="Set another value."
        )
    better = demand.lacks(facts.value)
    if better is None:
        return Pass()
    return Reject(
        message=f"The tag {facts.key!r} cannot be {_shown(facts.value)}: it must be {better}.",
        hint="Choose an allowed value.",
    )


def governed_tags(params: GovernedTags, facts: TagFacts) -> Verdict:
    """Judge who sets a governed tag, and to what."""
    key = folded_key(facts.key)
    found = next(((name, tag) for name, tag in params.keys.items() if folded_key(name) == key), None)
    if found is None:
        return Pass()
    name, tag = found
    wrong: list[str] = []
    if tag.setters is not None and facts.principals.isdisjoint(tag.setters):
        who = f"{', '.join(map(str, tag.setters))} may" if tag.setters else "nobody may"
        wrong.append(f"The tag {name!r} is governed: {who} set and delete it.")
    if facts.value is not None:
        if facts.key != name:
            wrong.append(f"{facts.key!r} is another spelling of the governed tag {name!r}.")
        if (better := tag.lacks(facts.value)) is not None:
            wrong.append(f"The governed tag {name!r} cannot be {_shown(facts.value)}: it must be {better}.")
    if not wrong:
        return Pass()
    hint = f"Write it {name!r}, with a value that is allowed{', or ask one of its setters' if tag.setters else ''}."
    return Reject(message=wrong[0], reasons=tuple(wrong[1:]), hint=hint)


def _shown(value: str) -> str:
    return repr(value if len(value) <= _SHOWN else value[:_SHOWN] + "...")
