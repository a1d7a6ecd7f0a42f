"""What the core needs of a database: short transactions over securables, versions, aliases, tags and the ledger."""

from herdbook.ports.metadata.reading import PolicyLog, ReadTransaction, Resolver
from herdbook.ports.metadata.records import Aliased, Found, Lease, NewVersion, Stamp, Trashed, VersionRow
from herdbook.ports.metadata.writing import MetadataStore, WriteTransaction

__all__ = [
    "Aliased",
    "Found",
    "Lease",
    "MetadataStore",
    "NewVersion",
    "PolicyLog",
    "ReadTransaction",
    "Resolver",
    "Stamp",
    "Trashed",
    "VersionRow",
    "WriteTransaction",
]
