"""A registry behind a Herdbook server, as a built-in plugin."""

from herdbook.adapters.http_registry import plugin

__all__ = ["plugin"]
