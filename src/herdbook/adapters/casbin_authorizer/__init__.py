"""The authorizer whose judge is Casbin."""

from __future__ import annotations

from herdbook.adapters.casbin_authorizer.authorizer import CasbinAuthorizer

__all__ = ["CasbinAuthorizer"]
