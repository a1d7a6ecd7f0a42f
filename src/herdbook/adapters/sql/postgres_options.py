"""What an installation may set about its connections to PostgreSQL."""

from __future__ import annotations

from typing import Any

from attrs import Attribute, field, frozen

from herdbook.errors import InvalidArgumentError


def _is_wait(_: object, attribute: Attribute[Any], value: float) -> None:
    # `not <=` refuses NaN too.
    if not 0 <= value <= 1_000_000:  # noqa: PLR2004 what PostgreSQL takes, in milliseconds, ends at 2**31
        raise InvalidArgumentError(f"{attribute.name} is {value}; it is seconds from 0 to 1000000.")


def _is_number(_: object, attribute: Attribute[Any], value: int) -> None:
    if not 2 <= value <= 10_000:  # noqa: PLR2004 a transaction may need a second connection beside its own
        raise InvalidArgumentError(f"{attribute.name} is {value}; it is 2 to 10000.")


@frozen(kw_only=True)
class PostgresOptions:
    """Limits of a process's connections, `[plugins.builtin-sql]`.

    Args:
        connections: The most that a process opens. Those above 32 are kept by threads, which saves them a little time.
        connection_wait_s: Seconds to wait for one while all are in use; then the caller is told to come again.
        connect_timeout_s: Seconds to wait until the database takes a new connection.
        statement_timeout_s: Seconds that a statement may take; 0 is no limit. Upgrades of the schema have none.
        lock_timeout_s: Seconds to wait for a lock that another change holds; 0 is no limit.
        idle_transaction_timeout_s: Seconds that a transaction may do nothing before the database ends it; 0 is no
            limit. It frees the locks of a process that hangs.
    """

    connections: int = field(default=64, validator=_is_number)
    connection_wait_s: float = field(default=10.0, validator=_is_wait)
    connect_timeout_s: float = field(default=10.0, validator=_is_wait)
    statement_timeout_s: float = field(default=60.0, validator=_is_wait)
    lock_timeout_s: float = field(default=30.0, validator=_is_wait)
    idle_transaction_timeout_s: float = field(default=120.0, validator=_is_wait)

    def session(self) -> dict[str, str]:
        """Return what a session is told of these."""
        waits = {
            "statement_timeout": self.statement_timeout_s,
            "lock_timeout": self.lock_timeout_s,
            "idle_in_transaction_session_timeout": self.idle_transaction_timeout_s,
        }
        return {name: f"{round(seconds * 1000)}ms" for name, seconds in waits.items()}
