"""What the files of a model say of it, read as data."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from herdbook.entities.external import ExternalModel
from herdbook.entities.signature import ModelSignature


@frozen(kw_only=True)
class InputExample:
    """The input example that is stored with a model.

    Args:
        path: The file that holds it, relative to the model.
        kind: What it is: `dataframe`, `ndarray`, `json_object`, ...
    """

    path: str
    kind: str | None = None


@frozen(kw_only=True)
class ModelDescription:
    """What a model's files say of it.

    Args:
        flavors: Flavor -> its settings, as written.
        signature: Its signature; None where there is none.
        model_id: The logged model's id.
        run_id: The run that logged it.
        mlflow_version: The MLflow that wrote it.
        created_at_text: When it was logged, as written.
        requirements: The Python packages that it needs, one a line, as its requirements file says.
        input_example: The input example stored with it.
        metadata: What its author attached, as written.
        signature_error: Why its signature could not be read; None where it could, or where there is none.
        external: Where it is served; None where its files are the model.
    """

    flavors: dict[str, Any] = field(factory=dict)
    signature: ModelSignature | None = None
    model_id: str | None = None
    run_id: str | None = None
    mlflow_version: str | None = None
    created_at_text: str | None = None
    requirements: tuple[str, ...] = ()
    input_example: InputExample | None = None
    metadata: dict[str, Any] = field(factory=dict)
    signature_error: str | None = None
    external: ExternalModel | None = None
