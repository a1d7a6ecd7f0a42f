"""Patterns of URIs: a value that could be read in two ways matches none of them."""

from __future__ import annotations

import re
from typing import Self

from attrs import evolve, frozen

from herdbook.errors import InvalidArgumentError
from herdbook.policy.globs import check_pattern, covers, glob

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*", re.ASCII)
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]", re.ASCII)
_HOST_PATTERN = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*", re.ASCII)
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})?", re.ASCII)
_ASCII_END = 0x7F
_USUAL_PORTS = {"http": "80", "https": "443"}
_WEB = frozenset({"http", "https", "ws", "wss", "ftp"})
_CONTAINERS = frozenset({"abfs", "abfss", "wasb", "wasbs"})
_WRITE = "Write it like s3://bucket/models/, https://*.example.com/v1/*, or runs: for all of a scheme."


@frozen(kw_only=True)
class Place:
    """Where a URI leads, in its one reading.

    Args:
        scheme: In lower case.
        host: In lower case; empty where there is none.
        port: Its digits; empty where it is the scheme's usual one.
        path: Its parts, without the slash that begins it.
    """

    scheme: str
    host: str
    port: str
    path: tuple[str, ...]


@frozen(kw_only=True)
class UriPattern:
    """A pattern of URIs, anchored at both ends.

    Args:
        place: What is wanted: in the host a first label `*` stands for one or more labels, in a part of the path `*`
            for any characters, and the part `**` for any number of parts.
        whole_scheme: Whether the pattern is a scheme alone.
    """

    place: Place
    whole_scheme: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a pattern.

        Args:
            text: `SCHEME:`, or a URI of which a final slash means everything below it.

        Raises:
            InvalidArgumentError: it is none.
        """
        check_pattern(text, "a pattern of URIs")
        place = _read(text, _HOST_PATTERN)
        if (
            place is None
            or "%" in text
            or "#" in text
            or text.endswith("://")
            or any("**" in part and part != "**" for part in place.path)
        ):
            raise InvalidArgumentError(f"{text!r} is not a pattern of URIs.", hint=_WRITE)
        whole = not place.host and place.path == ("",) and text.endswith(":")
        if text.endswith("/"):
            place = evolve(place, path=(*(part for part in place.path if part), "**"))
        return cls(place=place, whole_scheme=whole)

    def matches(self, place: Place) -> bool:
        """Tell whether a place is one of those that the pattern means."""
        wanted = self.place
        if wanted.scheme != place.scheme:
            return False
        if self.whole_scheme:
            return True
        return (
            _is_host(wanted.host, place.host)
            and wanted.port == place.port
            and covers(wanted.path, place.path, "**", glob)
        )


def place_of(uri: str) -> Place | None:
    """Return where a URI leads; None where it can be read in two ways, or is none.

    A path of this machine that begins with a slash is read as `file:///...`; a relative one is no URI.

    Args:
        uri: A URI or path; its query and fragment are not looked at.
    """
    return _read(f"file://{uri}" if uri.startswith("/") and not uri.startswith("//") else uri, _HOST)


def _read(uri: str, host_form: re.Pattern[str]) -> Place | None:
    if "\\" in uri or not uri.isprintable():
        return None
    scheme, colon, rest = uri.partition(":")
    if not colon or _SCHEME.fullmatch(scheme) is None:
        return None
    rest = rest.partition("#")[0].partition("?")[0]
    authority = ""
    if rest.startswith("//"):
        authority, slash, rest = rest[2:].partition("/")
        rest = slash + rest
    scheme, path = scheme.lower(), _parts(rest)
    host, port = _split_port(authority.lower())
    if path is None or not _is_authority(scheme, host, port, host_form) or (not host and rest and scheme in _WEB):
        return None
    if scheme == "file" and host == "localhost":
        host = ""
    return Place(scheme=scheme, host=host, port="" if port == _USUAL_PORTS.get(scheme) else port, path=path)


def _is_authority(scheme: str, host: str, port: str, host_form: re.Pattern[str]) -> bool:
    if port and (_PORT.fullmatch(port) is None or not host):
        return False
    container, at, account = host.rpartition("@")
    if at:
        # Elsewhere what stands before an @ is a user, who can be called like a host.
        return scheme in _CONTAINERS and all(_HOST.fullmatch(name) is not None for name in (container, account))
    return not host or host_form.fullmatch(host) is not None


def _is_host(wanted: str, host: str) -> bool:
    return host == wanted or (wanted.startswith("*.") and host.endswith(wanted[1:]) and "@" not in host)


def _split_port(authority: str) -> tuple[str, str]:
    bracket = authority.rfind("]")
    colon = authority.find(":", bracket + 1)
    return (authority, "") if colon < 0 else (authority[:colon], authority[colon + 1 :])


def _parts(path: str) -> tuple[str, ...] | None:
    """Return the decoded parts of a path; None where another reader might find other ones."""
    parts = path.removeprefix("/").split("/")
    decoded = tuple(_decoded(part) for part in parts)
    if any(part is None or part in (".", "..") for part in decoded):
        return None
    whole = tuple(part for part in decoded if part is not None)
    # A final slash says that it is a folder, and leads to the same place.
    whole = whole[:-1] if len(whole) > 1 and not whole[-1] else whole
    return None if "" in whole[:-1] or (len(whole) > 1 and not whole[-1]) else whole


def _decoded(part: str) -> str | None:
    """Return a part with its escapes read once; None where an escape is broken or hides what divides or escapes."""
    made, after = "", 0
    for found in _ESCAPE.finditer(part):
        code = int(found.group(1) or "0", 16)
        if not ord(" ") <= code < _ASCII_END or chr(code) in "/\\%":
            return None
        made += part[after : found.start()] + chr(code)
        after = found.end()
    return made + part[after:]
