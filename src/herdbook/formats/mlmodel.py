"""MLflow's MLmodel files, read as data and without MLflow; and the MLmodel of a folder that has none."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from herdbook.entities.external import ExternalModel
from herdbook.entities.models import InputExample, ModelDescription
from herdbook.entities.signature import ModelSignature
from herdbook.errors import InvalidArgumentError
from herdbook.formats.external import parse_external, write_external
from herdbook.formats.safe_yaml import MAX_BYTES, load_yaml
from herdbook.formats.signatures import SignatureError, parse_signature, signature_from
from herdbook.formats.written_signatures import write_signature

__all__ = ["FILES_FLAVOR", "describe_model", "generate_external_mlmodel", "generate_mlmodel", "signature_from"]

FILES_FLAVOR = "herdbook_files"
"""The flavor of a folder that was registered with `signature=`: plain files, loaded by whoever knows them."""

MAX_REQUIREMENTS = 2_000
_COMMENT = re.compile(r"(^|\s)#.*")


def describe_model(mlmodel: bytes, *, requirements: bytes | None = None) -> ModelDescription:
    """Read what a model's files say of it.

    Args:
        mlmodel: The MLmodel file.
        requirements: The requirements.txt beside it, at most 1 MiB.

    Returns:
        The description; a signature that cannot be read is left out, and `signature_error` says why.

    Raises:
        InvalidArgumentError: the MLmodel file is no YAML mapping, or says in a way that is not acceptable where the
            model is served, or one of the two is over a limit.
    """
    data = load_yaml(mlmodel, what="MLmodel")
    if not isinstance(data, dict):
        raise InvalidArgumentError("MLmodel is not a mapping.", hint="It should begin with lines such as 'flavors:'.")
    _check_json(data)
    signature, error = _signature(data.get("signature"))
    flavors = _mapping(data.get("flavors"))
    return ModelDescription(
        flavors=flavors,
        signature=signature,
        signature_error=error,
        # MLflow's older `model_uuid` is another thing: no logged model has it for its id.
        model_id=_text(data.get("model_id")),
        run_id=_text(data.get("run_id")),
        mlflow_version=_text(data.get("mlflow_version")),
        created_at_text=_text(data.get("utc_time_created")),
        requirements=() if requirements is None else _requirements(requirements),
        input_example=_input_example(data.get("saved_input_example_info")),
        metadata=_mapping(data.get("metadata")),
        external=parse_external(flavors),
    )


def generate_mlmodel(signature: ModelSignature) -> bytes:
    """Return an MLmodel file for a plain folder: this signature, and the flavor `herdbook_files`."""
    document = {"flavors": {FILES_FLAVOR: {}}, "signature": write_signature(signature)}
    return yaml.safe_dump(document, sort_keys=True, allow_unicode=True).encode()


def generate_external_mlmodel(external: ExternalModel, signature: ModelSignature | None = None) -> bytes:
    """Return the MLmodel file of a model that is served elsewhere: the one document that is stored of it."""
    document: dict[str, Any] = {"flavors": write_external(external)}
    if signature is not None:
        document["signature"] = write_signature(signature)
    # Some characters, such as U+0085, do not survive YAML unless they are escaped.
    return yaml.safe_dump(document, sort_keys=True, allow_unicode=False).encode()


def _signature(value: Any) -> tuple[ModelSignature | None, str | None]:
    if value is None:
        return None, None
    try:
        return parse_signature(value), None
    except SignatureError as error:
        return None, str(error)


def _check_json(data: dict[str, Any]) -> None:
    try:
        json.dumps(data, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"MLmodel holds more than plain data: {error}.") from error


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _input_example(value: Any) -> InputExample | None:
    path = _mapping(value).get("artifact_path")
    return InputExample(path=path, kind=_text(value.get("type"))) if isinstance(path, str) else None


def _requirements(data: bytes) -> tuple[str, ...]:
    """Return a requirements file's entries as pip reads them: lines joined at backslashes, comments taken off."""
    if len(data) > MAX_BYTES:
        raise InvalidArgumentError(f"requirements.txt has {len(data):,} bytes; at most {MAX_BYTES:,} are read.")
    entries: list[str] = []
    joined = ""
    for line in data.decode("utf-8-sig", "replace").splitlines():
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            joined += line[:-1]
            continue
        entries.append(" ".join(_COMMENT.sub("", joined + line).split()))
        joined = ""
    entries.append(" ".join(_COMMENT.sub("", joined).split()))
    kept = tuple(entry for entry in entries if entry)
    if len(kept) > MAX_REQUIREMENTS:
        raise InvalidArgumentError(
            f"requirements.txt has {len(kept):,} entries; at most {MAX_REQUIREMENTS:,} are read.",
            hint="Name what the model itself needs.",
        )
    return kept
