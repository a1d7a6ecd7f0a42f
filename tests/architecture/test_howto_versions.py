"""The pages about external models and about comparing versions do what they say."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import herdbook
from herdbook.cli import main
from herdbook.formats.mlmodel import generate_external_mlmodel, signature_from

HOWTO = Path(__file__).parents[2] / "docs" / "how-to"
_SPEC = importlib.util.spec_from_file_location("_pages", Path(__file__).with_name("test_docs.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
pages = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(pages)
shell = pages.shell


@pytest.fixture
def registry(shell, tmp_path):
    """The shell of the pages, in a folder with a registry that the environment names."""
    assert shell("herdbook init ./registry")[0] == 0
    shell(f"export HERDBOOK_REGISTRY_URI={tmp_path / 'registry'}")
    return shell


def ran(code: str, folder: Path) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_external_models(registry, tmp_path):
    """Its Python and its commands register the same model, and the document is the one that is shown."""
    page = pages.blocks(HOWTO / "external-models.md")
    first, read = [block.body for block in page if block.lang == "python"]
    assert ran(first, tmp_path) == "https://models.example.org/v1/chat\n"
    for block in page:
        for command in pages.commands(block) if block.lang == "console" else ():
            pages.keeps(command, *registry(command.words))
    assert ran(read, tmp_path) == "https://models.example.org/v1/chat chat-large\n"
    with herdbook.connect(str(tmp_path / "registry")) as opened:
        version = opened.get_model_version("main.default.chat/2")
        document = b"".join(opened.read_model_version_file(version.ref, "MLmodel"))
    (shown,) = [block.body for block in page if block.lang == "yaml"]
    assert document.decode() == shown
    assert yaml.safe_load(shown) == yaml.safe_load(
        generate_external_mlmodel(version.model.external, signature_from(version.model.signature))
    )


def test_comparing_versions(registry, tmp_path):
    """Its command and its Python tell the changes that the page shows."""
    columns = [[{"type": "double", "name": "x"}], [{"type": "float", "name": "x"}]]
    columns[1].append({"type": "long", "name": "y", "required": False})
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.bin").write_bytes(b"weights")
    for inputs in columns:
        (tmp_path / "signature.json").write_text(json.dumps({"inputs": inputs, "outputs": [{"type": "long"}]}))
        assert main(["register", "model", "main.default.iris", "--signature", "signature.json"]) == 0
    assert registry("herdbook aliases set main.default.iris@champion 1")[0] == 0
    page = pages.blocks(HOWTO / "compare-versions.md")
    (command,) = pages.commands(page[0])
    pages.keeps(command, *registry(command.words))
    (code,) = [block.body for block in page if block.lang == "python"]
    assert ran(code, tmp_path).splitlines() == [
        "BREAKING",
        "INPUTS x callers give double, which does not convert to float safely",
    ]
