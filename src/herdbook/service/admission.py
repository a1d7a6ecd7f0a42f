"""Whether a version may come in: the rules in force, then the plugins' checks that they ask for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol, TypeVar

from attrs import evolve, field, frozen

from herdbook.entities import Chain, EffectiveRule, Manifest, ModelDescription, ModelVersion
from herdbook.entities.ledger import NameKind
from herdbook.errors import InvalidArgumentError, PluginLoadError, RuleViolationError, UnavailableError
from herdbook.formats.mlmodel import describe_model
from herdbook.plugins.check_runner import CandidateData, run_check, validate_params
from herdbook.plugins.contributions import PreRegisterCheck
from herdbook.policy.facts import CandidateFacts, DeletionFacts, TagFacts
from herdbook.policy.rule import Rule
from herdbook.policy.rules import RULES
from herdbook.policy.rulesets import RuleSet, parse_rulesets
from herdbook.ports.artifacts import ArtifactStore, SupportsLocalPath
from herdbook.ports.metadata import MetadataStore, PolicyLog
from herdbook.verdicts import Reject, Rejection, Verdict
from herdbook.wire import converter

F = TypeVar("F")

MLMODEL = "MLmodel"
REQUIREMENTS = "requirements.txt"
MAX_DOCUMENT = 1024 * 1024
MAX_DESCRIBED = 1024


class CheckSource(Protocol):
    """Where checks are found by name."""

    def check(self, name: str) -> PreRegisterCheck:
        """Return a check; raises PluginLoadError where no plugin offers it."""
        ...


@frozen(kw_only=True)
class Applicant:
    """A version that asks to be admitted.

    Args:
        version: The version as it would be.
        manifest: Its files, all of them in the store.
        model: What they say.
        model_tags: The tags of its registered model.
    """

    version: ModelVersion
    manifest: Manifest
    model: ModelDescription
    model_tags: dict[str, str] = field(factory=dict)


def verify_rules(rules: RuleSet, checks: CheckSource) -> None:
    """Refuse rules that name a check that is missing, or give it wrong params.

    Raises:
        PluginLoadError: no plugin offers the check; the message has file and line.
        InvalidArgumentError: the params of a check are not acceptable; the message has file and line.
    """
    for fault in _faults(rules, checks):
        raise fault


def _faults(rules: RuleSet, checks: CheckSource) -> Iterator[InvalidArgumentError | PluginLoadError]:
    for rule in rules.rules:
        if rule.is_check and rule.enabled:
            try:
                validate_params(checks.check(rule.rule), rule.params)
            except (InvalidArgumentError, PluginLoadError) as error:
                fault = type(error)(f"{rule.origin}: {error.message}", hint=error.hint)
                fault.__cause__ = error
                yield fault


class Admission:
    """Judges applicants by the rules of the applied policy revision.

    Args:
        store: Where the applied policy is.
        artifacts: Where the bytes are.
        checks: Where checks are found.
    """

    def __init__(self, store: MetadataStore, artifacts: ArtifactStore, checks: CheckSource) -> None:
        self._store = store
        self._artifacts = artifacts
        self._checks = checks
        self._read_at: tuple[int, RuleSet] | None = None
        self._described: dict[str, ModelDescription] = {}
        self._lock = threading.Lock()

    def rules_for(self, chain: Chain, log: PolicyLog | None = None) -> tuple[EffectiveRule, ...]:
        """Return what holds for a securable at the policy revision that its chain was read at.

        Args:
            chain: The securable and all that it lies in.
            log: The transaction to read a new policy from; None opens one where it is needed.

        Raises:
            UnavailableError: no policy is applied, or the applied one cannot be read; nothing is admitted then.
        """
        return self._rules_at(chain.policy_revision, log).holding_for(chain)

    def rules_bound_along(self, chain: Chain, log: PolicyLog | None = None) -> tuple[EffectiveRule, ...]:
        """Return what is bound to a securable and all that it lies in, also what is not in force; see `rules_for`."""
        return self._rules_at(chain.policy_revision, log).bound_along(chain)

    def _rules_at(self, revision: int, log: PolicyLog | None) -> RuleSet:
        with self._lock:
            cached = self._read_at
        if cached is not None and cached[0] == revision and (log is None or not log.moved):
            return cached[1]
        if log is not None:
            return self._read_rules(log)
        with self._store.read() as tx:
            return self._read_rules(tx)

    def verify(self, log: PolicyLog) -> None:
        """Refuse a policy that names a check that is missing, or gives it wrong params.

        Raises:
            PluginLoadError: no plugin offers the check.
            InvalidArgumentError: the ruleset or the params of a check are not acceptable.
        """
        verify_rules(self._read_rules(log), self._checks)

    def problems_of(self, rules: RuleSet) -> tuple[str, ...]:
        """Return what is wrong with the checks that rules ask for, each with file and line."""
        return tuple(str(fault) for fault in _faults(rules, self._checks))

    def described(self, manifest_sha256: str) -> ModelDescription | None:
        """Return what the files of a manifest were read to say before; it depends on nothing but their bytes."""
        with self._lock:
            return self._described.get(manifest_sha256)

    def describe(self, manifest: Manifest, manifest_sha256: str) -> ModelDescription:
        """Read what a model's files say of it; a broken MLmodel is kept as its `signature_error`."""
        found = self.described(manifest_sha256) or self._describe(manifest)
        with self._lock:
            self._described[manifest_sha256] = found
            if len(self._described) > MAX_DESCRIBED:
                del self._described[next(iter(self._described))]
        return found

    def _describe(self, manifest: Manifest) -> ModelDescription:
        document = self._read(manifest, MLMODEL)
        if document is None:
            return ModelDescription()
        try:
            return describe_model(document, requirements=self._read(manifest, REQUIREMENTS))
        except InvalidArgumentError as error:
            return ModelDescription(signature_error=error.message.rstrip("."))

    def judge_rules(self, rules: tuple[EffectiveRule, ...], applicant: Applicant) -> tuple[Rejection, ...]:
        """Return every rejection by the core's own rules."""
        facts = CandidateFacts(
            model=applicant.model,
            manifest=applicant.manifest,
            lineage=applicant.version.lineage,
            version_tags=applicant.version.tags,
            model_tags=applicant.model_tags,
        )
        return _judged(rules, lambda rule: rule.admits, facts)

    def judge_deletion(self, rules: tuple[EffectiveRule, ...], facts: DeletionFacts) -> tuple[Rejection, ...]:
        """Return every rejection of a version's deletion; a deleted model is judged version by version (R29).

        Args:
            rules: What holds for the version's model, as `rules_for` returns it.
            facts: The version, and the aliases that point to it.
        """
        return _judged(rules, lambda rule: rule.deletes, facts)

    @staticmethod
    def judges_tags(rules: tuple[EffectiveRule, ...]) -> bool:
        """Return whether any of the rules has a say in changes of tags."""
        return any(RULES[rule.rule].tags is not None for rule in rules if not rule.is_check)

    def judge_tag(self, rules: tuple[EffectiveRule, ...], facts: TagFacts) -> tuple[Rejection, ...]:
        """Return every rejection of a change of a tag."""
        return _judged(rules, lambda rule: rule.tags, facts)

    def judge_checks(self, rules: tuple[EffectiveRule, ...], applicant: Applicant) -> tuple[Rejection, ...]:
        """Return every rejection by plugins' checks, each run in a process of its own.

        Raises:
            UnavailableError: a check gave no verdict in time.
        """
        found = [(rule, self._checks.check(rule.rule)) for rule in rules if rule.is_check]
        if not found:
            return ()
        found.sort(key=lambda pair: (pair[1].order, pair[1].name))
        rejections: list[Rejection] = []
        with self._candidate(applicant) as candidate:
            for rule, check in found:
                rejections += _rejections(rule, run_check(check, candidate, rule.params))
        return tuple(rejections)

    def lease_s(self, rules: tuple[EffectiveRule, ...]) -> float:
        """Return the seconds that judging may take."""
        return 60.0 + sum(self._checks.check(rule.rule).timeout_s + 5.0 for rule in rules if rule.is_check)

    def _read_rules(self, log: PolicyLog) -> RuleSet:
        revision, files_of = log.revision(), log.applied_revision()
        with self._lock:
            cached = self._read_at
        # Grants move the policy revision, and leave the rules as they are.
        if cached is not None and cached[1].revision == files_of and not log.moved:
            rules = cached[1]
        else:
            rules = _applied_rules(log)
        if not log.moved:
            with self._lock:
                self._read_at = (revision, rules)
        return rules

    def _read(self, manifest: Manifest, path: str) -> bytes | None:
        entry = manifest.get(path)
        if entry is None:
            return None
        if entry.size > MAX_DOCUMENT:
            raise InvalidArgumentError(f"{path} has {entry.size:,} bytes; at most {MAX_DOCUMENT:,} are read.")
        return b"".join(self._artifacts.read(entry.sha256))

    @contextmanager
    def _candidate(self, applicant: Applicant) -> Iterator[CandidateData]:
        with TemporaryDirectory(prefix="herdbook-check-") as folder:
            files = {
                entry.path: (entry.size, entry.sha256, self._local(entry.sha256, Path(folder)))
                for entry in applicant.manifest.files
            }
            yield CandidateData(
                name=applicant.version.name, version=applicant.version, model=applicant.model, files=files
            )

    def _local(self, sha256: str, folder: Path) -> Path:
        if isinstance(self._artifacts, SupportsLocalPath):
            return self._artifacts.local_path(sha256)
        target = folder / sha256
        if not target.exists():
            with target.open("wb") as stream:
                for block in self._artifacts.read(sha256):
                    stream.write(block)
        return target


