"""The names of securables, versions, aliases and principals, and the `models:/` URIs over them."""

from herdbook.names.principals import PrincipalKind, PrincipalName
from herdbook.names.securables import (
    METASTORE,
    MODELS_SCHEME,
    RESERVED_LEVEL_PREFIX,
    AliasRef,
    AliasSlots,
    CatalogName,
    ContainerName,
    MetastoreName,
    ModelName,
    SchemaName,
    SecurableName,
    VersionRef,
    fold,
    parse_securable,
)
from herdbook.names.times import format_time, parse_time
from herdbook.names.uris import LatestRef, LoggedModelRef, ModelUri

__all__ = [
    "METASTORE",
    "MODELS_SCHEME",
    "RESERVED_LEVEL_PREFIX",
    "AliasRef",
    "AliasSlots",
    "CatalogName",
    "ContainerName",
    "LatestRef",
    "LoggedModelRef",
    "MetastoreName",
    "ModelName",
    "ModelUri",
    "PrincipalKind",
    "PrincipalName",
    "SchemaName",
    "SecurableName",
    "VersionRef",
    "fold",
    "format_time",
    "parse_securable",
    "parse_time",
]
