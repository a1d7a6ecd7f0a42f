"""Every rule, asked through the verbs of a registry over SQLite."""

from __future__ import annotations

import pytest
from attrs import evolve

from herdbook.client.external import register_external_model
from herdbook.entities import Lineage
from herdbook.entities.ledger import AppliedPolicy, Membership
from herdbook.entities.principals import Principal
from herdbook.errors import NotFoundError, RuleViolationError
from herdbook.formats.mlmodel import generate_mlmodel
from herdbook.names import CatalogName, PrincipalName, VersionRef
from herdbook.policy.facts import DeletionFacts
from herdbook.ports.metadata import Stamp
from herdbook.ports.registry import Registry
from herdbook.testing.samples import SIGNATURE, WEIGHTS, model_files, register, upload

FOUNDER = PrincipalName.parse("user:os/founder")
MODEL = "main.default.iris"


def rules(caught: pytest.ExceptionInfo[RuleViolationError]) -> list[str]:
    return [rejection.rule for rejection in caught.value.rejections]


def entry(rule: str, params: str = "", on: str = "main") -> str:
    return f'[[rules]]\nrule = "{rule}"\non = "{on}"\n{params}\n'


class TestTagsRequired:
    TEXT = entry("tags-required", '[rules.params]\non = "both"\nkeys = { team = { values = ["a", "b"] } }')

    @pytest.fixture
    def registry(self, registry_with) -> Registry:
        return registry_with(self.TEXT)

    def test_all_that_lacks_is_told(self, registry: Registry) -> None:
        """A version without the tags is refused with every reason, the securable that demands them, and what to do."""
        registry.create_registered_model(MODEL, tags={"team": "c"})
        with pytest.raises(RuleViolationError) as caught:
            register(registry, MODEL)
        first, second = caught.value.rejections
        assert (first.rule, first.securable) == ("tags-required", "main")
        assert first.message == "The version has no tag 'team'."
        assert second.message == "The tag 'team' of the registered model is 'c', not one of 'a', 'b'."
        assert "tags=" in (first.hint or "")

    def test_tags_may_come_while_a_version_is_pending(self, registry: Registry) -> None:
        """What counts are the tags at the moment of admission, in three steps and in one."""
        registry.create_registered_model(MODEL, tags={"team": "a"})
        pending = registry.create_model_version(MODEL)
        manifest = upload(registry, pending, model_files())
        registry.set_model_version_tag(pending.ref, "team", "b")
        assert registry.finalize_model_version(pending.ref, manifest).status == "READY"
        assert registry.create_model_version(MODEL, manifest=manifest, tags={"team": "a"}).status == "READY"
        with pytest.raises(RuleViolationError):
            registry.create_model_version(MODEL, manifest=manifest)

    def test_a_tag_taken_away_while_pending_is_missed(self, registry: Registry) -> None:
        """A pending version may lose its tags; it is not admitted then."""
        registry.create_registered_model(MODEL, tags={"team": "a"})
        pending = registry.create_model_version(MODEL, tags={"team": "a"})
        manifest = upload(registry, pending, model_files())
        registry.delete_model_version_tag(pending.ref, "team")
        with pytest.raises(RuleViolationError):
            registry.finalize_model_version(pending.ref, manifest)

    def test_the_tags_of_what_was_admitted_stay(self, registry: Registry) -> None:
        """A READY version and its model keep them; they may change to what is allowed, and others may go."""
        registry.create_registered_model(MODEL, tags={"team": "a", "note": "x"})
        registry.delete_registered_model_tag(MODEL, "team")
        registry.set_registered_model_tag(MODEL, "team", "a")
        pending = registry.create_model_version(MODEL, tags={"team": "a"})
        ready = registry.finalize_model_version(pending.ref, upload(registry, pending, model_files()))
        for refused in (
            lambda: registry.delete_registered_model_tag(MODEL, "team"),
            lambda: registry.set_registered_model_tag(MODEL, "team", "c"),
            lambda: registry.delete_model_version_tag(ready.ref, "team"),
            lambda: registry.set_model_version_tag(ready.ref, "team", "c"),
        ):
            with pytest.raises(RuleViolationError) as caught:
                refused()
            assert rules(caught) == ["tags-required"]
        registry.set_registered_model_tag(MODEL, "team", "b")
        registry.set_model_version_tag(ready.ref, "team", "b")
        registry.delete_registered_model_tag(MODEL, "note")
        assert registry.get_registered_model(MODEL).tags == {"team": "b"}
        assert registry.get_model_version(ready.ref).tags == {"team": "b"}

    def test_a_tag_that_is_not_there_is_not_found(self, registry: Registry) -> None:
        """Deleting what is not there is answered as ever, also where a rule speaks of it."""
        registry.create_registered_model(MODEL)
        with pytest.raises(NotFoundError):
            registry.delete_registered_model_tag(MODEL, "team")


