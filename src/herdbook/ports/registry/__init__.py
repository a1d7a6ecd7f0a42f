"""The Registry port: one ABC a noun, all of them inherited by `Registry`."""

from herdbook.ports.registry.aliases import Aliases
from herdbook.ports.registry.answers import Answers
from herdbook.ports.registry.approvals import Approvals
from herdbook.ports.registry.artifacts import Artifacts
from herdbook.ports.registry.audit import AuditLog
from herdbook.ports.registry.base import (
    AliasLike,
    AnyVersionLike,
    CatalogLike,
    ModelLike,
    SchemaLike,
    SecurableLike,
    VersionLike,
)
from herdbook.ports.registry.catalogs import Catalogs
from herdbook.ports.registry.grants import Grants
from herdbook.ports.registry.maintenance import Maintenance
from herdbook.ports.registry.model_versions import ModelVersions
from herdbook.ports.registry.ownership import Ownership
from herdbook.ports.registry.policies import Policies
from herdbook.ports.registry.principals import Principals
from herdbook.ports.registry.registered_models import RegisteredModels
from herdbook.ports.registry.registry import Registry
from herdbook.ports.registry.schemas import Schemas
from herdbook.ports.registry.tags import Tags
from herdbook.ports.registry.tokens import Tokens
from herdbook.ports.registry.trash import Trash
from herdbook.ports.registry.uploads import FileUpload, OpenedFile
from herdbook.ports.registry.webhooks import Webhooks

__all__ = [
    "AliasLike",
    "Aliases",
    "Answers",
    "AnyVersionLike",
    "Approvals",
    "Artifacts",
    "AuditLog",
    "CatalogLike",
    "Catalogs",
    "FileUpload",
    "Grants",
    "Maintenance",
    "ModelLike",
    "ModelVersions",
    "OpenedFile",
    "Ownership",
    "Policies",
    "Principals",
    "RegisteredModels",
    "Registry",
    "SchemaLike",
    "Schemas",
    "SecurableLike",
    "Tags",
    "Tokens",
    "Trash",
    "VersionLike",
    "Webhooks",
]
