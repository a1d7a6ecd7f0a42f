"""Names in policy files bind to ids once; denies and rules also hold for whatever bears the name (R16, R31)."""

from __future__ import annotations

import pytest

from herdbook.errors import NotFoundError, PermissionDeniedError, RuleViolationError
from herdbook.service import admission
from herdbook.testing.policy_file_samples import DEFAULT_RULES, policy_files
from herdbook.testing.samples import register

MODEL = "main.default.iris"
GATES = (
    "p, user:ann, main, USE_CATALOG, allow",
    "p, user:ann, main.default, USE_SCHEMA, allow",
)
OTHER = "main.default.other"
READ = (*GATES, f"p, user:ann, {MODEL}, EXECUTE, allow")
ALL = (*GATES, "p, user:ann, main, EXECUTE, allow")
DENY = (*ALL, f"p, user:ann, {MODEL}, EXECUTE, deny")


def loads(registry, name):
    try:
        return bool(b"".join(registry.read_model_version_file(f"{name}/1", "model.bin")))
    except (PermissionDeniedError, NotFoundError):
        return False


def make(admin, name):
    admin.create_registered_model(name)
    register(admin, name)


def test_an_allow_follows_its_object(governed):
    """Renamed, it keeps the right; what bears the old name gets none, at once or at the next apply, until rebind."""
    admin, ann = governed.admin, governed.by("user:ann")
    governed.apply(*READ)
    assert loads(ann, MODEL)
    admin.rename_registered_model(MODEL, OTHER)
    make(admin, MODEL)
    for _ in range(2):
        assert loads(ann, OTHER)
        assert not loads(ann, MODEL)
        governed.apply(*READ)
    [note] = admin.check_policies(policy_files(*READ)).notes
    assert MODEL in note
    base = admin.get_policies().revision
    assert admin.rebind_policy_name(MODEL).revision == base + 1
    assert (loads(ann, OTHER), loads(ann, MODEL)) == (False, True)
    assert admin.check_policies(policy_files(*READ)).notes == ()
    governed.apply(*GATES, f"p, user:ann, {OTHER}, EXECUTE, allow")
    assert (loads(ann, OTHER), loads(ann, MODEL)) == (True, False)


def test_an_allow_comes_back_from_the_trash(governed):
    """Deleted, the line lies inert and a new thing of the name has nothing; restored, the right is back (R31)."""
    admin, ann = governed.admin, governed.by("user:ann")
    governed.apply(*READ)
    admin.delete_registered_model(MODEL, force=True)
    make(admin, MODEL)
    governed.apply(*READ)
    assert not loads(ann, MODEL)
    admin.rename_registered_model(MODEL, OTHER)
    [trashed] = admin.list_deleted("metastore:").items
    admin.restore_registered_model(trashed.id)
    assert (loads(ann, MODEL), loads(ann, OTHER)) == (True, False)
    admin.delete_registered_model(MODEL, force=True)
    [trashed] = admin.list_deleted("metastore:").items
    admin.purge_registered_model(trashed.id)
    make(admin, MODEL)
    governed.apply(*READ)
    assert not loads(ann, MODEL)
    assert len(governed.lines()) == 2


def test_an_allow_for_a_missing_name_waits_for_the_next_apply(governed):
    """It makes no line until an apply finds what bears the name."""
    ann = governed.by("user:ann")
    lines = (*GATES, f"p, user:ann, {OTHER}, EXECUTE, allow")
    governed.apply(*lines)
    make(governed.admin, OTHER)
    assert not loads(ann, OTHER)
    governed.apply(*lines)
    assert loads(ann, OTHER)


def test_a_deny_holds_for_its_object_and_for_the_name(governed):
    """Neither renaming away nor taking the name escapes a deny, at once and after the next apply."""
    admin, ann = governed.admin, governed.by("user:ann")
    governed.apply(*DENY)
    assert not loads(ann, MODEL)
    admin.rename_registered_model(MODEL, OTHER)
    make(admin, MODEL)
    make(admin, "main.default.third")
    for _ in range(2):
        assert (loads(ann, MODEL), loads(ann, OTHER), loads(ann, "main.default.third")) == (False, False, True)
        governed.apply(*DENY)
    admin.delete_registered_model(MODEL, force=True)
    admin.rename_registered_model("main.default.third", MODEL)
    assert not loads(ann, MODEL)
    governed.apply(*ALL)
    assert (loads(ann, MODEL), loads(ann, OTHER)) == (True, True)


