"""The command line: one module a noun, over the Registry port alone."""

from herdbook.cli.app import main

__all__ = ["main"]
