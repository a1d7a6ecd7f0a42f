"""Small models to register in tests."""

from __future__ import annotations

import io

from herdbook.entities import FileEntry, FileStat, Lineage, Manifest, ModelVersion
from herdbook.entities.signature import Column, ModelSignature, Scalar, ScalarType
from herdbook.formats.mlmodel import generate_mlmodel
from herdbook.ports.registry import FileUpload, Registry

SIGNATURE = ModelSignature(
    inputs=(Column(name="x", type=Scalar(type=ScalarType.DOUBLE)),),
    outputs=(Column(type=Scalar(type=ScalarType.LONG)),),
)
WEIGHTS = b"weights"


def model_files(weights: bytes = WEIGHTS, *, signed: bool = True) -> dict[str, bytes]:
    """Return the files of a tiny model, with or without a signature."""
    files = {"model.bin": weights}
    if signed:
        files["MLmodel"] = generate_mlmodel(SIGNATURE)
    return files


def upload(registry: Registry, version: ModelVersion, files: dict[str, bytes]) -> Manifest:
    """Send files for a pending version and return their manifest."""
    uploads = [
        FileUpload(file=FileStat(path=path, size=len(data)), source=io.BytesIO(data)) for path, data in files.items()
    ]
    entries: tuple[FileEntry, ...] = registry.upload_model_version_files(version.ref, uploads)
    return Manifest.of(entries)


def register(
    registry: Registry, name: str, files: dict[str, bytes] | None = None, *, lineage: Lineage | None = None
) -> ModelVersion:
    """Register files in the three steps, through the port alone."""
    version = registry.create_model_version(name, lineage=lineage)
    manifest = upload(registry, version, model_files() if files is None else files)
    return registry.finalize_model_version(version.ref, manifest)
