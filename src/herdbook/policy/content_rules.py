"""The rules about what a version is: its signature, its formats, where it came from; and which versions are kept."""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import Attribute, field, frozen

from herdbook.errors import InvalidArgumentError
from herdbook.names import ModelName, fold
from herdbook.policy.facts import CandidateFacts, DeletionFacts
from herdbook.policy.globs import check_pattern, glob
from herdbook.policy.rule import NoParams
from herdbook.policy.uri_patterns import UriPattern, place_of
from herdbook.verdicts import Pass, Reject, Verdict

_ADD_SIGNATURE = (
    "Log the model with a signature (in MLflow: signature=infer_signature(X, model.predict(X)), or an input_example), "
    "or hand signature= to register_model."
)
_LEVELS = 3
_LEVEL_PATTERN = re.compile(r"[A-Za-z0-9_*-]+", re.ASCII)
_SHOWN = 5


def signature_required(_: NoParams, facts: CandidateFacts) -> Verdict:
    """Demand a signature that can be read, with inputs and outputs."""
    model = facts.model
    if model.signature_error is not None:
        return Reject(message=f"Its signature cannot be read: {model.signature_error}.", hint=_ADD_SIGNATURE)
    if model.signature is None:
        where = "its MLmodel has no signature" if facts.manifest.get("MLmodel") else "it has no MLmodel file"
        return Reject(message=f"It has no signature: {where}.", hint=_ADD_SIGNATURE)
    lacking = [name for name in ("inputs", "outputs") if not getattr(model.signature, name)]
    if lacking:
        return Reject(message=f"Its signature has no {' and no '.join(lacking)}.", hint=_ADD_SIGNATURE)
    return Pass()


def aliased_versions_are_kept(_: NoParams, facts: DeletionFacts) -> Verdict:
    """Refuse to delete a version that an alias points to."""
    if not facts.aliases:
        return Pass()
    many = len(facts.aliases) > 1
    return Reject(
        message=f"Version {facts.version} is what {', '.join('@' + alias for alias in facts.aliases)} "
        f"{'point' if many else 'points'} to.",
        hint=f"Move or delete the {'aliases' if many else 'alias'} first.",
    )


def _check_file_patterns(_: object, __: Attribute[tuple[str, ...] | None], value: tuple[str, ...] | None) -> None:
    for pattern in value or ():
        check_pattern(pattern, "a pattern of file names")
        if "/" in pattern:
            raise InvalidArgumentError(f"{pattern!r} has a slash: file names are judged, not their folders.")


@frozen(kw_only=True)
class AllowedFormats:
    """The params of `allowed-formats`; at least one is given.

    Args:
        flavors: The flavors that a model may have; None is any, and any other than these is refused.
        files: Patterns of the file names that a model may have, `MLmodel`, `*.onnx`; None is any.
        forbidden_files: Patterns of the file names that it may not have, `*.pkl`.
    """

    flavors: tuple[str, ...] | None = None
    files: tuple[str, ...] | None = field(default=None, validator=_check_file_patterns)
    forbidden_files: tuple[str, ...] | None = field(default=None, validator=_check_file_patterns)

    def __attrs_post_init__(self) -> None:
        if self.flavors is None and self.files is None and self.forbidden_files is None:
            raise InvalidArgumentError("allowed-formats judges nothing without flavors, files or forbidden_files.")


def allowed_formats(params: AllowedFormats, facts: CandidateFacts) -> Verdict:
    """Refuse flavors and files that are not among the allowed, and files that are forbidden."""
    wrong: list[str] = []
    if params.flavors is not None:
        if not facts.model.flavors:
            wrong.append("It has no flavors that can be read.")
        strange = sorted(flavor for flavor in facts.model.flavors if flavor not in params.flavors)
        wrong += [f"Its flavor {flavor!r} is not allowed." for flavor in strange]
    paths = [entry.path for entry in facts.manifest.files]
    if params.files is not None:
        wrong += _files("is not of an allowed format", [p for p in paths if not _named(p, params.files)])
    wrong += _files("is of a forbidden format", [p for p in paths if _named(p, params.forbidden_files or ())])
    if not wrong:
        return Pass()
    allowed = [f"flavors {', '.join(params.flavors)}"] if params.flavors is not None else []
    allowed += [f"files {', '.join(params.files)}"] if params.files is not None else []
    allowed += [f"no files {', '.join(params.forbidden_files)}"] if params.forbidden_files else []
    return Reject(message=wrong[0], reasons=tuple(wrong[1:]), hint=f"Allowed are {'; '.join(allowed)}.")