def test_a_deny_waits_for_its_name(governed):
    """What is made, renamed or restored under a denied name, alone or with its container, is denied from the start."""
    admin, ann = governed.admin, governed.by("user:ann")
    names = ("stage.fraud.a", "stage.fraud", "stage")
    lines = [*ALL]
    for name in names:
        lines += [f"p, user:ann, {name}, EXECUTE, deny"]
    lines += ["p, user:ann, stage.fraud@champion, SET_ALIAS, deny"]
    governed.apply(*lines)
    admin.create_catalog("draft")
    admin.create_schema("draft.fraud")
    make(admin, "draft.fraud.a")
    before = len(governed.lines())
    revision = governed.revision()
    admin.rename_catalog("draft", "stage")
    made = {line.origin: line for line in governed.lines().values() if line.origin > "people.csv:3"}
    assert sorted(made) == [f"people.csv:{number}" for number in (4, 5, 6, 7)]
    assert made["people.csv:7"].alias_key == "champion"
    assert len(governed.lines()) == before + 4
    assert governed.revision() == revision + 1
    granted = [grant for grant in admin.list_grants("stage").items if grant.origin == "people.csv:6"]
    assert [grant.granted_by for grant in granted] == ["user:os/founder"]
    admin.grant("user:ann", "USE_CATALOG", "stage")
    admin.grant("user:ann", "USE_SCHEMA", "stage")
    admin.grant("user:ann", "EXECUTE", "stage")
    assert not loads(ann, "stage.fraud.a")
    admin.delete_registered_model("stage.fraud.a", force=True)
    [trashed] = admin.list_deleted("metastore:").items
    governed.apply(*(line for line in lines if ", stage" not in line or "a, EXECUTE" in line))
    make(admin, "stage.fraud.b")
    assert loads(ann, "stage.fraud.b")
    admin.restore_registered_model(trashed.id)
    assert not loads(ann, "stage.fraud.a")


def test_a_denied_name_binds_within_the_transaction_that_makes_it(governed):
    """A copy that makes its model is judged by the denies that the name brings, and leaves nothing when refused."""
    admin, ann = governed.admin, governed.by("user:ann")
    lines = (
        *ALL,
        "p, user:ann, main.default, CREATE_MODEL, allow",
        f"p, user:ann, {OTHER}, CREATE_MODEL_VERSION, deny",
    )
    governed.apply(*lines)
    revision = governed.revision()
    with pytest.raises((PermissionDeniedError, NotFoundError)):
        ann.copy_model_version(f"{MODEL}/1", OTHER)
    assert governed.revision() == revision
    with governed.metastore.core.store.read() as tx:
        assert tx.bearers([OTHER]) == {}
    # What was not committed decides nothing: the next revision of that number says something else.
    admin.grant("user:ann", "CREATE_MODEL_VERSION", "main")
    ann.copy_model_version(f"{MODEL}/1", "main.default.free")
    assert loads(ann, "main.default.free")


def test_rules_follow_their_object_and_hold_for_the_name(governed):
    """Renaming a catalog does not escape the rules bound to its old name, and a new one of the name has them too."""
    admin = governed.admin
    rules = (
        f'{DEFAULT_RULES}\n[[rules]]\nrule = "tags-required"\non = "risk"\nparams = {{ keys = {{ team = {{}} }} }}\n'
    )
    admin.create_catalog("risk")
    admin.create_schema("risk.s")
    governed.apply(rules=rules)

    def demanded(name):
        return [rule.rule for rule in admin.get_effective_rules(name) if rule.rule == "tags-required"]

    assert demanded("risk.s") == ["tags-required"]
    admin.rename_catalog("risk", "free")
    admin.create_catalog("risk")
    for _ in range(2):
        assert (demanded("free.s"), demanded("risk"), demanded("main")) == (["tags-required"], ["tags-required"], [])
        governed.apply(rules=rules)
    admin.create_registered_model("free.s.m")
    with pytest.raises(RuleViolationError, match="tags-required"):
        register(admin, "free.s.m")
    admin.rebind_policy_name("risk")
    assert (demanded("free.s"), demanded("risk")) == ([], ["tags-required"])


def test_grants_do_not_read_the_rules_again(governed, monkeypatch):
    """The rules are parsed once for a revision of the files, however often rights change."""
    governed.admin.get_effective_rules(MODEL)
    parsed = []
    real = admission.parse_rulesets
    monkeypatch.setattr(admission, "parse_rulesets", lambda files: parsed.append(files) or real(files))
    for number in range(3):
        governed.admin.create_principal(f"user:u{number}")
        governed.admin.grant(f"user:u{number}", "EXECUTE", "main")
        assert governed.admin.get_effective_rules(MODEL)
    assert parsed == []
    governed.apply()
    assert governed.admin.get_effective_rules(MODEL)
    assert len(parsed) == 1


def test_a_new_principal_under_an_old_name_inherits_nothing(governed):
    """A deleted principal's lines go to nobody until the name is bound anew (R18)."""
    admin = governed.admin
    governed.apply(*READ)
    assert loads(governed.by("user:ann"), MODEL)
    admin.delete_principal("user:ann")
    ann = governed.by("user:ann")
    assert not loads(ann, MODEL)
    governed.apply(*READ)
    assert not loads(ann, MODEL)
    assert "user:ann" in admin.check_policies(policy_files(*READ)).notes[0]
    admin.rebind_policy_name("user:ann", reason="she is back")
    assert loads(ann, MODEL)


def test_what_can_be_rebound(governed):
    """Only a name that the files in force have, and that something bears."""
    governed.apply(*GATES, f"p, user:ann, {OTHER}, EXECUTE, allow")
    for name, match in ((OTHER, "Nothing bears"), (MODEL, "No policy file"), ("user:zoe", "Nothing bears")):
        with pytest.raises(NotFoundError, match=match):
            governed.admin.rebind_policy_name(name)
