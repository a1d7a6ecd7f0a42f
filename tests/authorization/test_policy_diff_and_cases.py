"""What applying policy files would change, and whether files say what is expected of them, before they are applied."""

from __future__ import annotations

import pytest

from herdbook.errors import InvalidArgumentError
from herdbook.testing.policy_file_samples import policy_files
from herdbook.testing.samples import register

MODEL = "main.default.iris"
READERS = (
    "g, user:ann, role:reader",
    "p, role:reader, main, USE_CATALOG, allow",
    "p, role:reader, main, USE_SCHEMA, allow",
    "p, role:reader, main, EXECUTE, allow",
)


def told(entries, operation="read_model_version_file"):
    return [(str(e.principal), str(e.securable), e.path) for e in entries if e.operation.value == operation]


def test_a_diff_says_who_gains_and_loses_what(governed):
    """Each change is told once, at the highest place where it shows, with what decides and what is excepted."""
    admin = governed.admin
    for name in ("user:ann", "user:bob", "user:cid", "group:team"):
        admin.create_principal(name)
    admin.add_member("group:team", "user:bob")
    before = governed.revision()
    lines = (*READERS, "g, group:team, role:reader", f"p, user:ann, {MODEL}, EXECUTE, deny")
    report = admin.diff_policies(policy_files(*lines))
    assert governed.revision() == before
    because = "EXECUTE on main for role:reader (people.csv:4)"
    inside = "on registered models in it"
    assert told(report.gained) == [
        ("user:ann", "main", (inside, because, f"except {MODEL}")),
        ("user:bob", "main", (inside, because)),
    ]
    assert report.lost == ()
    assert report.notes == ("role:reader is made known.",)
    governed.apply(*lines)
    nothing = admin.diff_policies(policy_files(*lines))
    assert (nothing.gained, nothing.lost, nothing.notes) == ((), (), ())
    fewer = admin.diff_policies(policy_files(*lines[:3], lines[4], f"p, user:bob, {MODEL}, EXECUTE, allow"))
    assert told(fewer.lost) == [
        ("user:ann", "main", (inside, "it lacks EXECUTE on main.*.*", f"before: {because}", f"except {MODEL}")),
        ("user:bob", "main", (inside, "it lacks EXECUTE on main.*.*", f"before: {because}", f"except {MODEL}")),
    ]
    assert told(fewer.gained) == []
    denied = admin.diff_policies(policy_files(*lines, "p, group:team, main.default, EXECUTE, deny"))
    [(who, where, path)] = told(denied.lost)
    assert (who, where, path[1]) == (
        "user:bob",
        "main.default",
        "EXECUTE on main.default.* is denied to group:team (people.csv:7)",
    )


def test_a_diff_counts_newcomers_and_claim_groups(governed):
    """Who is made known by the files gains too, and so does whoever a token says to be in a group of claims."""
    lines = ("p, service:bot, main, USE_CATALOG, allow", "p, group:okta/risk, main, BROWSE, allow")
    gained = governed.admin.diff_policies(policy_files(*lines)).gained
    assert {str(e.principal) for e in gained} == {"service:bot", "group:okta/risk"}
    assert ("group:okta/risk", "main") in {(w, s) for w, s, _ in told(gained, "get_catalog")}


def test_a_diff_knows_owners_and_slots(governed):
    """A deny on slots takes what an owner has, and only on these slots."""
    admin = governed.admin
    admin.create_principal("user:ann")
    admin.create_principal("group:team")
    admin.add_member("group:team", "user:ann")
    governed.apply("p, user:ann, main, USE_CATALOG, allow", "p, user:ann, main, USE_SCHEMA, allow")
    admin.transfer_ownership(MODEL, "group:team")
    lines = ("p, user:ann, main, USE_CATALOG, allow", "p, user:ann, main, USE_SCHEMA, allow")
    report = admin.diff_policies(policy_files(*lines, "p, user:ann, main.default@champion, SET_ALIAS, deny"))
    assert report.gained == ()
    assert [(w, s) for w, s, _ in told(report.lost, "set_registered_model_alias")] == [
        ("user:ann", f"{MODEL}@champion")
    ]


def test_a_diff_refuses_mistakes(governed):
    """A diff of files that cannot be applied would mean nothing."""
    with pytest.raises(InvalidArgumentError, match=r"people\.csv:1"):
        governed.admin.diff_policies(policy_files("p, x"))


