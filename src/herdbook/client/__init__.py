"""What a caller does in several steps over a Registry: register, download, load, export, import."""

from herdbook.client.archive import export_archive, import_archive
from herdbook.client.comparing import diff_model_versions
from herdbook.client.download import download_artifacts
from herdbook.client.external import register_external_model
from herdbook.client.loading import load_model
from herdbook.client.notebook import connect, get_registry_uri, set_registry_uri
from herdbook.client.register import register_model

__all__ = [
    "connect",
    "diff_model_versions",
    "download_artifacts",
    "export_archive",
    "get_registry_uri",
    "import_archive",
    "load_model",
    "register_external_model",
    "register_model",
    "set_registry_uri",
]
