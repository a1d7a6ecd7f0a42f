"""What the core needs of a database: short transactions over securables, versions, aliases, tags and the ledger."""

from herdbook.ports.metadata.reading import PolicyLog, ReadTransaction, Resolver
from herdbook.ports.metadata.records import Aliased, Found, Hits, Lease, NewVersion, Search, Stamp, Trashed, VersionRow
from herdbook.ports.metadata.writing import MetadataStore, WriteTransaction

__all__ = [
    "Aliased",
    "Found",
    "Hits",
    "Lease",
    "MetadataStore",
    "NewVersion",
    "PolicyLog",
    "ReadTransaction",
    "Resolver",
    "Search",
    "Stamp",
    "Trashed",
    "VersionRow",
    "WriteTransaction",
]
