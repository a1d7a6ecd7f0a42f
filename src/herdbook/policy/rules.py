"""The rules that the core knows, in one list."""

from __future__ import annotations

from typing import Any

from herdbook.policy import content_rules, tag_rules
from herdbook.policy.rule import NoParams, Rule

_ALL: tuple[Rule[Any], ...] = (
    Rule(
        name="signature-required",
        says="A version comes in only with a signature that has inputs and outputs.",
        params=NoParams,
        admits=content_rules.signature_required,
    ),
    Rule(
        name="aliased-versions-are-kept",
        says="A version that an alias points to cannot be deleted.",
        params=NoParams,
        deletes=content_rules.aliased_versions_are_kept,
    ),
    Rule(
        name="tags-required",
        says="A version comes in only if it, its registered model, or both carry certain tags, which then stay.",
        params=tag_rules.TagsRequired,
        admits=tag_rules.tags_required,
        tags=tag_rules.required_tags_stay,
    ),
    Rule(
        name="governed-tags",
        says="Certain tags have only certain values, and only certain principals set and delete them.",
        params=tag_rules.GovernedTags,
        tags=tag_rules.governed_tags,
    ),
    Rule(
        name="allowed-formats",
        says="A version comes in only with flavors and files of certain formats.",
        params=content_rules.AllowedFormats,
        admits=content_rules.allowed_formats,
    ),
    Rule(
        name="allowed-sources",
        says="A version comes in only from certain places and certain registered versions.",
        params=content_rules.AllowedSources,
        admits=content_rules.allowed_sources,
    ),
)

RULES: dict[str, Rule[Any]] = {rule.name: rule for rule in _ALL}
"""Every rule that a ruleset may name, by name."""
