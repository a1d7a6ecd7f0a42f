"""The pages do what they say: their commands run, their code blocks work, their links lead somewhere."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from attrs import frozen

from herdbook.bootstrap import open_registry
from herdbook.cli import main
from herdbook.client.register import register_model
from herdbook.errors import RuleViolationError
from herdbook.formats.filter_fields import FIELDS, MAX_ORDERS, Noun
from herdbook.formats.filter_tokens import MAX_LENGTH
from herdbook.formats.filters import MAX_CLAUSES, MAX_DEPTH, MAX_ITEMS
from herdbook.settings import os_principal

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("plugins/*/README.md"))]
TUTORIAL = ROOT / "docs" / "tutorial.md"
SEARCH = ROOT / "docs" / "how-to" / "search.md"
CHECK = ROOT / "docs" / "how-to" / "write-your-first-check.md"
POLICIES = ROOT / "docs" / "how-to" / "policies.md"
MOVING = ROOT / "docs" / "how-to" / "export-import.md"
SIGNATURE = {"inputs": [{"type": "double", "name": "x"}], "outputs": [{"type": "long"}]}
_BLOCK = re.compile(
    r"(?:^`(?P<path>[\w./-]+)`[^\n]*:\n\n)?^```(?P<lang>\w+)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE
)


@frozen(kw_only=True)
class Block:
    """A code block, and the file that the line before it names."""

    path: str | None
    lang: str
    body: str


@frozen(kw_only=True)
class Command:
    """A command of a page, and the output that the page shows."""

    words: str
    shown: str


def blocks(page: Path) -> list[Block]:
    return [Block(**found.groupdict()) for found in _BLOCK.finditer(page.read_text())]


def commands(block: Block) -> list[Command]:
    found = re.split(r"^\$ ", block.body, flags=re.MULTILINE)[1:]
    parts = [text.partition("\n") for text in found]
    return [Command(words=head.partition("  #")[0].strip(), shown=shown.strip()) for head, _, shown in parts]


@pytest.fixture
def shell(tmp_path, monkeypatch):
    """A folder to work in, and who types a page's commands there: ours in this process, the others in a shell."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")
    for name in [name for name in os.environ if name.startswith("HERDBOOK_")]:
        monkeypatch.delenv(name)

    def typed(words: str) -> tuple[int, str]:
        verb, *rest = shlex.split(words)
        if verb == "export":
            monkeypatch.setenv(*rest[0].split("=", 1))
            return 0, ""
        if verb != "herdbook":
            done = subprocess.run(["sh", "-c", words], capture_output=True, text=True, check=False)
            return done.returncode, done.stdout + done.stderr
        said = io.StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            code = main(rest)
        return code, said.getvalue()

    return typed


def keeps(command: Command, code: int, said: str) -> None:
    """A command ends as the page shows: what it prints is there, and it fails only where the page shows an error."""
    shown = command.shown.replace("user:os/you", str(os_principal()))
    pattern = ".*".join(re.escape(part) for part in shown.split("..."))
    assert re.search(pattern, said, re.DOTALL), f"{command.words}\n{said}"
    assert (code != 0) == shown.startswith("herdbook:"), f"{command.words} -> {code}\n{said}"


def model(folder: Path) -> None:
    """A model folder as MLflow writes them, without MLflow."""
    folder.mkdir()
    parts = {key: json.dumps(value) for key, value in SIGNATURE.items()}
    (folder / "MLmodel").write_text(json.dumps({"flavors": {"sklearn": {}}, "signature": parts}))
    (folder / "model.pkl").write_bytes(b"weights")


def held(folder: Path) -> set[Path]:
    return {path for path in (folder / "artifacts" / "blobs").rglob("*") if path.is_file()}


def test_the_tutorial_does_what_it_says(tmp_path, shell):
    """Each command of the tutorial ends as shown; the versions, the aliases and the bytes are then as told."""
    model(tmp_path / "model")
    after = []
    typed = [command for block in blocks(TUTORIAL)[1:] if block.lang == "console" for command in commands(block)]
    for command in typed:
        keeps(command, *shell(command.words))
        if command.words.startswith("herdbook register"):
            after.append(held(tmp_path / "registry"))
    assert len(after) == 4
    assert after[3] == after[2] > after[0]

    with open_registry("./registry") as registry:
        rows = {row.version: str(row.status) for row in registry.list_model_versions("main.default.iris").items}
        assert rows == {1: "READY", 2: "FAILED_REGISTRATION", 3: "READY", 4: "READY"}
        assert registry.get_model_version_by_alias("main.default.iris@champion").version == 4
        assert dict(registry.get_model_version("main.default.iris/1").tags) == {"team": "teaching"}
    moves = json.loads(shell("herdbook aliases history main.default.iris@champion --json")[1])
    assert [row["reason"] for row in moves] == ["the same, again", "the first one"]


