"""External models: models that are served elsewhere, and of which the registry holds one document."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from attrs import Attribute, field, frozen

from herdbook.errors import InvalidArgumentError

MAX_ENDPOINT = 2000
MAX_PARAMS = 64 * 1024
"""Bytes of all params as JSON."""
MAX_DEPTH = 16
MAX_BITS = 64
MAX_HOST = 253

_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+", re.ASCII)
_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*", re.ASCII)
_PROVIDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/+-]{0,99}", re.ASCII)
_SIGNS = re.compile(r"[\W_]+")
_SECRET = re.compile(
    r"(password|passwd|pwd|passphrase|secret|credential|authorization|cookie|connectionstring"
    r"|(api|access|secret|private|account|auth|subscription|encryption|signing|shared|storage|master|service)key)s?$"
    r"|token$"
)
_NO_SECRET = re.compile(r"(stop|start|eos|bos|pad|unk|sep|cls|mask|special|end|begin|first|last|max|min)token$")
_SECRET_IN_QUERY = re.compile(r"key|code|sig|signature|sas|auth")
_WHERE_THE_KEY_IS = "Leave it out, and name the place where the key is kept: {'api_key_env': 'SCORING_API_KEY'}."


def is_secret_name(name: str) -> bool:
    """Tell whether a key looks like the name of a secret: `api_key`, `accessToken`, `db-password`."""
    word = _SIGNS.sub("", name.casefold()).rstrip("0123456789")
    return _SECRET.search(word) is not None and _NO_SECRET.search(word) is None


def check_endpoint(_: object, __: Attribute[str], value: object) -> None:
    """Refuse what is not the address of a service, or is written in a way that hides where it leads."""
    wrong = _wrong_with(value) if isinstance(value, str) else "it is not text"
    if wrong is not None:
        # What may hold a password is not repeated.
        shown = repr(value) if isinstance(value, str) and "@" not in value and "?" not in value else "It"
        raise InvalidArgumentError(
            f"{shown} is not acceptable as the endpoint of an external model: {wrong}.",
            hint="Write it like https://models.example.org/v1/score, without credentials.",
        )


def _wrong_with(text: str) -> str | None:
    if len(text) > MAX_ENDPOINT:
        return f"it has more than {MAX_ENDPOINT} characters"
    if _CHARACTERS.fullmatch(text) is None:
        return "a URI has ASCII letters, digits and some signs, and no spaces"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        return f"it is not a URI ({error})"
    found = (why for is_wrong, why in _WRONGS if is_wrong(text, parts, port))
    return next(found, None)


def _names_no_host(_: str, parts: SplitResult, port: int | None) -> bool:
    host = parts.hostname or ""
    written = f"[{host}]" if ":" in host else host
    return not _is_host(host) or parts.netloc != (written if port is None else f"{written}:{port}")


def _hides_its_path(_: str, parts: SplitResult, __: int | None) -> bool:
    segments = [unquote(segment) for segment in parts.path.split("/")]
    return any(segment in (".", "..") or "/" in segment or "\\" in segment or "%" in segment for segment in segments)


def _has_a_secret(_: str, parts: SplitResult, __: int | None) -> bool:
    return any(_is_query_secret(name) for name, _ in parse_qsl(parts.query.replace(";", "&"), keep_blank_values=True))


_WRONGS: tuple[tuple[Callable[[str, SplitResult, int | None], bool], str], ...] = (
    (lambda text, _, __: not text.startswith(("https://", "http://")), "it does not begin with https:// or http://"),
    (lambda _, parts, __: "@" in parts.netloc, "it names a user or a password"),
    (lambda text, _, __: "#" in text, "the part after '#' is never sent to a service"),
    (_names_no_host, "its host is not a name or an address in lower-case letters, with or without a port"),
    (_hides_its_path, "its path has '.', '..', or hides a slash or a percent sign"),
    (_has_a_secret, "a key in its query looks like a credential"),
)
"""What is wrong with a URI, in the order in which it is told."""


def _is_host(host: str) -> bool:
    if ":" in host:
        try:
            return str(ipaddress.IPv6Address(host)) == host
        except ValueError:
            return False
    return len(host) <= MAX_HOST and _HOST.fullmatch(host) is not None


def _is_query_secret(name: str) -> bool:
    return is_secret_name(name) or _SECRET_IN_QUERY.fullmatch(name.casefold()) is not None


def check_provider(_: object, __: Attribute[str | None], value: object) -> None:
    """Refuse what is not a short name of a provider."""
    if value is not None and (not isinstance(value, str) or _PROVIDER.fullmatch(value) is None):
        raise InvalidArgumentError(
            f"{value!r} is not the name of a provider.", hint="Write 1 to 100 letters, digits, spaces, '.', '_', '-'."
        )


def check_params(_: object, __: Attribute[dict[str, Any]], value: object) -> None:
    """Refuse params that are no plain JSON data, that are too large, or that look like secrets."""
    if not isinstance(value, dict):
        raise InvalidArgumentError(f"{type(value).__name__} is not a mapping of params.")
    for path, key in _keys(value):
        if not isinstance(key, str):
            raise InvalidArgumentError(f"{key!r} in params is not text, as the keys of JSON are.")
        if is_secret_name(key):
            raise InvalidArgumentError(
                f"{path!r} in params looks like a secret, and everybody who may read the model would read it.",
                hint=_WHERE_THE_KEY_IS,
            )
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
        plain = json.loads(text) == value
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"params are not plain JSON data: {error}.") from error
    if not plain:
        raise InvalidArgumentError(
            "params are not plain JSON data: use dicts, lists, text, numbers, true, false, null."
        )
    if len(text) > MAX_PARAMS:
        raise InvalidArgumentError(f"params have {len(text):,} bytes as JSON; at most {MAX_PARAMS:,} are kept.")


def _keys(value: dict[Any, Any]) -> Iterator[tuple[str, Any]]:
    """Yield every key at any depth with its path, level by level."""
    level: list[tuple[str, Any]] = [("", value)]
    values = 0
    for _ in range(MAX_DEPTH):
        deeper: list[tuple[str, Any]] = []
        for path, item in level:
            if isinstance(item, dict):
                for key, inner in item.items():
                    here = f"{path}.{key}" if path else str(key)
                    yield here, key
                    deeper.append((here, inner))
            elif type(item) is int and item.bit_length() > MAX_BITS:
                raise InvalidArgumentError(f"{path!r} in params is a number of more than {MAX_BITS} bits.")
            elif isinstance(item, list | tuple):
                deeper += [(path, inner) for inner in item]
        values += len(deeper)
        if values > MAX_PARAMS:
            raise InvalidArgumentError(f"params have more than {MAX_PARAMS:,} values.")
        if not deeper:
            return
        level = deeper
    raise InvalidArgumentError(f"params are nested more than {MAX_DEPTH} deep.")


@frozen(kw_only=True)
class ExternalModel:
    """A model that is served elsewhere.

    Args:
        endpoint: Where: an https or http URI, in its plainest form, without credentials.
        provider: Who serves it, in a short name.
        params: What a caller needs to know to call it (a deployment, a region, a temperature): plain JSON data, and
            no secrets.
    """

    endpoint: str = field(validator=check_endpoint)
    provider: str | None = field(default=None, validator=check_provider)
    params: dict[str, Any] = field(factory=dict, validator=check_params)