class TestGovernedTags:
    TEXT = entry(
        "governed-tags",
        """[rules.params.keys]
        risk = { values = ["low", "high"], setters = ["group:risk"] }
        stage = { pattern = "s-*" }""",
    )

    @pytest.fixture
    def metastore(self, metastore_with):
        return metastore_with(self.TEXT)

    @pytest.fixture
    def registry(self, metastore) -> Registry:
        return metastore.for_caller(metastore.asserted(FOUNDER))

    def join(self, metastore, *names: str) -> None:
        """Make each of the groups a member of the next, and the founder of the first."""
        store, ids = metastore.core.store, metastore.core.ids
        with store.write(exclusive=True) as tx:
            member = tx.principal(FOUNDER).id
            stamp = Stamp(at_ms=1, by=member)
            added = []
            for name in names:
                since = tx.principal(FOUNDER).created_at
                group = Principal(id=ids.new(), name=PrincipalName.parse(name), created_at=since)
                tx.insert_principal(group)
                added.append(Membership(member_id=member, group_id=group.id))
                member = group.id
            files = AppliedPolicy(revision=2, files=tx.applied().files)
            tx.apply_policy(files, add=added, reason=None, stamp=stamp)

    def test_only_setters_set_them_even_among_admins(self, registry: Registry) -> None:
        """Owner and admin are no setters: at creation, later, and to delete, on models and on versions."""
        for refused in (
            lambda: registry.create_registered_model(MODEL, tags={"risk": "low"}),
            lambda: registry.create_registered_model(MODEL, tags={"RISK": "low"}),
        ):
            with pytest.raises(RuleViolationError, match=r"group:risk may set and delete it"):
                refused()
        registry.create_registered_model(MODEL, tags={"stage": "s-1", "free": "x"})
        with pytest.raises(RuleViolationError):
            registry.create_model_version(MODEL, tags={"risk": "low"})
        version = registry.create_model_version(MODEL, tags={"stage": "s-1"})
        with pytest.raises(RuleViolationError) as caught:
            registry.set_registered_model_tag(MODEL, "Risk", "medium")
        assert rules(caught) == ["governed-tags"] * 3
        with pytest.raises(RuleViolationError):
            registry.set_model_version_tag(version.ref, "risk", "low")

    def test_members_of_a_group_are_setters_however_deep(self, metastore, registry: Registry) -> None:
        """Whoever is in the group sets allowed values, and deletes; whoever is not no longer can."""
        registry.create_registered_model(MODEL)
        self.join(metastore, "group:inner", "group:Risk")
        registry.set_registered_model_tag(MODEL, "risk", "low")
        with pytest.raises(RuleViolationError, match="must be one of 'low', 'high'"):
            registry.set_registered_model_tag(MODEL, "risk", "medium")
        with pytest.raises(RuleViolationError, match="another spelling of the governed tag 'risk'"):
            registry.set_registered_model_tag(MODEL, "ri\N{LATIN SMALL LETTER LONG S}k", "low")
        version = registry.create_model_version(MODEL, tags={"risk": "high"})
        registry.delete_model_version_tag(version.ref, "risk")
        registry.delete_registered_model_tag(MODEL, "risk")

    def test_without_setters_only_the_values_are_governed(self, registry: Registry) -> None:
        """Whoever may set tags sets what matches, and deletes."""
        registry.create_registered_model(MODEL)
        registry.set_registered_model_tag(MODEL, "stage", "s-2")
        with pytest.raises(RuleViolationError, match="a value like 's-\\*'"):
            registry.set_registered_model_tag(MODEL, "stage", "x s-2")
        registry.delete_registered_model_tag(MODEL, "stage")

    def test_a_refused_change_leaves_nothing(self, registry: Registry) -> None:
        """One refused tag refuses the whole creation; the name stays free."""
        with pytest.raises(RuleViolationError):
            registry.create_registered_model(MODEL, tags={"free": "x", "risk": "low"})
        with pytest.raises(NotFoundError):
            registry.get_registered_model(MODEL)


