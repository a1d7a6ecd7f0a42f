"""The benchmarks run: what they compare answers alike, and they say what came out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_the_comparison_with_mlflow_runs(tmp_path):
    """In its quick form the benchmark fills both registries, finds their answers alike, and prints every row."""
    command = [sys.executable, ROOT / "benchmarks" / "registry.py", "--quick", "--databases", "sqlite"]
    done = subprocess.run([*command, "--folder", tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for work in ("create version", "resolve alias", "get version", "first page", "search by tag", "versions by tag"):
        assert f"| {work} |" in done.stdout
    assert not list(tmp_path.iterdir())


def test_the_benchmark_of_lists_runs(tmp_path):
    """In its quick form it makes a registry, finds each page to be what its reader may see, and prints every row."""
    command = [sys.executable, ROOT / "benchmarks" / "lists.py", "--quick", "--folder", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for part in ("10 models", "one schema", "a catalog minus two schemas", "all minus 10", "100 single models"):
        assert done.stdout.count(f"\n{part} ") == 4


@pytest.mark.timeout(300)
def test_the_comparison_of_servers_runs(tmp_path):
    """In its quick form it starts all servers, finds their answers alike, prints every row, keeps what it filled."""
    command = [sys.executable, ROOT / "benchmarks" / "server.py", "--quick", "--folder", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for work in ("resolve alias", "create version", "first page", "search by tag"):
        assert done.stdout.count(f"\n| {work} | ") == 3
    assert "\n| a page of the 10 that one sees | 1 | " in done.stdout
    assert "\n| register 100 KB of new bytes, ms | " in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["seeded"]


KEEP = """
from contextlib import ExitStack
from pathlib import Path
import shutil, sys, tempfile
sys.path.insert(0, sys.argv[1])
from dataset import Dataset, model_name
from pairs import opened

folder, dataset = Path(sys.argv[3]), Dataset(models=20, versions=1)
for turn in range(2):
    with tempfile.TemporaryDirectory(dir=folder) as run:
        with opened(sys.argv[2], [dataset], Path(run), folder / "seeded") as (pair,):
            name = str(model_name(3))
            assert (pair.registry.get_registered_model(name).comment or "") == ""
            assert pair.mlflow.get_registered_model(name).description in (None, "")
            pair.registry.update_registered_model(name, comment="changed by a run")
            pair.mlflow.update_registered_model(name, "changed by a run")
"""


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_filled_databases_are_kept_as_they_were_filled(tmp_path, database):
    """A second run over one folder fills nothing, and sees nothing that the first one changed."""
    command = [sys.executable, "-c", KEEP, ROOT / "benchmarks", database, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, second = [line for line in done.stderr.splitlines() if line.startswith(("made ", "copied "))]
    assert first.startswith("made 20 models")
    assert second.startswith("copied 20 models")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("place", [("sqlite",), ("postgresql", "--s3")], ids=["sqlite", "postgresql and S3"])
def test_the_load_script_runs(tmp_path, place):
    """In its quick form many clients ask two workers every verb it knows, and every promise is kept."""
    command = [sys.executable, ROOT / "benchmarks" / "load.py", "--quick", "--folder", tmp_path, "--databases", *place]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for verb in ("resolve alias", "create version", "finalize version", "read a file", "set alias", "set tag", "grant"):
        assert f"\n| {verb} | " in done.stdout
    assert "every promise was kept" in done.stdout
    assert not list(tmp_path.iterdir())


BREAK = """
import sys, tempfile
from collections import Counter
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from attrs import evolve
from load import QUICK, loaded
from load_checks import broken_promises
from load_told import Told

if __name__ == "__main__":
    with loaded("sqlite", 1, QUICK, Path(sys.argv[2])) as load:

        def broken(writes, wrong=()):
            told = Told(writes=list(writes), wrong=list(wrong))
            return broken_promises(load.registry, load.store.engine, told, load.models)

        writes = load.told.writes
        assert not load.told.wrong, load.told.wrong
        assert not broken(writes), broken(writes)
        first = {write.verb: write for write in writes if write.changed}
        for verb, write in first.items():
            # Who sets an alias to where another has just set it is told of that one's move.
            missing = [other for other in writes if (other.verb, other.on, other.told) != (verb, write.on, write.told)]
            assert broken(missing), f"nobody was told of a {verb}, and that is not seen"
            told = {**write.told, "version": 1000} if isinstance(write.told, dict) else write.told
            lost = evolve(write, request_id="load-lost", told=told)
            assert broken([*writes, lost]), f"a {verb} is lost, and that is not seen"
            print("seen:", verb)
        assert broken(writes, ["an answer was 500"])
        for damage in (
            "DELETE FROM audit WHERE operation = 'set_registered_model_tag' AND id = "
            "(SELECT MAX(id) FROM audit WHERE operation = 'set_registered_model_tag')",
            "DELETE FROM outbox WHERE event_seq = 2",
            "UPDATE model_versions SET status = 'PENDING_REGISTRATION', event_seq = 0 WHERE id = "
            "(SELECT MAX(id) FROM model_versions)",
        ):
            before = Counter(broken(writes))
            with load.store.engine.connect() as connection:
                connection.exec_driver_sql(damage)
                connection.commit()
            assert Counter(broken(writes)) - before, damage
            print("seen:", damage.split()[0])
"""


@pytest.mark.timeout(300)
def test_a_broken_promise_would_be_seen(tmp_path):
    """What the load script looks at afterwards fails for each change lost or made up, and for rows that are damaged."""
    (tmp_path / "break.py").write_text(BREAK)
    command = [sys.executable, tmp_path / "break.py", ROOT / "benchmarks", tmp_path / "load"]
    (tmp_path / "load").mkdir()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("seen: ") == 8 + 3


def test_every_benchmark_is_told_of():
    """What can be run is named in the documentation, with what came out of it where it compares."""
    told = (ROOT / "docs" / "benchmarks.md").read_text()
    scripts = [each.name for each in (ROOT / "benchmarks").glob("*.py") if "__main__" in each.read_text()]
    assert len(scripts) > 5
    assert [name for name in scripts if f"benchmarks/{name}" not in told] == []
    for table in ("MLflow, s", "MLflow, us", "an admin, ms", "MLflow /s"):
        assert f"| {table} |" in told
