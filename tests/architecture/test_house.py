"""The house keeps its shape: layers, sizes, imports, what is documented, what is shipped."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import herdbook
from herdbook import errors
from herdbook.bootstrap import shipped_policies
from herdbook.plugins.hookspecs import CONTRIBUTIONS, HookSpecs
from herdbook.settings import _FROM_ENVIRONMENT, Settings
from herdbook.verdicts import Operation, Privilege

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py")) + sorted(ROOT.glob("plugins/*/src/**/*.py"))
MOST_MODULES = 60
"""How many modules `import herdbook` may bring."""
DOCS = "\n".join(path.read_text() for path in sorted((ROOT / "docs").rglob("*.md")))


def test_import_contracts():
    """Lower layers never import upper ones; no exception is ever listed."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "ignore_imports" not in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_short_and_say_what_they_own(path):
    """No file is over 400 lines, and each module's docstring is there."""
    text = path.read_text()
    assert text.count("\n") <= 400
    if text:
        assert ast.get_docstring(ast.parse(text))


def test_the_environment_has_one_reader():
    """Only settings.py reads the environment."""
    readers = [path for path in SOURCES if "os.environ" in path.read_text() or "getenv" in path.read_text()]
    assert [path.name for path in readers] == ["settings.py"]


def test_broad_excepts_stand_only_where_they_may():
    """`except Exception` is in the plugin manager, the check runner's child, a face, and nowhere else."""
    allowed = {"manager.py", "check_child.py", "face.py"}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler) and isinstance(node.type, ast.Name) and node.type.id == "Exception":
                assert path.name in allowed, path


def test_import_is_light():
    """`import herdbook` brings few modules, and of others only such as come with Python."""
    code = "import sys; had = set(sys.modules); import herdbook; print(*sorted(set(sys.modules) - had))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    brought = done.stdout.split()
    assert [name for name in brought if name.partition(".")[0] not in {"herdbook", *sys.stdlib_module_names}] == []
    assert not {"asyncio", "ssl", "sqlite3", "inspect", "logging"} & set(brought)
    assert len(brought) < MOST_MODULES


def test_help_needs_no_database():
    """`herdbook --help` imports no SQLAlchemy."""
    code = "import sys; from herdbook.cli import main; main(['--help']); assert 'sqlalchemy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_public_names_are_there():
    """Every lazily exported name can be had, and an unknown one is an AttributeError."""
    for name in herdbook.__all__:
        assert getattr(herdbook, name) is not None
    with pytest.raises(AttributeError):
        getattr(herdbook, "no_such_name")  # noqa: B009 it is not there


@pytest.mark.parametrize("hook", sorted(CONTRIBUTIONS))
def test_every_hook_is_documented_and_exercised(hook):
    """A hook has a reference page, and something real uses it."""
    assert "Example:" in (getattr(HookSpecs, hook).__doc__ or "")
    assert hook in DOCS
    users = [path for path in SOURCES if f"def {hook}" in path.read_text() and path.name != "hookspecs.py"]
    assert users


def test_everything_people_can_name_is_documented():
    """Operations, privileges, errors and settings all stand in the docs."""
    names = [operation.value for operation in Operation] + [privilege.value for privilege in Privilege]
    names += [name for name in vars(errors) if name.endswith("Error")]
    names += list(_FROM_ENVIRONMENT) + [field.name for field in Settings.__attrs_attrs__ if field.name != "source"]
    assert [name for name in names if f"`{name}`" not in DOCS] == []


def test_the_reference_is_what_the_code_says():
    """docs/reference is made from the code and is up to date."""
    done = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_error_ends_in_error_and_has_a_code():
    """One root, and a status and exit code that belong to the class."""
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, Exception):
            assert name.endswith("Error")
            assert issubclass(kind, errors.RegistryError)
            assert 400 <= kind.http_status < 600
            assert 0 < kind.exit_code < 128


def test_the_wheel_ships_the_policies(tmp_path):
    """The wheel holds the same policy files as the repository."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    wheel = zipfile.ZipFile(next(tmp_path.glob("herdbook-*.whl")))
    packed = {
        name.removeprefix("herdbook/_policies/"): wheel.read(name).decode()
        for name in wheel.namelist()
        if name.startswith("herdbook/_policies/")
    }
    assert packed == {
        path.relative_to(ROOT / "policies").as_posix(): path.read_text()
        for path in (ROOT / "policies").rglob("*")
        if path.is_file()
    }
    assert shipped_policies() == ROOT / "policies"


def test_the_readme_is_short_and_begins_with_two_commands():
    """At most 120 lines; the first two `sh` blocks are one command each."""
    text = (ROOT / "README.md").read_text()
    assert text.count("\n") <= 120
    blocks = [block.split("```")[0].strip() for block in text.split("```sh\n")[1:]]
    assert blocks[:2] == ["python3 tasks.py demo", "python3 tasks.py test"]