def test_the_tutorial_is_right_about_refusals(tmp_path, shell):
    """Exit code 15 without a signature, nothing of a failed version, no move against --expected-current."""
    model(tmp_path / "model")
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "model.bin").write_bytes(b"weights")
    shell("herdbook init ./registry")
    shell("export HERDBOOK_REGISTRY_URI=./registry")
    assert shell("herdbook register ./plain main.default.iris")[0] == RuleViolationError.exit_code == 15
    assert shell("herdbook versions download main.default.iris/1 ./copy")[0] != 0
    assert shell("herdbook register ./model main.default.iris --alias champion")[0] == 0
    assert shell("herdbook aliases set main.default.iris@champion 2 --expected-current 1")[0] != 0
    assert shell("herdbook aliases set main.default.iris@champion 2 --expected-current 2")[0] == 0


def test_every_reading_command_of_the_tutorial_takes_json(tmp_path, shell):
    """`--json` on the commands of "Look around" is one JSON document."""
    model(tmp_path / "model")
    shell("herdbook init ./registry")
    shell("export HERDBOOK_REGISTRY_URI=./registry")
    shell("herdbook register ./model main.default.iris")
    reads = commands([block for block in blocks(TUTORIAL) if block.lang == "console"][-1])
    assert len(reads) == 5
    for command in reads:
        code, said = shell(f"{command.words} --json")
        assert code == 0
        assert json.loads(said)


def test_the_tutorials_python_works(tmp_path, shell):
    """The model that the tutorial trains is registered, loaded by its alias, and predicts what it shows."""
    train, load = [block.body for block in blocks(TUTORIAL) if block.lang == "python"]
    (tmp_path / "train.py").write_text(train)
    (tmp_path / "load.py").write_text(load)
    code, said = shell(shlex.join([sys.executable, "train.py"]))
    assert code == 0, said
    assert shell("herdbook init ./registry")[0] == 0
    assert shell("herdbook register ./model main.default.iris --alias champion -r ./registry")[0] == 0
    code, said = shell(shlex.join([sys.executable, "load.py"]))
    assert code == 0, said
    assert "[0 0 0]" in said
    assert str(os_principal()) in said


def test_the_search_page_does_what_it_says(tmp_path, shell, capsys):
    """Each command of the page finds what it shows, and no other model; its Python prints the same."""
    model(tmp_path / "model")
    for block in blocks(SEARCH):
        for command in commands(block) if block.lang == "console" else ():
            code, said = shell(command.words)
            keeps(command, code, said)
            for name in ("main.default.iris", "main.default.wine"):
                assert (
                    "search" not in command.words or name in command.words or (name in said) == (name in command.shown)
                )
    (script,) = [block.body for block in blocks(SEARCH) if block.lang == "python"]
    capsys.readouterr()
    exec(compile(script, str(SEARCH), "exec"), {})
    assert capsys.readouterr().out.startswith("main.default.iris 1 {")


def test_the_grammar_page_names_every_field():
    """Every field and every other name of it stands in the tables; what can be ordered by is marked so."""
    page = (ROOT / "docs" / "reference" / "search.md").read_text()
    lines = [line for line in page.splitlines() if line.startswith("| `")]
    for noun in Noun:
        for field in FIELDS[noun].values():
            (line,) = [line for line in lines if re.match(rf"\| `{field.name}[`.]", line)]
            assert [name for name in field.also if f"`{name}`" not in line] == []
            assert field.order is (
                "ordered" in line or (field.name == "last_updated_at" and "the same; ordered" in line)
            )
    for limit in (MAX_LENGTH, MAX_CLAUSES, MAX_DEPTH, MAX_ITEMS, MAX_ORDERS):
        assert f"{limit:,}" in page


