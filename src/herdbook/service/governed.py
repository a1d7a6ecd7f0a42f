"""The governed registry, composed noun by noun; every rule is enforced here and nowhere else."""

from __future__ import annotations

from herdbook.ports.registry import Registry
from herdbook.service.aliases import GovernedAliases
from herdbook.service.answers import GovernedAnswers
from herdbook.service.artifacts import GovernedArtifacts
from herdbook.service.catalogs import GovernedCatalogs
from herdbook.service.grants import GovernedGrants
from herdbook.service.maintenance import GovernedMaintenance
from herdbook.service.ownership import GovernedOwnership
from herdbook.service.policies import GovernedPolicies
from herdbook.service.principals import GovernedPrincipals
from herdbook.service.registered_models import GovernedRegisteredModels
from herdbook.service.schemas import GovernedSchemas
from herdbook.service.searching import GovernedSearches
from herdbook.service.tags import GovernedTags
from herdbook.service.tokens import GovernedTokens
from herdbook.service.trash import GovernedTrash
from herdbook.service.versions import GovernedModelVersions


class GovernedRegistry(
    GovernedAliases,
    GovernedAnswers,
    GovernedArtifacts,
    GovernedCatalogs,
    GovernedGrants,
    GovernedMaintenance,
    GovernedModelVersions,
    GovernedOwnership,
    GovernedPolicies,
    GovernedPrincipals,
    GovernedRegisteredModels,
    GovernedSchemas,
    GovernedSearches,
    GovernedTags,
    GovernedTokens,
    GovernedTrash,
    Registry,
):
    """A registry over a metadata store and an artifact store, bound to one caller."""
