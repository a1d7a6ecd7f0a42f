"""`herdbook register` and `herdbook register-external`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from herdbook.cli.options import DEFAULT, Options, opened_or_founded
from herdbook.cli.output import show
from herdbook.cli.progress import bytes_bar
from herdbook.entities import Lineage
from herdbook.errors import InvalidArgumentError
from herdbook.names import ModelName


def register(
    path: Path,
    name: str,
    *,
    signature: Path | None = None,
    comment: str | None = None,
    tag: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    alias: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    run_id: str | None = None,
    code_commit: str | None = None,
    idempotency_key: str | None = None,
    options: Options = DEFAULT,
) -> None:
    """Register a model's files as the next version of a registered model.

    Args:
        path: The folder with the model's files, or a single file.
        name: CATALOG.SCHEMA.MODEL; the model is made if it is missing.
        signature: For a folder without MLmodel: a JSON file with inputs, outputs and params as MLmodel files have them.
        comment: Markdown.
        tag: KEY=VALUE, a tag of the version; may be repeated.
        alias: An alias to point to the version; may be repeated.
        run_id: The tracking run that it came from.
        code_commit: The commit of the code that it came from.
        idempotency_key: A repeated command with the same key goes on with the same version.
    """
    from herdbook.client.register import register_model  # noqa: PLC0415 `--help` needs no database

    # What was mistyped is refused before a version number is spent on it.
    model = ModelName.parse(name)
    slots = [model.alias(word) for word in alias]
    tags = dict(_pair(text) for text in tag)
    form = None if signature is None else _json(signature, "signature")
    with opened_or_founded(options) as registry:
        with bytes_bar("registering", _size(path.expanduser()), quiet=options.json) as progress:
            version = register_model(
                path,
                model,
                registry=registry,
                signature=form,
                comment=comment,
                tags=tags,
                lineage=Lineage(run_id=run_id, code_commit=code_commit),
                idempotency_key=idempotency_key,
                progress=progress,
            )
        for slot in slots:
            registry.set_registered_model_alias(slot, version.version)
        show(options, registry.get_model_version(version.ref))


def register_external(
    name: str,
    *,
    endpoint: str,
    provider: str | None = None,
    params: Path | None = None,
    signature: Path | None = None,
    comment: str | None = None,
    tag: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    alias: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    idempotency_key: str | None = None,
    options: Options = DEFAULT,
) -> None:
    """Register a model that is served elsewhere as the next version of a registered model.

    Args:
        name: CATALOG.SCHEMA.MODEL; the model is made if it is missing.
        endpoint: Where it is served: an https or http URI without credentials.
        provider: Who serves it.
        params: A JSON file with what a caller needs to know to call it; no secrets.
        signature: A JSON file with inputs, outputs and params as MLmodel files have them.
        comment: Markdown.
        tag: KEY=VALUE, a tag of the version; may be repeated.
        alias: An alias to point to the version; may be repeated.
        idempotency_key: A repeated command with the same key goes on with the same version.
    """
    from herdbook.client.external import register_external_model  # noqa: PLC0415 `--help` needs no database

    model = ModelName.parse(name)
    slots = [model.alias(word) for word in alias]
    with opened_or_founded(options) as registry:
        version = register_external_model(
            model,
            endpoint=endpoint,
            provider=provider,
            params=None if params is None else _json(params, "params file"),
            signature=None if signature is None else _json(signature, "signature"),
            registry=registry,
            comment=comment,
            tags=dict(_pair(text) for text in tag),
            idempotency_key=idempotency_key,
        )
        for slot in slots:
            registry.set_registered_model_alias(slot, version.version)
        show(options, registry.get_model_version(version.ref))


def _size(path: Path) -> int | None:
    """Return the bytes of a folder or a file; None where there is nothing, which the client refuses in words."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) if path.is_dir() else None


def _json(path: Path, what: str) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"The {what} {path} cannot be read: {error}.") from error


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise InvalidArgumentError(f"{text!r} is not a tag.", hint="Write --tag KEY=VALUE.")
    return key, value
