"""The OpenAPI document, derived from the route table."""

from __future__ import annotations

from typing import Any


def openapi() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document."""
    return {"openapi": "3.1.0"}
