"""The whole Registry port: what every caller, face and client talks to."""

from __future__ import annotations

from herdbook.ports.registry.aliases import Aliases
from herdbook.ports.registry.answers import Answers
from herdbook.ports.registry.approvals import Approvals
from herdbook.ports.registry.artifacts import Artifacts
from herdbook.ports.registry.audit import AuditLog
from herdbook.ports.registry.catalogs import Catalogs
from herdbook.ports.registry.grants import Grants
from herdbook.ports.registry.maintenance import Maintenance
from herdbook.ports.registry.model_versions import ModelVersions
from herdbook.ports.registry.ownership import Ownership
from herdbook.ports.registry.policies import Policies
from herdbook.ports.registry.principals import Principals
from herdbook.ports.registry.registered_models import RegisteredModels
from herdbook.ports.registry.schemas import Schemas
from herdbook.ports.registry.tags import Tags
from herdbook.ports.registry.tokens import Tokens
from herdbook.ports.registry.trash import Trash
from herdbook.ports.registry.webhooks import Webhooks


class Registry(
    Aliases,
    Answers,
    Approvals,
    Artifacts,
    AuditLog,
    Catalogs,
    Grants,
    Maintenance,
    ModelVersions,
    Ownership,
    Policies,
    Principals,
    RegisteredModels,
    Schemas,
    Tags,
    Tokens,
    Trash,
    Webhooks,
):
    """A registry of models, bound to one caller.

    Every verb is declared once, in the part that owns its noun. `supported` says which of them a backend can do; the
    others raise UnsupportedError.
    """
