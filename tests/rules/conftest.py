"""Registries whose policy has rules of one's own."""

from __future__ import annotations

import shutil

import pytest

from herdbook.bootstrap import shipped_policies
from herdbook.names import PrincipalName

FOUNDER = PrincipalName.parse("user:os/founder")


@pytest.fixture
def metastore_with(make_metastore, tmp_path):
    """Return a function from the text of a ruleset to a metastore in which it holds."""

    def make(text: str):
        policies = tmp_path / "policies"
        (policies / "rules").mkdir(parents=True)
        shutil.copyfile(shipped_policies() / "model.conf", policies / "model.conf")
        (policies / "rules" / "own.toml").write_text(text)
        return make_metastore(policies=str(policies))

    return make


@pytest.fixture
def registry_with(metastore_with):
    """Return a function from the text of a ruleset to a registry in which it holds, bound to its founder."""

    def make(text: str):
        metastore = metastore_with(text)
        return metastore.for_caller(metastore.asserted(FOUNDER))

    return make
