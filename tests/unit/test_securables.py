"""Chains of securables: what lies above what."""

from __future__ import annotations

import pytest

from herdbook.entities import Chain, Link
from herdbook.verdicts import SecurableKind

TOP = Link(id="t", kind=SecurableKind.METASTORE, name="metastore:")
CATALOG = Link(id="c", kind=SecurableKind.CATALOG, name="main")


def test_above_is_what_the_object_lies_in():
    """The chain above keeps its policy revision; nothing lies above the metastore."""
    chain = Chain(links=(CATALOG, TOP), policy_revision=7)
    assert chain.above() == Chain(links=(TOP,), policy_revision=7)
    with pytest.raises(LookupError):
        chain.above().above()