class TestAllowedFormats:
    def test_what_is_not_listed_is_refused(self, registry_with) -> None:
        """Flavors and files are denied unless listed, each refusal names its own; case does not matter in names."""
        registry = registry_with(
            entry("allowed-formats", 'params = { flavors = ["onnx"], files = ["MLmodel", "*.ONNX"] }')
        )
        registry.create_registered_model(MODEL)
        onnx = generate_mlmodel(SIGNATURE).replace(b"herdbook_files:", b"onnx:")
        files = {"MLmodel": onnx, "weights/m.Onnx": WEIGHTS}
        assert register(registry, MODEL, files).status == "READY"
        with pytest.raises(RuleViolationError) as caught:
            register(registry, MODEL, {"MLmodel": onnx.replace(b"onnx:", b"sklearn:"), "m.onnx.pkl": WEIGHTS})
        assert [rejection.message for rejection in caught.value.rejections] == [
            "Its flavor 'sklearn' is not allowed.",
            "The file 'm.onnx.pkl' is not of an allowed format.",
        ]
        with pytest.raises(RuleViolationError, match="no flavors that can be read"):
            register(registry, MODEL, {"MLmodel": b"[broken", "m.onnx": WEIGHTS})

    def test_forbidden_files_are_refused_and_counted(self, registry_with) -> None:
        """Spellings that open the same file are forbidden too; many files do not make a long answer."""
        registry = registry_with(entry("allowed-formats", 'params = { forbidden_files = ["*.pkl"] }'))
        registry.create_registered_model(MODEL)
        assert register(registry, MODEL, {"a.pkl.txt": WEIGHTS}).status == "READY"
        for name in ("a.pkl", "x/A.PKL", "a.pkl.", "a.pkl "):
            with pytest.raises(RuleViolationError, match="of a forbidden format"):
                register(registry, MODEL, {name: WEIGHTS})
        with pytest.raises(RuleViolationError) as caught:
            register(registry, MODEL, {f"{number}.pkl": WEIGHTS for number in range(9)})
        assert len(caught.value.rejections) == 6
        assert caught.value.rejections[-1].message == "So it is with 4 more files."


