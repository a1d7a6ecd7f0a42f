"""The metadata store over SQL databases."""

from herdbook.adapters.sql import plugin

__all__ = ["plugin"]
