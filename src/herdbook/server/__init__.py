"""The HTTP server: faces over the Registry port, each parse -> call -> render."""

from herdbook.server.app import build_app
from herdbook.server.identity import Authenticator, LocalPrincipal

__all__ = ["Authenticator", "LocalPrincipal", "build_app"]
