"""The seam that plugins see: hooks, and the contributions that they hand over."""

from herdbook.plugins.collecting import PluginInfo, PluginStatus
from herdbook.plugins.contributions import (
    ArtifactScheme,
    Candidate,
    CandidateFile,
    Credentials,
    IdentitySource,
    MetadataScheme,
    ModelLoader,
    PreRegisterCheck,
    RegistryScheme,
)
from herdbook.plugins.hookspecs import hookimpl
from herdbook.plugins.manager import PluginManager

__all__ = [
    "ArtifactScheme",
    "Candidate",
    "CandidateFile",
    "Credentials",
    "IdentitySource",
    "MetadataScheme",
    "ModelLoader",
    "PluginInfo",
    "PluginManager",
    "PluginStatus",
    "PreRegisterCheck",
    "RegistryScheme",
    "hookimpl",
]
