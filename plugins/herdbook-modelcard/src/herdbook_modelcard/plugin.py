"""What this plugin contributes."""

from __future__ import annotations

from herdbook.plugins import PreRegisterCheck, hookimpl
from herdbook_modelcard.params import ModelCardParams


@hookimpl
def herdbook_pre_register_checks() -> list[PreRegisterCheck]:
    """Contribute the check `modelcard`."""
    return [
        PreRegisterCheck(
            name="modelcard",
            version="1",
            target="herdbook_modelcard.check:check",
            params=ModelCardParams,
            timeout_s=30.0,
        )
    ]
