"""Policy files, applied: whole or not at all, against a named base, and what they may not say (R17, R20, R21, R22)."""

from __future__ import annotations

import pytest
from attrs import evolve

from herdbook.adapters.sql.store import Mode
from herdbook.entities.ledger import PolicyFile
from herdbook.errors import (
    ConcurrentUpdateError,
    ConflictError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
)
from herdbook.testing.policy_file_samples import policy_files

MODEL = "main.default.iris"
READERS = (
    "# who reads",
    "",
    "g, user:ann, role:reader",
    "p, role:reader, main, USE_CATALOG, allow",
    "p, role:reader, main.default, USE SCHEMA, allow",
    "p, role:reader, main, READ_METADATA, allow",
)


def test_files_give_and_take_rights(governed):
    """Lines act once applied, name who does not exist yet, and end with the line; grants at run time stay."""
    admin = governed.admin
    ann = governed.by("user:ann")
    with pytest.raises(NotFoundError):
        ann.get_registered_model(MODEL)
    before = admin.get_policies()
    applied = governed.apply(*READERS, "p, service:bot, main, EXECUTE, allow")
    assert applied.revision > before.revision
    assert (applied.applied_by, applied.reason) == ("user:os/founder", "a test")
    assert admin.get_policies() == applied
    assert ann.get_registered_model(MODEL)
    assert str(admin.get_principal("service:bot").name) == "service:bot"
    origins = {grant.grant.origin for grant in admin.list_effective_grants(MODEL, principal="user:ann").items}
    assert origins == {"people.csv:4", "people.csv:5", "people.csv:6"}
    with pytest.raises(ConflictError, match=r"people\.csv:6"):
        admin.revoke("role:reader", "READ_METADATA", "main")
    with pytest.raises(ConflictError, match=r"people\.csv:3"):
        admin.remove_member("role:reader", "user:ann")
    admin.grant("role:reader", "EXECUTE", "main")
    governed.apply(*READERS[:-1])
    assert b"".join(ann.read_model_version_file(f"{MODEL}/1", "model.bin"))
    governed.apply()
    with pytest.raises(NotFoundError):
        ann.get_registered_model(MODEL)
    assert governed.lines() == {}
    assert [str(grant.principal) for grant in admin.list_grants("main").items] == ["role:reader"]


def test_applying_the_same_files_again_changes_no_line(governed):
    """What is in force stays as it is, line by line, under a new revision of the files."""
    first = governed.apply(*READERS)
    lines = governed.lines()
    again = governed.apply(*READERS)
    assert governed.lines() == lines
    assert again.revision == first.revision + 1
    assert again.files == first.files
    moved = governed.apply("# one line further down", *READERS)
    assert max(line.origin for line in governed.lines().values()) == "people.csv:7"
    assert moved.revision == again.revision + 1
    assert governed.by("user:ann").get_registered_model(MODEL)


def test_a_changed_base_is_refused(governed):
    """Files are applied against the revision of those that they replace; grants do not move it."""
    base = governed.admin.get_policies().revision
    governed.admin.create_principal("user:cid")
    governed.admin.grant("user:cid", "USE_CATALOG", "main")
    assert governed.admin.get_policies().revision == base
    governed.admin.apply_policies(policy_files(*READERS), expected_revision=base)
    with pytest.raises(ConcurrentUpdateError, match=f"not {base}"):
        governed.admin.apply_policies(policy_files(), expected_revision=base)
    assert governed.by("user:ann").get_registered_model(MODEL)


