"""How much a version may hold: refused before bytes move, at each step, and said with what to do."""

from __future__ import annotations

import hashlib
import io

import pytest
from attrs import evolve

from herdbook.adapters.http_registry.registry import HttpRegistry
from herdbook.adapters.http_registry.transport import Transport
from herdbook.client import register_model
from herdbook.entities import FileEntry, Manifest
from herdbook.entities.files import FileStat
from herdbook.errors import InvalidArgumentError, TooLargeError
from herdbook.names import PrincipalName
from herdbook.policy.limits import FileLimits
from herdbook.ports.registry import FileUpload
from herdbook.settings import load_settings
from herdbook.testing.http_server import ServedMetastore

FOUNDER = PrincipalName.parse("user:os/founder")
MODEL = "main.default.iris"
LIMITS = FileLimits(max_files=3, max_file_bytes=100, max_version_bytes=150)
FITS = {"a": 100, "b": 50}
TOO_MUCH = ({"a": 101}, {"a": 100, "b": 51}, {"a": 1, "b": 1, "c": 1, "d": 1})


@pytest.fixture
def metastore(make_metastore):
    metastore = make_metastore()
    metastore._core = evolve(metastore.core, limits=LIMITS)
    return metastore


@pytest.fixture
def registry(metastore):
    registry = metastore.for_caller(metastore.asserted(FOUNDER))
    registry.create_registered_model(MODEL)
    return registry


def stats(sizes):
    return [FileStat(path=path, size=size) for path, size in sizes.items()]


def uploads(sizes):
    return [FileUpload(file=file, source=io.BytesIO(bytes(file.size))) for file in stats(sizes)]


def manifest(sizes):
    return Manifest.of(
        [FileEntry(path=p, size=n, sha256=hashlib.sha256(bytes(n)).hexdigest()) for p, n in sizes.items()]
    )


@pytest.mark.parametrize("sizes", TOO_MUCH, ids=["a file", "all of them", "how many"])
def test_too_much_is_refused_at_every_step(registry, sizes):
    """The plan, the upload, the one-step create and the finalize all say what the limit is."""
    pending = registry.create_model_version(MODEL)
    for call in (
        lambda: registry.upload_plan(MODEL, stats(sizes)),
        lambda: registry.create_model_version(MODEL, manifest=manifest(sizes)),
        lambda: registry.upload_model_version_files(pending.ref, uploads(sizes)),
        lambda: registry.finalize_model_version(pending.ref, manifest(sizes)),
    ):
        with pytest.raises(TooLargeError) as refused:
            call()
        assert refused.value.details["limit"] in (3, 100, 150)
    assert len(registry.list_model_versions(MODEL).items) == 1


def test_what_fits_is_taken(registry):
    """The limits themselves are allowed, and a file that is sent again counts once."""
    pending = registry.create_model_version(MODEL)
    registry.upload_model_version_files(pending.ref, uploads(FITS))
    registry.upload_model_version_files(pending.ref, uploads(FITS))
    with pytest.raises(TooLargeError):
        registry.upload_model_version_files(pending.ref, uploads({"c": 1}))


def test_the_remote_client_is_told_before_it_sends(metastore, registry, tmp_path):
    """Over HTTP it is the same error, and no version is begun."""
    (tmp_path / "weights.bin").write_bytes(bytes(1000))
    with ServedMetastore(metastore) as server, HttpRegistry(Transport(server.url, token=str(FOUNDER))) as remote:
        with pytest.raises(TooLargeError, match=r"weights\.bin has 1,000 bytes"):
            register_model(tmp_path / "weights.bin", MODEL, registry=remote)
        assert remote.list_model_versions(MODEL).items == ()


def test_the_limits_are_a_table_of_the_settings(tmp_path):
    """`[version_limits]`; a wrong word is refused with its line."""
    path = tmp_path / "herdbook.toml"
    path.write_text("[version_limits]\nmax_file_bytes = 100\nmax_version_bytes = 150\nmax_files = 3\n")
    assert load_settings(path, environ={}).version_limits == LIMITS
    path.write_text("[version_limits]\nmax_file = 100\n")
    with pytest.raises(InvalidArgumentError, match="max_file"):
        load_settings(path, environ={})