def _applied_rules(log: PolicyLog) -> RuleSet:
    applied = log.applied()
    if applied.revision < 1 or not applied.files:
        raise UnavailableError("No policy is applied, so nothing can be admitted.", hint="Ask an admin to apply one.")
    bound = {name.key: name.id for name in log.bound_names() if name.kind is NameKind.SECURABLE}
    return evolve(parse_rulesets(applied), bound=bound)


def violation(what: str, rejections: tuple[Rejection, ...]) -> RuleViolationError:
    """Return the error that lists every rejection."""
    lines = [f"{r.rule} (demanded by {r.securable}): {r.message}" for r in rejections]
    hints = list(dict.fromkeys(r.hint for r in rejections if r.hint))
    return RuleViolationError(
        f"{what} is refused by {len(rejections)} rule(s): {' '.join(lines)}",
        hint=" ".join(hints) or None,
        rejections=rejections,
    )


def _judged(
    rules: tuple[EffectiveRule, ...], stage: Callable[[Rule[Any]], Callable[[Any, F], Verdict] | None], facts: F
) -> tuple[Rejection, ...]:
    rejections: list[Rejection] = []
    for held in rules:
        judge = None if held.is_check else stage(RULES[held.rule])
        if judge is not None:
            rejections += _rejections(held, judge(converter.structure(held.params, RULES[held.rule].params), facts))
    return tuple(rejections)


def _rejections(rule: EffectiveRule, verdict: Verdict) -> tuple[Rejection, ...]:
    if not isinstance(verdict, Reject):
        return ()
    first = Rejection(rule=rule.rule, message=verdict.message, securable=rule.on, hint=verdict.hint)
    return (first, *(evolve(first, message=reason, hint=None) for reason in verdict.reasons))