WRONG = {
    "p, role:a, main, EXECUT, allow": r"people\.csv:1: .*EXECUTE",
    "p, role:a, main, execute, allow": r"people\.csv:1: .*EXECUTE",
    "p, role:a, main.default, CREATE_SCHEMA, allow": r"people\.csv:1: .*CATALOG",
    "p, role:a, main*, EXECUTE, allow": r"people\.csv:1: ",
    "p, role:a, main, EXECUTE, permit": r"people\.csv:1: .*allow or deny",
    "p, role:a, main, EXECUTE": r"people\.csv:1: .*has 3",
    "q, role:a, main": r"people\.csv:1: .*p or g",
    "g, user:a, user:b": r"people\.csv:1: .*cannot have members",
    "g, user:a, group:okta/b": r"people\.csv:1: .*cannot have members",
    "g, group:okta/b, role:a": r"people\.csv:1: .*claims",
    "p, role:a, metastore:, MANAGE, allow": r"people\.csv:1: .*metastore",
    "p, role:a, metastore:, MANAGE_POLICY, deny": r"people\.csv:1: .*metastore",
    "p, role:a, metastore:, ALL_PRIVILEGES, deny": r"people\.csv:1: .*metastore",
    "g, role:a, role:b\ng, role:b, role:c\ng, role:c, role:a": r"people\.csv:[123]: .*member of itself",
    "\n".join(f"g, role:r{n}, role:r{n + 1}" for n in range(9)): r"people\.csv:\d: .*more than 8 deep",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_mistake_refuses_the_set_whole(governed, text):
    """Each mistake is told with file and line, by check and apply alike, and the running policy stays."""
    governed.apply(*READERS)
    before = governed.admin.get_policies()
    files = policy_files(text)
    report = governed.admin.check_policies(files)
    assert report.base_revision == before.revision
    with pytest.raises(InvalidArgumentError, match=WRONG[text]) as caught:
        governed.admin.apply_policies(files, expected_revision=before.revision)
    assert tuple(caught.value.details["problems"]) == report.problems
    assert governed.admin.get_policies() == before
    assert governed.by("user:ann").get_registered_model(MODEL)


@pytest.mark.parametrize(
    ("path", "text", "told"),
    [
        ("people.csv", "g, user:ann, role:reader\n# \ud800\n", "people.csv:2: there is a NUL"),
        ("people.csv", "# \0", "people.csv:1: there is a NUL"),
        ("rules/own.toml", "# \ud800", "rules/own.toml:1: there is a NUL"),
        ("\ud800.csv", "", "\\ud800.csv:1: the path has a NUL"),
        ("a\0.csv", "", "the path has a NUL"),
        ("x" * 1025 + ".csv", "", "the path has over 1024 characters"),
    ],
)
def test_what_no_database_keeps_is_a_mistake_like_any(governed, path, text, told):
    """What `check` finds good can be applied."""
    files = [*policy_files(), PolicyFile(path=path, text=text)]
    assert any(told in problem for problem in governed.admin.check_policies(files).problems)
    revision = governed.admin.get_policies().revision
    with pytest.raises(InvalidArgumentError, match="refused") as caught:
        governed.admin.apply_policies(files, expected_revision=revision)
    assert told in str(caught.value)


def test_all_mistakes_are_told_at_once(governed):
    """Lines, rules, checks and files that have no place are all told, not the first alone."""
    rules = '[[rules]]\nrule = "signature-requird"\non = "main"\n'
    checks = '[[rules]]\ncheck = "nope"\non = "main"\n'
    files = (
        *policy_files("p, role:a, main, X, allow", "p, role:a, main, EXECUTE, allow", "g, x", rules=rules),
        PolicyFile(path="rules/checks.toml", text=checks),
        PolicyFile(path="notes.txt", text=""),
    )
    problems = governed.admin.check_policies((*files[1:], evolve(files[0], text="[x]"))).problems
    told = "\n".join(problems)
    for place in ("people.csv:1", "people.csv:3", "rules/default.toml:1", "rules/checks.toml:1", "notes.txt:1"):
        assert f"{place}: " in told
    assert "model.conf:1: it is not the model" in told
    assert "signature-required" in told
    assert "model.conf:1: the file is missing" in "".join(governed.admin.check_policies(files[1:]).problems)
    assert len(problems) == 6


def test_files_do_not_decide_who_administers(governed):
    """No line adds to, or takes from, whatever holds MANAGE or MANAGE_POLICY on the metastore, nested or not (R21)."""
    admin = governed.admin
    for name in ("group:root", "group:inner", "group:keepers"):
        admin.create_principal(name)
    admin.grant("group:root", "MANAGE", "metastore:")
    admin.grant("group:keepers", "MANAGE_POLICY", "metastore:")
    admin.add_member("group:root", "group:inner")
    for group in ("group:root", "group:inner", "group:keepers"):
        [problem] = admin.check_policies(policy_files(f"g, user:ann, {group}")).problems
        assert problem.startswith("people.csv:1: ")
        assert "MANAGE" in problem
    through = policy_files("g, user:ann, role:x", "g, role:x, group:inner")
    assert [text[:13] for text in admin.check_policies(through).problems] == ["people.csv:1:", "people.csv:2:"]
    governed.apply("g, user:ann, role:late")
    admin.grant("role:late", "MANAGE", "metastore:")
    governed.apply("# moved", "g, user:ann, role:late")
    with pytest.raises(InvalidArgumentError, match=r"people\.csv:2.*taken from the files"):
        governed.apply()
    denied = admin.create_principal("role:cut").name
    admin.deny(denied, "MANAGE", "metastore:")
    assert admin.check_policies(policy_files("g, user:ann, role:late", "g, user:bob, role:cut")).problems != ()


def test_files_do_not_close_a_circle_with_run_time_memberships(governed):
    """Circles and depth are judged over all memberships there would be (R20)."""
    admin = governed.admin
    for name in ("role:a", "role:b"):
        admin.create_principal(name)
    admin.add_member("role:b", "role:a")
    [problem] = admin.check_policies(policy_files("g, role:b, role:a")).problems
    assert problem.startswith("people.csv:1: ")


def test_who_may(governed):
    """Reading asks READ_AUDIT or MANAGE_POLICY, applying MANAGE_POLICY; MANAGE alone is not enough."""
    admin, ann = governed.admin, governed.by("user:ann")
    admin.grant("user:ann", "MANAGE", "metastore:")
    base = admin.get_policies().revision
    calls = (
        ann.get_policies,
        lambda: ann.check_policies(policy_files()),
        lambda: ann.diff_policies(policy_files()),
        lambda: ann.test_policies(policy_files(), ""),
        lambda: ann.apply_policies(policy_files(), expected_revision=base),
        lambda: ann.rebind_policy_name("main"),
    )
    for call in calls:
        with pytest.raises(PermissionDeniedError):
            call()
    admin.grant("user:ann", "READ_AUDIT", "metastore:")
    assert ann.get_policies().revision == base
    assert ann.check_policies(policy_files()).problems == ()
    with pytest.raises(PermissionDeniedError, match="MANAGE_POLICY"):
        ann.apply_policies(policy_files(), expected_revision=base)


def test_a_policy_folder_with_lines_founds_a_metastore(make_metastore, tmp_path):
    """The lines of the folder that a metastore begins with are in force from revision 1 on, and bound."""
    folder = tmp_path / "policies"
    for file in policy_files(*READERS, "p, role:reader, main.default.secret, EXECUTE, deny"):
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(file.text, encoding="utf-8")
    metastore = make_metastore(policies=str(folder))
    with metastore.core.store.read() as tx:
        snapshot, applied = tx.snapshot(), tx.applied()
        bound = {name.key for name in tx.bound_names()}
    assert applied.revision == snapshot.revision == 1
    assert len([line for line in snapshot.lines if line.from_file]) == 3
    assert {"main", "main.default", "user:ann", "role:reader"} == bound


def test_an_apply_is_audited(governed):
    """The row says which revision replaced which, what it changed, and why."""
    base = governed.admin.get_policies().revision
    applied = governed.apply(*READERS)
    with governed.metastore.core.store.transaction(Mode.READ) as runner:
        rows = runner.all("SELECT payload FROM audit WHERE operation = 'apply_policies' ORDER BY id")
    payload = bytes(rows[-1][0]).decode()
    for part in (
        f'"base":{base}',
        f'"revision":{applied.revision}',
        '"lines_added":3',
        '"members_added":1',
        '"a test"',
    ):
        assert part in payload
