"""Registering a model that is served elsewhere: one document with its endpoint, its params and its signature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from herdbook.client.register import register_files
from herdbook.client.sources import MLMODEL, SourceFile, lineage_of
from herdbook.entities import ExternalModel, Lineage, ModelVersion
from herdbook.formats.mlmodel import generate_external_mlmodel, signature_from
from herdbook.ports.registry import ModelLike, Registry


def register_external_model(
    name: ModelLike,
    *,
    endpoint: str,
    provider: str | None = None,
    params: Mapping[str, Any] | None = None,
    signature: Any = None,
    registry: Registry | None = None,
    comment: str | None = None,
    tags: Mapping[str, str] | None = None,
    lineage: Lineage | None = None,
    idempotency_key: str | None = None,
) -> ModelVersion:
    """Register a model that is served elsewhere as the next version of a registered model, made if it is missing.

    The version has one file, an MLmodel that the registry judges like any other; nobody calls the endpoint here.

    Args:
        name: The registered model; its catalog and schema must exist.
        endpoint: Where it is served: an https or http URI without credentials.
        provider: Who serves it, in a short name.
        params: What a caller needs to know to call it, plain JSON data; keys that look like secrets are refused.
        signature: An MLflow signature, a `ModelSignature`, or the mapping that MLmodel files have.
        registry: Where; None uses the default one (see `connect`).
        comment: Markdown.
        tags: Tags to set on the version.
        lineage: Where it came from; its source is the endpoint unless it says otherwise.
        idempotency_key: A repeated call with the same key goes on with the same version.

    Returns:
        The version, READY.

    Raises:
        InvalidArgumentError: an argument is not acceptable.
        NotFoundError: there is no such schema that the caller may know of.
        PermissionDeniedError: the caller lacks a right; the message names it.
        RuleViolationError: a rule or check refuses the version; all of them are listed.

    Example:
        >>> import herdbook
        >>> version = herdbook.register_external_model(  # doctest: +SKIP
        ...     "main.default.chat",
        ...     endpoint="https://models.example.org/v1/chat",
        ...     provider="example",
        ...     params={"deployment": "chat-large"},
        ...     signature={"inputs": [{"type": "string", "name": "text"}], "outputs": [{"type": "string"}]},
        ... )
    """
    external = ExternalModel(endpoint=endpoint, provider=provider, params={} if params is None else _own(params))
    content = generate_external_mlmodel(external, None if signature is None else signature_from(signature))
    files = (SourceFile(path=MLMODEL, size=len(content), content=content),)
    origin = lineage_of(files, endpoint, lineage)
    facts = {"comment": comment, "tags": tags, "lineage": origin, "idempotency_key": idempotency_key}
    return register_files(files, name, facts, registry=registry)


def _own(params: Mapping[str, Any]) -> dict[str, Any]:
    return dict(params) if isinstance(params, Mapping) else params
