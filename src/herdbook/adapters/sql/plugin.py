"""The built-in metadata scheme."""

from __future__ import annotations

from herdbook.adapters.sql.postgres_options import PostgresOptions
from herdbook.plugins import MetadataScheme, hookimpl
from herdbook.ports.metadata import MetadataStore


def _open(uri: str, options: PostgresOptions | None) -> MetadataStore:
    from herdbook.adapters.sql.store import SqlStore  # noqa: PLC0415 SQLAlchemy is imported only where it is used

    return SqlStore.open(uri, options)


def _upgrade(uri: str, options: PostgresOptions | None) -> tuple[str, str]:
    from herdbook.adapters.sql.store import SqlStore  # noqa: PLC0415 as above

    return SqlStore.upgrade(uri, options)


@hookimpl
def herdbook_metadata_schemes() -> list[MetadataScheme]:
    """Contribute `sqlite:` and `postgresql:`."""
    return [
        MetadataScheme(name="sqlite", open=_open, upgrade=_upgrade),
        MetadataScheme(
            name="postgresql",
            open=_open,
            upgrade=_upgrade,
            options=PostgresOptions,
            install_hint="pip install 'herdbook[postgres]'",
        ),
    ]
