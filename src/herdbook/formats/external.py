"""The flavor of an MLmodel file that says where a model is served, instead of holding it."""

from __future__ import annotations

from typing import Any

from herdbook.entities.external import ExternalModel
from herdbook.errors import InvalidArgumentError

EXTERNAL_FLAVOR = "herdbook_external"
"""The flavor of an external model; MLflow reads such a file, and has no loader for it."""

_KEYS = ("endpoint", "provider", "params")


def parse_external(flavors: dict[str, Any]) -> ExternalModel | None:
    """Read where a model is served.

    Args:
        flavors: The `flavors:` mapping of an MLmodel file.

    Returns:
        What the flavor says; None where the file has no such flavor.

    Raises:
        InvalidArgumentError: the flavor is there and is not acceptable.
    """
    if EXTERNAL_FLAVOR not in flavors:
        return None
    where = f"MLmodel cannot be read: flavors.{EXTERNAL_FLAVOR}"
    data = flavors[EXTERNAL_FLAVOR]
    if not isinstance(data, dict):
        raise InvalidArgumentError(f"{where}: expected a mapping with an endpoint.")
    unknown = sorted(set(data) - set(_KEYS))
    if unknown:
        raise InvalidArgumentError(f"{where}: {unknown[0]!r} is unknown (known: {', '.join(_KEYS)}).")
    try:
        return ExternalModel(
            endpoint=data.get("endpoint"),  # type: ignore[arg-type]  # its validator refuses what is no text
            provider=data.get("provider"),
            params={} if data.get("params") is None else data["params"],
        )
    except InvalidArgumentError as error:
        raise InvalidArgumentError(f"{where}: {error.message}", hint=error.hint) from error


def write_external(external: ExternalModel) -> dict[str, Any]:
    """Return the `flavors:` mapping of an MLmodel file."""
    said = {"endpoint": external.endpoint, "provider": external.provider, "params": external.params}
    return {EXTERNAL_FLAVOR: {key: value for key, value in said.items() if value}}
