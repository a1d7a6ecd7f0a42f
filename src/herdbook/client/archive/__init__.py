"""Archives: a catalog, schema or model as one file, written and read through the Registry port."""

from herdbook.client.archive.exporting import export_archive
from herdbook.client.archive.importing import import_archive

__all__ = ["export_archive", "import_archive"]
