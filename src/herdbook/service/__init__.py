"""The governed registry and the metastore that makes it."""

from herdbook.service.admission import verify_rules
from herdbook.service.governed import GovernedRegistry
from herdbook.service.identity import Authentication
from herdbook.service.metastore import Founding, Metastore

__all__ = ["Authentication", "Founding", "GovernedRegistry", "Metastore", "verify_rules"]