@pytest.fixture
def first_check(tmp_path, shell, monkeypatch):
    """Follow the page to its end, file by file and command by command; `pip install` becomes a path and a dist-info."""

    def install() -> None:
        project = tomllib.loads((tmp_path / "licence-check" / "pyproject.toml").read_text())["project"]
        source = tmp_path / "licence-check" / "src"
        info = source / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        )
        points = [f"{name} = {target}" for name, target in project["entry-points"]["herdbook"].items()]
        (info / "entry_points.txt").write_text("\n".join(["[herdbook]", *points, ""]))
        monkeypatch.syspath_prepend(str(source))
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(source), *filter(None, sys.path)]))

    def follow(block: Block) -> None:
        if block.path is not None:
            (tmp_path / block.path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / block.path).write_text(block.body)
        for command in commands(block) if block.lang == "console" else ():
            if "pip install" in command.words:
                install()
            else:
                here = re.sub(r"^python ", f"{shlex.quote(sys.executable)} ", command.words)
                keeps(command, *shell(here))

    before = set(sys.modules)
    for block in blocks(CHECK):
        follow(block)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.partition(".")[0] == "licence_check":
            del sys.modules[name]


def test_the_first_check_refuses_and_admits(first_check, shell):
    """After the last step a model without a licence is refused by the check, and one with it is admitted."""
    with open_registry("./licensed") as registry:
        rows = registry.list_model_versions("main.default.iris").items
        assert {row.version: str(row.status) for row in rows} == {1: "FAILED_REGISTRATION", 2: "READY"}
        (first_check / "model" / "LICENSE").write_text("MIT License\n")
        with pytest.raises(RuleViolationError, match="LICENSE is none of Apache License"):
            register_model("./model", "main.default.iris", registry=registry, signature=SIGNATURE)
    rules = json.loads(shell("herdbook rules show main.default.iris --json")[1])
    assert {row["rule"]: row["on"] for row in rules} == {
        "signature-required": "metastore:",
        "aliased-versions-are-kept": "metastore:",
        "licence": "main",
    }
    (plugin,) = [row for row in json.loads(shell("herdbook plugins list --json")[1]) if row["name"] == "licence"]
    assert (plugin["status"], plugin["distribution"]) == ("ok", "licence-check")


def test_a_mistake_in_a_ruleset_is_told_before_anything_is_made(first_check, shell):
    """`init` refuses it with file, line and the right word, leaves no folder, and takes the corrected one."""
    rules = first_check / "policies" / "rules" / "licence.toml"
    text = rules.read_text()
    mistakes = [
        (
            '"licence"',
            '"license"',
            "rules/licence.toml:1: No plugin offers the check 'license'",
            "Did you mean 'licence'",
        ),
        ("allowed", "alowed", "rules/licence.toml:1: params of the check 'licence'", "known: file, allowed"),
    ]
    for right, wrong, told, way_out in mistakes:
        rules.write_text(text.replace(right, wrong))
        code, said = shell("herdbook init ./other --policies ./policies")
        assert code != 0
        assert told in said
        assert way_out in said
        assert not Path("other").exists()
    rules.write_text(text)
    assert shell("herdbook init ./other --policies ./policies")[0] == 0


def test_a_policy_folder_without_its_model_is_refused_with_the_way_out(tmp_path, shell):
    """Rules alone are no policy folder: the error says where to begin, and nothing is made."""
    (tmp_path / "policies" / "rules").mkdir(parents=True)
    code, said = shell("herdbook init ./registry --policies ./policies")
    assert code != 0
    assert "Begin with a copy of the shipped one" in said
    assert not Path("registry").exists()


def test_the_export_page_does_what_it_says(tmp_path, shell):
    """Each command of the page on export and import ends as shown."""
    model(tmp_path / "model")
    shell("herdbook init ./registry")
    shell("herdbook init ./other")
    shell("export HERDBOOK_REGISTRY_URI=./registry")
    assert shell("herdbook register ./model main.default.iris --alias champion")[0] == 0
    typed = [command for block in blocks(MOVING) if block.lang == "console" for command in commands(block)]
    assert len(typed) == 5
    for command in typed:
        keeps(command, *shell(command.words))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as forges make them."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    """Each relative link of a page names a file or folder of the repository, and a heading that is there."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_policies_page(shell, tmp_path):
    """The page's files are applied and its cases hold, each command ending as the page shows."""
    for block in blocks(POLICIES):
        if block.path is not None:
            (tmp_path / block.path).write_text(block.body)
        for command in commands(block) if block.lang == "console" else ():
            keeps(command, *shell(command.words.replace("user:os/you", str(os_principal()))))
