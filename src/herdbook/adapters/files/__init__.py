"""The artifact store over a folder."""

from herdbook.adapters.files import plugin

__all__ = ["plugin"]
