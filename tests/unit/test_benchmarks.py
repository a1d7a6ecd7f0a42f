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
        assert done.stdout.count(f"\n{part} ") == 2


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
