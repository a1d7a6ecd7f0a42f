"""What `[plugins.objectstore]` of herdbook.toml can say; never a secret, only where one is."""

from __future__ import annotations

from typing import Any

from attrs import Attribute, field, frozen

from herdbook.errors import InvalidArgumentError


def _is_positive(_: object, attribute: Attribute[Any], value: float) -> None:
    # `not >` refuses NaN too.
    if not value > 0:
        raise InvalidArgumentError(f"{attribute.name} must be above 0, not {value}")


def _is_natural(_: object, attribute: Attribute[Any], value: int) -> None:
    if value < 0:
        raise InvalidArgumentError(f"{attribute.name} must be 0 or more, not {value}")


@frozen(kw_only=True)
class S3Options:
    """How an S3 store is reached, `[plugins.objectstore.s3]`.

    Args:
        endpoint: Its URL, where it is not Amazon's; with virtual-hosted style it has the bucket's name in it.
        public_endpoint: The URL under which clients reach it, where that differs; signed URLs name it.
        region: Its region.
        virtual_hosted_style: Whether the bucket's name stands in the host; otherwise it begins the path.
        allow_http: Whether the endpoint may be reached without TLS.
        credentials_file: A file in the form of `~/.aws/credentials`; None takes what obstore's chain finds: AWS_*
            variables, a web identity, the container's or the machine's role.
        profile: Which section of that file.
        copy_if_not_exists: How this store copies only where nothing stands: `multipart`, `header:NAME:VALUE` or
            `header-with-status:NAME:VALUE:STATUS`.
    """

    endpoint: str | None = None
    public_endpoint: str | None = None
    region: str | None = None
    virtual_hosted_style: bool = False
    allow_http: bool = False
    credentials_file: str | None = None
    profile: str = "default"
    copy_if_not_exists: str = "multipart"


@frozen(kw_only=True)
class GsOptions:
    """How Google Cloud Storage is reached, `[plugins.objectstore.gs]`.

    Args:
        endpoint: Its URL, where it is not Google's.
        allow_http: Whether the endpoint may be reached without TLS.
        credentials_file: The key file of a service account; None takes what obstore's chain finds: GOOGLE_* variables,
            the application default credentials, the machine's service account.
    """

    endpoint: str | None = None
    allow_http: bool = False
    credentials_file: str | None = None


@frozen(kw_only=True)
class AzOptions:
    """How Azure Blob Storage is reached, `[plugins.objectstore.az]`; the URI names the container.

    Args:
        account: The storage account; None takes AZURE_STORAGE_ACCOUNT_NAME.
        endpoint: Its URL, where it is not Azure's.
        allow_http: Whether the endpoint may be reached without TLS.
        account_key_file: A file that holds the account's key; None takes what obstore's chain finds: AZURE_*
            variables, a workload identity, a managed identity.
    """

    account: str | None = None
    endpoint: str | None = None
    allow_http: bool = False
    account_key_file: str | None = None


@frozen(kw_only=True)
class ObjectStoreOptions:
    """How object stores are used.

    Args:
        connect_timeout_s: Seconds to wait for a connection.
        timeout_s: Seconds that one request may take; none carries more than one part (8 MiB, more for huge files).
        retries: How often a request that failed on the way, or at a busy store, is sent again.
        retry_timeout_s: Seconds after which a request is not sent again.
        concurrency: How many transfers run at once.
        read_ahead: How many blocks of 4 MiB are fetched ahead of whoever reads a file.
        s3: For `s3:`.
        gs: For `gs:`.
        az: For `az:`.
    """

    connect_timeout_s: float = field(default=5.0, validator=_is_positive)
    timeout_s: float = field(default=60.0, validator=_is_positive)
    retries: int = field(default=4, validator=_is_natural)
    retry_timeout_s: float = field(default=60.0, validator=_is_positive)
    concurrency: int = field(default=8, validator=_is_positive)
    read_ahead: int = field(default=3, validator=_is_positive)
    s3: S3Options = field(factory=S3Options)
    gs: GsOptions = field(factory=GsOptions)
    az: AzOptions = field(factory=AzOptions)
