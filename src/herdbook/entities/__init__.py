"""Frozen values: what the registry knows, without I/O and without JSON."""

from herdbook.entities.caller import Authn, Caller, TokenScope
from herdbook.entities.changes import (
    ChangeKind,
    Effect,
    FileChange,
    SignatureChange,
    SignatureDiff,
    SignaturePart,
    ValueChange,
    VersionDiff,
)
from herdbook.entities.external import ExternalModel
from herdbook.entities.files import FileEntry, FileStat, Manifest
from herdbook.entities.models import InputExample, ModelDescription
from herdbook.entities.principals import Principal
from herdbook.entities.rules import EffectiveRule, SweepReport
from herdbook.entities.securables import Catalog, Chain, Link, Page, RegisteredModel, Schema
from herdbook.entities.signature import ModelSignature
from herdbook.entities.transfers import LocatedFile, SignedUrl, SlotNeed, StagedParts, UploadPlan, UploadSlot
from herdbook.entities.versions import (
    HIDDEN,
    AliasAssignment,
    DatasetRef,
    ImportedFrom,
    Lineage,
    ModelVersion,
    VersionStatus,
)

__all__ = [
    "HIDDEN",
    "AliasAssignment",
    "Authn",
    "Caller",
    "Catalog",
    "Chain",
    "ChangeKind",
    "DatasetRef",
    "Effect",
    "EffectiveRule",
    "ExternalModel",
    "FileChange",
    "FileEntry",
    "FileStat",
    "ImportedFrom",
    "InputExample",
    "Lineage",
    "Link",
    "LocatedFile",
    "Manifest",
    "ModelDescription",
    "ModelSignature",
    "ModelVersion",
    "Page",
    "Principal",
    "RegisteredModel",
    "Schema",
    "SignatureChange",
    "SignatureDiff",
    "SignaturePart",
    "SignedUrl",
    "SlotNeed",
    "StagedParts",
    "SweepReport",
    "TokenScope",
    "UploadPlan",
    "UploadSlot",
    "ValueChange",
    "VersionDiff",
    "VersionStatus",
]