def _files(what: str, paths: list[str]) -> list[str]:
    told = [f"The file {path!r} {what}." for path in paths[:_SHOWN]]
    return told if len(paths) <= _SHOWN else [*told, f"So it is with {len(paths) - _SHOWN} more files."]


def _named(path: str, patterns: tuple[str, ...]) -> bool:
    # Some systems drop final dots and spaces when they open a file.
    name = path.rpartition("/")[2].casefold().rstrip(". ")
    return any(glob(pattern.casefold(), name) for pattern in patterns)


def _check_sources(_: object, __: Attribute[tuple[str, ...] | None], value: tuple[str, ...] | None) -> None:
    for pattern in value or ():
        UriPattern.parse(pattern)


def _check_parents(_: object, __: Attribute[tuple[str, ...] | None], value: tuple[str, ...] | None) -> None:
    for pattern in value or ():
        check_pattern(pattern, "a pattern of parents")
        levels = pattern.split(".")
        if len(levels) > _LEVELS or None in map(_LEVEL_PATTERN.fullmatch, levels):
            raise InvalidArgumentError(
                f"{pattern!r} is not a pattern of parents.",
                hint="Write CATALOG, CATALOG.SCHEMA or CATALOG.SCHEMA.MODEL.",
            )


@frozen(kw_only=True)
class AllowedSources:
    """The params of `allowed-sources`; at least one is given.

    Args:
        sources: Patterns of URIs: where a version may come from, and where an external model may be served.
        parents: Patterns of CATALOG, CATALOG.SCHEMA or CATALOG.SCHEMA.MODEL, in which each registered version lies
            that a version was made from.
    """

    sources: tuple[str, ...] | None = field(default=None, validator=_check_sources)
    parents: tuple[str, ...] | None = field(default=None, validator=_check_parents)

    def __attrs_post_init__(self) -> None:
        if self.sources is None and self.parents is None:
            raise InvalidArgumentError("allowed-sources judges nothing without sources or parents.")


def allowed_sources(params: AllowedSources, facts: CandidateFacts) -> Verdict:
    """Refuse sources, endpoints and parents that are not among the allowed."""
    wrong: list[str] = []
    if params.sources is not None:
        patterns = [UriPattern.parse(text) for text in params.sources]
        if facts.model.signature_error is not None:
            # What cannot be read may name an endpoint.
            wrong.append(f"Its MLmodel cannot be read: {facts.model.signature_error}.")
        for what, uri in _origins(facts).items():
            place = None if uri is None else place_of(uri)
            if uri is None:
                wrong.append(f"It names no {what}.")
            elif place is None:
                wrong.append(f"Its {what} is no absolute URI with one clear reading.")
            elif not any(pattern.matches(place) for pattern in patterns):
                wrong.append(f"Its {what} {uri!r} is not allowed.")
    if params.parents is not None:
        strange = [ref for ref in facts.lineage.parents if not _lies_in(ref.model, params.parents)]
        wrong += [f"Its parent {ref} is not allowed." for ref in strange]
    if not wrong:
        return Pass()
    allowed = [f"sources {', '.join(params.sources) or 'nowhere'}"] if params.sources is not None else []
    allowed += [f"parents in {', '.join(params.parents) or 'nothing'}"] if params.parents is not None else []
    return Reject(message=wrong[0], reasons=tuple(wrong[1:]), hint=f"Allowed are {'; '.join(allowed)}.")


def _origins(facts: CandidateFacts) -> Mapping[str, str | None]:
    """Return what says where a version is from: of an external model, first of all where it is served."""
    source, external = facts.lineage.source, facts.model.external
    if external is None:
        return {"source": source}
    return {"endpoint": external.endpoint} | ({} if source is None else {"source": source})


def _lies_in(model: ModelName, patterns: tuple[str, ...]) -> bool:
    levels = fold(str(model)).split(".")
    return any(
        all(glob(wanted, level) for wanted, level in zip(fold(pattern).split("."), levels, strict=False))
        for pattern in patterns
    )
