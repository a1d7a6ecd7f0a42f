"""From a URI and options to an open store: builds the client, and asks once whether bucket and credentials are good."""

from __future__ import annotations

import configparser
import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import obstore
from attrs import evolve
from obstore.store import AzureStore, GCSStore, ObjectStore, S3Store

from herdbook.errors import InvalidArgumentError
from herdbook_objectstore.keys import Keys
from herdbook_objectstore.options import AzOptions, GsOptions, ObjectStoreOptions, S3Options
from herdbook_objectstore.refusals import REFUSED, unopened
from herdbook_objectstore.store import BucketStore

if TYPE_CHECKING:
    # These exist for type checkers only.
    from obstore.store import ClientConfig, RetryConfig


def open_store(uri: str, options: ObjectStoreOptions | None = None) -> BucketStore:
    """Open the artifact store below a bucket's prefix.

    Args:
        uri: `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`.
        options: None takes what holds unless something else is said.

    Raises:
        InvalidArgumentError: the URI has a mistake, there is no such bucket, or it refuses the credentials.
        UnavailableError: the store does not answer.
    """
    chosen = ObjectStoreOptions() if options is None else options
    bucket, prefix = split(uri)
    keys = Keys(prefix)
    objects = build(uri, bucket, chosen)
    try:
        next(obstore.list(objects, keys.staging, chunk_size=1), None)
    except REFUSED as error:
        raise unopened(uri, error) from None
    outside = chosen.s3.public_endpoint if isinstance(objects, S3Store) else None
    return BucketStore(
        objects,
        prefix=prefix,
        concurrency=chosen.concurrency,
        read_ahead=chosen.read_ahead,
        signing=build(uri, bucket, evolve(chosen, s3=evolve(chosen.s3, endpoint=outside))) if outside else objects,
    )


def split(uri: str) -> tuple[str, str]:
    """Return the bucket and the prefix that a URI names.

    Raises:
        InvalidArgumentError: it names no bucket, or more than a bucket and a prefix; no password in it is repeated.
    """
    parts = urlsplit(uri)
    # urlsplit drops line breaks without a word.
    if not parts.netloc or re.search(r"[@:]", parts.netloc) or parts.query or parts.fragment or not uri.isprintable():
        raise InvalidArgumentError(
            f"This is not the URI of a bucket: {parts.scheme}://...",
            hint=f"Write {parts.scheme}://BUCKET/PREFIX; credentials and endpoints go elsewhere.",
        )
    return parts.netloc, parts.path.strip("/")


def build(uri: str, bucket: str, options: ObjectStoreOptions) -> ObjectStore:
    """Make the client of a bucket; asks nobody for anything.

    Raises:
        InvalidArgumentError: a file that is named cannot be read, or an option says what obstore does not know.
    """
    retry: RetryConfig = {
        "max_retries": options.retries,
        "retry_timeout": timedelta(seconds=options.retry_timeout_s),
    }
    client: ClientConfig = {
        "connect_timeout": timedelta(seconds=options.connect_timeout_s),
        "timeout": timedelta(seconds=options.timeout_s),
    }
    scheme = urlsplit(uri).scheme
    chosen = options.s3 if scheme == "s3" else options.gs if scheme == "gs" else options.az
    client["allow_http"] = chosen.allow_http
    try:
        if isinstance(chosen, S3Options):
            return S3Store(bucket, config=_s3(chosen), client_options=client, retry_config=retry)
        if isinstance(chosen, GsOptions):
            return GCSStore(bucket, config=_gs(chosen), client_options=client, retry_config=retry)
        return AzureStore(bucket, config=_az(chosen), client_options=client, retry_config=retry)
    except REFUSED:
        # Its text may repeat what it was given.
        raise InvalidArgumentError(
            f"The options or the environment do not make a client for {uri}.",
            hint=f"Look at [plugins.objectstore.{scheme}] and at the variables that obstore reads.",
        ) from None


def _s3(options: S3Options) -> Any:
    said = {
        "endpoint": options.endpoint,
        "region": options.region,
        "virtual_hosted_style_request": options.virtual_hosted_style,
        "copy_if_not_exists": options.copy_if_not_exists,
    }
    if options.credentials_file is not None:
        said.update(_profile(Path(options.credentials_file).expanduser(), options.profile))
    return {name: value for name, value in said.items() if value is not None}


def _gs(options: GsOptions) -> Any:
    said = {"base_url": options.endpoint, "service_account": _path(options.credentials_file)}
    return {name: value for name, value in said.items() if value is not None}


def _az(options: AzOptions) -> Any:
    said = {"account_name": options.account, "endpoint": options.endpoint}
    if options.account_key_file is not None:
        said["account_key"] = _text(Path(options.account_key_file).expanduser()).strip()
    return {name: value for name, value in said.items() if value is not None}


def _profile(path: Path, profile: str) -> dict[str, str | None]:
    """Read one section of a file in the form of `~/.aws/credentials`."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(_text(path))
        section = parser[profile]
        return {
            "access_key_id": section["aws_access_key_id"],
            "secret_access_key": section["aws_secret_access_key"],
            "session_token": section.get("aws_session_token"),
        }
    except (configparser.Error, KeyError):
        # The parser's own text repeats lines of the file.
        raise InvalidArgumentError(
            f"The credentials file {path} has no keys in a section [{profile}].",
            hint="It needs aws_access_key_id and aws_secret_access_key there, one a line.",
        ) from None


def _path(path: str | None) -> str | None:
    if path is None:
        return None
    found = Path(path).expanduser()
    _text(found)
    return str(found)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "it is not text"
        raise InvalidArgumentError(f"The credentials file {path} cannot be read: {problem}.") from None