class TestAllowedSources:
    def test_sources_are_demanded_and_judged(self, registry_with) -> None:
        """No source, one that is not clear, and one from elsewhere are refused."""
        registry = registry_with(entry("allowed-sources", 'params = { sources = ["s3://models/prod/"] }'))
        registry.create_registered_model(MODEL)
        assert register(registry, MODEL, lineage=Lineage(source="s3://models/prod/1")).status == "READY"
        for source, message in (
            (None, "It names no source"),
            ("s3://models/prod/../1", "no absolute URI with one clear reading"),
            ("s3://models/dev/1", "Its source 's3://models/dev/1' is not allowed"),
        ):
            with pytest.raises(RuleViolationError, match=message):
                register(registry, MODEL, lineage=Lineage(source=source))

    def test_an_external_model_is_judged_by_where_it_is_served(self, registry_with) -> None:
        """Its endpoint must be among the allowed; what cannot be read may hide one, and is refused."""
        registry = registry_with(entry("allowed-sources", 'params = { sources = ["https://models.example.com/"] }'))
        good = register_external_model(
            MODEL, endpoint="https://models.example.com/v1", signature=SIGNATURE, registry=registry
        )
        assert good.status == "READY"
        with pytest.raises(RuleViolationError, match=r"endpoint 'https://elsewhere\.example\.com/v1' is not allowed"):
            register_external_model(
                MODEL, endpoint="https://elsewhere.example.com/v1", signature=SIGNATURE, registry=registry
            )
        with pytest.raises(RuleViolationError, match="MLmodel cannot be read"):
            register(registry, MODEL, {"MLmodel": b"flavors: ["})

    def test_parents_are_judged_by_where_they_lie(self, registry_with) -> None:
        """Made from nothing registered is fine; from a version elsewhere it is not."""
        registry = registry_with(entry("allowed-sources", 'params = { parents = ["main.Def*"] }'))
        registry.create_schema("main.other")
        for name in (MODEL, "main.other.iris"):
            registry.create_registered_model(name)
        near, far = register(registry, MODEL), register(registry, "main.other.iris")
        assert register(registry, MODEL, lineage=Lineage(parents=(near.ref,))).status == "READY"
        with pytest.raises(RuleViolationError) as caught:
            register(registry, MODEL, lineage=Lineage(parents=(near.ref, far.ref)))
        assert [r.message for r in caught.value.rejections] == ["Its parent main.other.iris/1 is not allowed."]


def test_rules_hold_where_they_are_bound_and_all_refusals_are_told(registry_with) -> None:
    """Rules of every level refuse together, each naming its securable; beside them nothing is asked."""
    registry = registry_with(
        entry("signature-required", "overridable = true", on="metastore:")
        + entry("tags-required", "params = { keys = { team = {} } }")
        + entry("allowed-formats", 'params = { forbidden_files = ["*.bin"] }', on="main.default")
        + entry("signature-required", "enabled = false", on="open")
    )
    registry.create_registered_model(MODEL)
    with pytest.raises(RuleViolationError) as caught:
        register(registry, MODEL, model_files(signed=False))
    assert [(r.rule, r.securable) for r in caught.value.rejections] == [
        ("signature-required", "metastore:"),
        ("tags-required", "main"),
        ("allowed-formats", "main.default"),
    ]
    registry.create_catalog("open")
    registry.create_schema("open.any")
    registry.create_registered_model("open.any.iris")
    assert register(registry, "open.any.iris", model_files(signed=False)).status == "READY"
    assert registry.get_effective_rules("open.any.iris") == ()
    told = registry.get_effective_rules("open.any.iris", with_overridden=True)
    assert [rule.state for rule in told] == ["replaced by rules/own.toml:13", "switched off"]


def test_the_deletion_of_an_aliased_version_is_judged(metastore_with) -> None:
    """What holds for the model says which versions are kept; where the rule is switched off, none is."""
    core = metastore_with(
        entry("aliased-versions-are-kept", "overridable = true", on="metastore:")
        + entry("aliased-versions-are-kept", "enabled = false")
    ).core
    facts = DeletionFacts(version=VersionRef.parse(f"{MODEL}/1"), aliases=("champion",))
    with core.store.read() as tx:
        kept = core.admission.rules_for(tx.metastore(), tx)
        switched_off = core.admission.rules_for(tx.catalog(CatalogName.parse("main")).chain, tx)
    (rejection,) = core.admission.judge_deletion(kept, facts)
    assert (rejection.rule, rejection.securable) == ("aliased-versions-are-kept", "metastore:")
    assert core.admission.judge_deletion(kept, evolve(facts, aliases=())) == ()
    assert core.admission.judge_deletion(switched_off, facts) == ()


def test_an_empty_list_of_setters_is_nobody(registry_with) -> None:
    """Empty is not permission, for the admin neither."""
    registry = registry_with(entry("governed-tags", "[rules.params.keys.risk]\nsetters = []"))
    with pytest.raises(RuleViolationError, match="nobody may set and delete it"):
        registry.create_registered_model(MODEL, tags={"risk": "low"})
