"""R17: what policy files hold; applying them is another rule's."""

from __future__ import annotations

from pathlib import Path

import pytest

from herdbook.bootstrap import read_policy, shipped_policies
from herdbook.entities.ledger import PolicyFile
from herdbook.errors import InvalidArgumentError
from herdbook.policy.policy_lines import parse_lines


def problems(text: str) -> tuple[str, ...]:
    """Return the mistakes of a file of lines."""
    return parse_lines([PolicyFile(path="a.csv", text=text)]).problems


def test_only_p_and_g_lines():
    """A `p` line has four fields, a `g` line two; Unity Catalog's spelling with a space is read as the privilege."""
    text = "# who\n\np, role:scientist, prod.fraud, CREATE MODEL, allow\np, ann, prod@champion, SET_ALIAS, deny\n"
    found = parse_lines([PolicyFile(path="a.csv", text=text + "g, user:ann, role:scientist\n")])
    assert found.problems == ()
    assert [(str(each.principal), each.privilege.value, each.effect.value, each.origin) for each in found.lines] == [
        ("role:scientist", "CREATE_MODEL", "allow", "a.csv:3"),
        ("user:ann", "SET_ALIAS", "deny", "a.csv:4"),
    ]
    assert [str(each.group) for each in found.members] == ["role:scientist"]


@pytest.mark.parametrize(
    "line",
    [
        "p2, role:a, prod, EXECUTE, allow",
        "g2, prod.fraud, prod",
        "p, role:a, prod, EXECUTE",
        "p, role:a, prod, EXECUTE, allow, extra",
        "g, user:a",
        "g, user:a, role:b, role:c",
        "p, role:a, prod, execute, allow",
        "p, role:a, prod, RUN, allow",
        "p, role:a, prod, EXECUTE, maybe",
        "p, role:a, prod, EXECUTE, ALLOW",
        "p, role:a, prod.*, EXECUTE, allow",
        "p, *, prod, EXECUTE, allow",
        "p, role:a, prod.fraud.m/1, EXECUTE, allow",
        "p, role:a, , EXECUTE, allow",
        "p, role:a, metastore:, EXECUTE, allow",
        "p, role:a, prod.fraud.m, CREATE_SCHEMA, allow",
        "p, role:a, prod@champion, EXECUTE, allow",
        "g, role:a, user:b",
        "g, user:a, group:okta/b",
    ],
)
def test_anything_else_is_a_mistake_with_its_place(line):
    """Each refuses the set: a mistake is told by file and line, however right the rest is."""
    [problem] = problems(f"p, role:a, prod, EXECUTE, allow\n{line}\n")
    assert problem.startswith("a.csv:2: ")


def test_another_model_refuses_to_start(tmp_path: Path):
    """A policy folder with an edited model.conf is not read."""
    for path in shipped_policies().rglob("*"):
        target = tmp_path / path.relative_to(shipped_policies())
        if path.is_dir():
            target.mkdir(exist_ok=True)
        else:
            target.write_bytes(path.read_bytes())
    assert read_policy(str(tmp_path))[0] == read_policy(None)[0]
    model = tmp_path / "model.conf"
    model.write_text(model.read_text().replace("!some(where (p.eft == deny))", "true"))
    with pytest.raises(InvalidArgumentError, match="not the model that Herdbook ships"):
        read_policy(str(tmp_path))