CASES = """
[[cases]]
principal = "user:ann"
operation = "read_model_version_file"
securable = "main.default.iris"
expected = "allow"

[[cases]]
principal = "user:ann"
operation = "set_registered_model_alias"
securable = "main.default.iris@champion"
expected = "deny"

[[cases]]
principal = "user:zoe"
operation = "create_registered_model"
securable = "main.default"
expected = "deny"

[[cases]]
principal = "user:ann"
operation = "search_registered_models"
securable = "metastore:"
expected = "allow"
"""


def test_cases_are_judged_by_the_files_given(governed):
    """Cases hold for the files as if they were applied, for whom they make known too; nothing is changed by it."""
    admin = governed.admin
    before = governed.revision()
    files = policy_files(*READERS, "p, user:zoe, main, CREATE_MODEL, allow")
    assert admin.test_policies(files, CASES).problems == ()
    assert governed.revision() == before
    wrong = policy_files(
        *READERS[:-1],
        "p, user:ann, main.default, SET_ALIAS, allow",
        "p, user:zoe, main, USE_CATALOG, allow",
        "p, user:zoe, main, USE_SCHEMA, allow",
        "p, user:zoe, main.default, CREATE_MODEL, allow",
        "p, role:reader, main.default, EXECUTE, deny",
    )
    problems = admin.test_policies(wrong, CASES, path="tests/my.toml").problems
    begins = [problem.partition(": ")[::2] for problem in problems]
    asked = "read_model_version_file main.default.iris: expected allow, but it is denied"
    assert begins[0] == (
        "tests/my.toml:2",
        f"user:ann {asked}: EXECUTE on main.default.iris is denied to role:reader (people.csv:8).",
    )
    asked = "set_registered_model_alias main.default.iris@champion: expected deny, but it is allowed"
    assert begins[1] == (
        "tests/my.toml:8",
        f"user:ann {asked}: SET_ALIAS on main.default for user:ann (people.csv:4).",
    )
    asked = "create_registered_model main.default: expected deny, but it is allowed"
    assert begins[2] == (
        "tests/my.toml:14",
        f"user:zoe {asked}: CREATE_MODEL on main.default for user:zoe (people.csv:7).",
    )
    assert len(problems) == 3


def test_cases_count_a_deny_by_name_and_who_lost_it(governed):
    """What stands in the trash and what bears the name now are told apart in hypothetical policies as in real ones."""
    admin = governed.admin
    lines = (*READERS, f"p, role:reader, {MODEL}, EXECUTE, deny")
    governed.apply(*lines)
    admin.rename_registered_model(MODEL, "main.default.other")
    admin.create_registered_model(MODEL)
    register(admin, MODEL)
    both = CASES.split("[[cases]]")[1].replace('"allow"', '"deny"')
    text = "".join(f"[[cases]]{both.replace(MODEL, name)}" for name in (MODEL, "main.default.other"))
    assert admin.test_policies(policy_files(*lines), text).problems == ()


MISTAKES = {
    "": "cases.toml:1: there are no cases",
    "[[cases]]\nprincipal = 1": "cases.toml:",
    "[[cases]]\nprincipl = 'user:a'": "did you mean 'principal'",
    CASES.replace(
        "set_registered_model_alias", "set_registered_model_alia"
    ): "cases.toml:8: .*'set_registered_model_al",
    CASES.replace('"deny"', '"refuse"', 1): "cases.toml:8: .*allow, deny",
    CASES.replace("user:zoe", "person:zoe"): "cases.toml:14: ",
    CASES.replace("user:zoe", "user:ghost"): "cases.toml:14: there is no principal user:ghost",
    CASES.replace("iris@champion", "rose@champion"): "cases.toml:8: there is no securable",
    CASES.replace("iris@champion", "iris"): "cases.toml:8: set_registered_model_alias is not asked about a registered",
    CASES.replace("default.iris@champion", "default@champion"): "cases.toml:8: ",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_mistakes_in_cases_are_told_with_their_line(governed, text):
    """A case that cannot be judged is a mistake, told with file and line, and not a failure or a success."""
    files = policy_files(*READERS, "p, user:zoe, main, CREATE_MODEL, allow")
    with pytest.raises(InvalidArgumentError, match=MISTAKES[text]):
        governed.admin.test_policies(files, text)
