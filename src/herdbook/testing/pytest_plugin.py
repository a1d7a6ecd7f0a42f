"""Pytest fixtures for whoever tests against Herdbook; loaded by pytest itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from herdbook.ports.registry import Registry


@pytest.fixture
def herdbook_registry(tmp_path: Path) -> Iterator[Registry]:
    """A fresh embedded registry in a folder of the test's own, closed afterwards."""
    # Imported here: pytest loads this module in every run, whether the fixture is asked for or not.
    from herdbook.bootstrap import open_registry  # noqa: PLC0415
    from herdbook.settings import Settings  # noqa: PLC0415

    with open_registry(str(tmp_path / "herdbook-registry"), settings=Settings()) as registry:
        yield registry
