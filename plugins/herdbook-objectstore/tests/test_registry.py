"""A registry whose rows are in SQLite and whose bytes are in a bucket, as herdbook.toml says."""

from __future__ import annotations

import os

import pytest

import herdbook
from herdbook.errors import InvalidArgumentError, PluginLoadError
from herdbook.testing.samples import model_files, upload
from herdbook_objectstore.opening import open_store


@pytest.fixture
def settings_file(s3, root, options_for, tmp_path, monkeypatch):
    """A herdbook.toml that keeps bytes below `root`."""
    path = tmp_path / "herdbook.toml"
    path.write_text(f"""
registry_uri = "sqlite:///{tmp_path}/registry.db"
artifact_root = "{root}"

[plugins.objectstore]
retries = 1

[plugins.objectstore.s3]
endpoint = "{s3.endpoint}"
region = "{s3.region}"
allow_http = true
credentials_file = "{options_for(s3).s3.credentials_file}"
""")
    monkeypatch.setenv("HERDBOOK_CONFIG", str(path))
    return path


@pytest.mark.usefixtures("settings_file")
def test_a_model_is_registered_and_comes_back(s3, root, options_for, tmp_path):
    """A model goes into the bucket and comes out of it byte for byte; what no version refers to is swept."""
    files = model_files(os.urandom(20_000_000))
    model = tmp_path / "model"
    model.mkdir()
    for path, content in files.items():
        (model / path).write_bytes(content)
    with herdbook.connect() as registry:
        version = herdbook.register_model(model, "main.default.iris", registry=registry)
        registry.set_registered_model_alias("main.default.iris@champion", version.version)
        pending = registry.create_model_version("main.default.iris")
        upload(registry, pending, {"model.bin": b"nobody finalizes this"})
    bucket = open_store(root, options_for(s3))
    assert len(list(bucket.blobs())) == len(files) + 1
    with herdbook.connect() as registry:
        folder = herdbook.download_artifacts("models:/main.default.iris@champion", tmp_path / "back", registry=registry)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == files
        part = registry.read_model_version_file(version.ref, "model.bin", offset=5_000_000, length=7)
        assert b"".join(part) == files["model.bin"][5_000_000:5_000_007]
        report = registry.sweep_artifacts(grace_s=0)
        assert (report.abandoned_versions, report.removed_blobs, report.kept_blobs) == (1, 1, len(files))
    assert len(list(bucket.blobs())) == len(files)
    bucket.close()
    again = herdbook.register_model(model, "main.default.again")
    assert again.version == 1


def test_settings_with_mistakes(settings_file):
    """What the settings file should not say is refused by name."""
    settings_file.write_text(settings_file.read_text() + 'secret_access_key = "x"\n')
    with pytest.raises(InvalidArgumentError, match="secret_access_key"):
        herdbook.connect()


def test_without_the_plugin(settings_file):
    """Where the plugin is blocked, the error names what to install."""
    settings_file.write_text('plugins.block = ["objectstore"]\n' + settings_file.read_text())
    with pytest.raises(PluginLoadError, match="Install herdbook-objectstore"):
        herdbook.connect()
