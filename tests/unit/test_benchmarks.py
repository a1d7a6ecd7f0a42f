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
    """In its quick form it starts both servers, finds their answers alike, prints every row, and leaves nothing."""
    command = [sys.executable, ROOT / "benchmarks" / "server.py", "--quick", "--folder", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for work in ("resolve alias", "create version", "first page", "search by tag"):
        assert done.stdout.count(f"\n| {work} | ") == 3
    assert "\n| register 100 KB of new bytes, ms | " in done.stdout
    assert not list(tmp_path.iterdir())
