"""Everything a developer does here, in one place; needs nothing but Python 3.11 (uses uv where it is present).

python3 tasks.py demo     set up, then register, promote and load a model in a folder of its own
python3 tasks.py demo people  the same as three people with different rights, from policy files
python3 tasks.py test     set up, then lint, types, import contracts and all tests
python3 tasks.py lint | types | imports | tests [pytest arguments]
python3 tasks.py format   rewrite the sources in the house's format
python3 tasks.py bench [--quick ...]
                          the side-by-side benchmarks (three quarters of an hour; --quick: a minute)
python3 tasks.py bench server [--quick ...]  that of the server alone
python3 tasks.py bench load [--quick ...]    many clients at a server, and whether it kept its promises
python3 tasks.py machine [MINUTES]  the registry beside a dict model, with random seeds (60 minutes unless said)
python3 tasks.py docs     write docs/reference anew, from the code
python3 tasks.py hooks    make git run lint, types and import contracts before each commit
python3 tasks.py setup    only set up
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
SOURCES = ["src", "plugins", "tests", "benchmarks", "docs", "tasks.py"]


def run(*command: object, **environ: str) -> None:
    """Run a command from the repository's root; ends this script with its exit code where it fails."""
    words = [str(word) for word in command]
    print("+", " ".join(words), flush=True)
    done = subprocess.run(words, cwd=ROOT, env={**os.environ, **environ}, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def setup() -> None:
    """Make .venv and install everything into it; nothing is done where it is up to date."""
    if sys.version_info < (3, 11):  # noqa: UP036 whoever has an older Python should be told so
        sys.exit("Herdbook needs Python 3.11 or newer: run this script with it.")
    stamp = VENV / "herdbook-setup"
    wanted = _fingerprint()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    editable = [word for path in PLUGINS for word in ("-e", str(path.relative_to(ROOT)))]
    packages = ["-c", "constraints.txt", "-e", ".[test,dev]", *editable]
    uv = shutil.which("uv")
    if uv:
        run(uv, "venv", "--allow-existing", "--python", sys.executable, VENV)
        run(uv, "pip", "install", "--quiet", "--python", PYTHON, *packages)
    else:
        run(sys.executable, "-m", "venv", VENV)
        run(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages)
    stamp.write_text(wanted)


def demo(which: str = "quickstart") -> None:
    """Run the main job on the embedded default, alone or as three people."""
    examples = {"quickstart": "quickstart.py", "people": "three_people.py"}
    if which not in examples:
        sys.exit(__doc__)
    home = ROOT / "build" / f"demo-{which}"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    words = [home] if which == "people" else []
    run(PYTHON, f"docs/examples/{examples[which]}", *words, HERDBOOK_HOME=str(home / "registry"))


def lint() -> None:
    """Check style."""
    run(PYTHON, "-m", "ruff", "check", "--quiet", *SOURCES)
    run(PYTHON, "-m", "ruff", "format", "--check", "--quiet", *SOURCES)


def types() -> None:
    """Check types."""
    run(PYTHON, "-m", "mypy")


def imports() -> None:
    """Check the import contracts."""
    run(BIN / "lint-imports", "--no-logo")


def tests(*arguments: str) -> None:
    """Run the tests."""
    run(PYTHON, "-m", "pytest", *(arguments or ("-n", "2", "-q")))


def rewrite() -> None:
    """Rewrite the sources in the house's format."""
    run(PYTHON, "-m", "ruff", "check", "--fix", "--quiet", *SOURCES)
    run(PYTHON, "-m", "ruff", "format", *SOURCES)


def bench(*arguments: str) -> None:
    """Run the benchmarks; with arguments only that of the registry, or the one that the first word names."""
    if arguments[:1] in (("server",), ("load",)):
        run(PYTHON, f"benchmarks/{arguments[0]}.py", *arguments[1:])
        return
    if not arguments:
        run(PYTHON, "benchmarks/bytes.py")
        run(PYTHON, "benchmarks/server.py")
    run(PYTHON, "benchmarks/registry.py", *arguments)


def machine(minutes: str = "60") -> None:
    """Run the registry's state machine for longer than the tests do."""
    run(PYTHON, "-m", "pytest", "tests/properties/test_registry_machine.py", f"--machine-minutes={minutes}")


def docs() -> None:
    """Write the reference pages."""
    run(PYTHON, "docs/generate.py")


def hooks() -> None:
    """Make git use the hooks of this repository."""
    run("git", "config", "core.hooksPath", ".githooks")


def main(words: list[str]) -> None:
    """Do what the first word says."""
    task, *rest = words or ["help"]
    if task == "hooks":
        hooks()
        return
    steps = {
        "setup": (),
        "test": (lint, types, imports, tests),
        "check": (lint, types, imports),
        "lint": (lint,),
        "types": (types,),
        "imports": (imports,),
        "format": (rewrite,),
        "docs": (docs,),
    }
    with_words = {"demo": demo, "tests": tests, "machine": machine, "bench": bench}
    if task not in steps and task not in with_words:
        sys.exit(__doc__)
    setup()
    if task in with_words:
        with_words[task](*rest)
        return
    for step in steps[task]:
        step()


def _fingerprint() -> str:
    files = [ROOT / "pyproject.toml", ROOT / "constraints.txt", *(path / "pyproject.toml" for path in PLUGINS)]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()


if __name__ == "__main__":
    main(sys.argv[1:])
