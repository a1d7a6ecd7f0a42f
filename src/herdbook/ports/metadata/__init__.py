"""What the core needs of a database: short transactions over securables, versions, aliases, tags and the ledger."""

from herdbook.ports.metadata.reading import PolicyLog, ReadTransaction, Resolver
from herdbook.ports.metadata.records import Found, Lease, NewVersion, Stamp, VersionRow
from herdbook.ports.metadata.writing import MetadataStore, WriteTransaction

__all__ = [
    "Found",
    "Lease",
    "MetadataStore",
    "NewVersion",
    "PolicyLog",
    "ReadTransaction",
    "Resolver",
    "Stamp",
    "VersionRow",
    "WriteTransaction",
]
