"""What every part of the Registry port shares: which verbs a backend supports, and the refusal of the others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

from herdbook.errors import UnsupportedError
from herdbook.names import AliasRef, CatalogName, LatestRef, ModelName, SchemaName, SecurableName, VersionRef
from herdbook.verdicts import Operation

CatalogLike = CatalogName | str
SchemaLike = SchemaName | str
ModelLike = ModelName | str
VersionLike = VersionRef | str
AnyVersionLike = VersionRef | LatestRef | str
AliasLike = AliasRef | str
SecurableLike = SecurableName | str

_PORT = __name__.rpartition(".")[0]


class RegistryPart(ABC):
    """The root of the port's parts. A verb that a backend does not override raises UnsupportedError."""

    @property
    def supported(self) -> frozenset[Operation]:
        """The verbs that this registry can do: those that its class has made its own."""
        return frozenset(
            operation
            for operation in Operation
            if not getattr(type(self), operation.value).__module__.startswith(_PORT)
        )

    @abstractmethod
    def close(self) -> None:
        """Release what is held; the registry is not used afterwards."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _unsupported(self, operation: Operation) -> UnsupportedError:
        return UnsupportedError(
            f"This registry cannot {operation.value.replace('_', ' ')}.",
            hint="`registry.supported` lists what it can do.",
            operation=operation.value,
        )
