"""The native face, /api/v1."""

from herdbook.server.native.face import NativeFace

__all__ = ["NativeFace"]
