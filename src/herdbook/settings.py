"""The only reader of the environment and of herdbook.toml."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen

from herdbook.errors import InvalidArgumentError
from herdbook.formats.located_toml import load_toml, structure_located
from herdbook.names import PrincipalKind, PrincipalName, SchemaName
from herdbook.policy.limits import FileLimits
from herdbook.ports.presigning import UrlSettings
from herdbook.wire import converter

CONFIG = "herdbook.toml"


@frozen(kw_only=True)
class PluginSettings:
    """Which plugins are used.

    Args:
        required: Refuse to start without these.
        allow: Use only these; None uses all that are installed.
        block: Never use these.
        enabled: False uses none but the built-in ones.
    """

    required: tuple[str, ...] = ()
    allow: tuple[str, ...] | None = None
    block: tuple[str, ...] = ()
    enabled: bool = True


@frozen(kw_only=True)
class RegistrySettings:
    """A named registry, `[registries.NAME]`.

    Args:
        uri: Its URI.
        token_env: The environment variable that holds the token.
        token_file: The file that holds the token.
        ca_file: Certificates to trust, as a PEM file.
    """

    uri: str
    token_env: str | None = None
    token_file: str | None = None
    ca_file: str | None = None


class LogLevel(StrEnum):
    """What `herdbook serve` tells of on its standard error."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@frozen(kw_only=True)
class LimitSettings:
    """What `herdbook serve` takes from one client, `[server.limits]`; each process counts for itself.

    Args:
        requests_per_s: Requests that one principal may make a second, over time; no limit unless set.
        burst: Requests that it may make at once after a pause, where requests_per_s is set.
        failures_per_minute: Requests from one address that may fail to prove who asks, a minute.
        connections: Open connections, and requests under way, beyond which requests are answered 503.
        url_bytes: Bytes of a request's target.
        headers: Header fields of a request.
        header_bytes: Bytes of all header fields of a request.
        header_s: Seconds in which the head of a request must be whole.
        stall_s: Seconds after which a body that hardly moves, or an answer that nobody reads, is broken off.
    """

    requests_per_s: int | None = None
    burst: int = 200
    failures_per_minute: int = 300
    connections: int = 1000
    url_bytes: int = 32768
    headers: int = 100
    header_bytes: int = 65536
    header_s: int = 10
    stall_s: int = 60


@frozen(kw_only=True)
class ServerSettings:
    """What `herdbook serve` does, `[server]`.

    Args:
        host: The address that it listens at.
        port: The port; 0 takes a free one.
        local_principal: Who acts where no token is shown, on loopback; the system's user, or nobody behind a proxy.
            `hosts` or `trusted_proxies` tell of one. It proves nothing, so give it no more rights than whoever uses
            this machine should have.
        hosts: Names that it answers to, besides those of loopback.
        workers: Processes that share the port.
        shutdown_grace_s: Seconds that requests and uploads under way get to end, once the server is told to stop.
        log_level: The least that is logged: `debug`, `info` (a line for each request), `warning` or `error`.
        metrics_port: A second port, on 127.0.0.1 alone, that answers /metrics without a token; none unless set.
        tls_cert: The certificate chain, a PEM file; with it the server speaks HTTPS, TLS 1.2 at least.
        tls_key: The certificate's key, a PEM file.
        trusted_proxies: Addresses or networks whose X-Forwarded-For and X-Forwarded-Proto are believed.
        limits: What one client may ask for.
    """

    host: str = "127.0.0.1"
    port: int = 8420
    local_principal: str | None = None
    hosts: tuple[str, ...] = ()
    workers: int = 1
    shutdown_grace_s: int = 60
    log_level: LogLevel = LogLevel.INFO
    metrics_port: int | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    limits: LimitSettings = field(factory=LimitSettings)


@frozen(kw_only=True)
class Settings:
    """Everything that an installation can set.

    Args:
        registry_uri: What `connect()` opens.
        home: The folder that `herdbook:` means.
        artifact_root: Where an embedded registry over a database URI keeps bytes (a folder or an artifact URI).
        policies_dir: The installation's own policy folder; None uses the shipped one.
        ruleset: Which shipped ruleset a new metastore begins with, instead of a policies_dir; None is `default`.
        default_catalog: The catalog that a new metastore begins with.
        default_schema: The schema that a new metastore begins with.
        plugins: Which plugins are used.
        plugin_options: `[plugins.NAME]` tables, by plugin.
        registries: `[registries.NAME]` tables.
        server: What `herdbook serve` does.
        version_limits: How much a version may hold.
        signed_urls: Whether clients move bytes straight to and from the artifact store.
        source: The file that was read, for errors.
    """

    registry_uri: str = "herdbook:"
    home: str = "~/.herdbook"
    artifact_root: str | None = None
    policies_dir: str | None = None
    ruleset: str | None = None
    default_catalog: str = "main"
    default_schema: str = "default"
    plugins: PluginSettings = field(factory=PluginSettings)
    plugin_options: dict[str, dict[str, Any]] = field(factory=dict)
    registries: dict[str, RegistrySettings] = field(factory=dict)
    server: ServerSettings = field(factory=ServerSettings)
    version_limits: FileLimits = field(factory=FileLimits)
    signed_urls: UrlSettings = field(factory=UrlSettings)
    source: str | None = None

    @property
    def first_schema(self) -> SchemaName:
        """The schema that a new metastore begins with."""
        return SchemaName(catalog=self.default_catalog, schema=self.default_schema)

    def token_for(self, name: str, environ: Mapping[str, str] | None = None) -> str | None:
        """Return the token of a named registry.

        Raises:
            InvalidArgumentError: the variable or file that should hold it does not.
        """
        registry = self.registries[name]
        if registry.token_env is not None:
            token = (os.environ if environ is None else environ).get(registry.token_env)
            if not token:
                raise InvalidArgumentError(
                    f"The token of registry {name!r} is expected in {registry.token_env}, which is not set."
                )
            return token
        if registry.token_file is not None:
            try:
                return Path(registry.token_file).expanduser().read_text(encoding="utf-8").strip()
            except OSError as error:
                raise InvalidArgumentError(f"The token of registry {name!r} cannot be read: {error}.") from error
        return None


_FROM_ENVIRONMENT = {
    "HERDBOOK_REGISTRY_URI": "registry_uri",
    "HERDBOOK_HOME": "home",
    "HERDBOOK_ARTIFACT_ROOT": "artifact_root",
    "HERDBOOK_POLICIES_DIR": "policies_dir",
}
"""Environment variable -> setting; a variable wins over the file."""


@frozen(kw_only=True)
class _File:
    registry_uri: str | None = None
    home: str | None = None
    artifact_root: str | None = None
    policies_dir: str | None = None
    ruleset: str | None = None
    default_catalog: str | None = None
    default_schema: str | None = None
    plugins: dict[str, Any] = field(factory=dict)
    registries: dict[str, RegistrySettings] = field(factory=dict)
    server: ServerSettings = field(factory=ServerSettings)
    version_limits: FileLimits = field(factory=FileLimits)
    signed_urls: UrlSettings = field(factory=UrlSettings)


def load_settings(config: Path | str | None = None, *, environ: Mapping[str, str] | None = None) -> Settings:
    """Read settings.

    Args:
        config: The file; None takes `HERDBOOK_CONFIG`, or `herdbook.toml` in the current folder where there is one.
        environ: The environment; None takes the process's own.

    Raises:
        InvalidArgumentError: the file has a mistake; the message has its line and the nearest right word.
    """
    variables = os.environ if environ is None else environ
    named = config if config is not None else variables.get("HERDBOOK_CONFIG")
    path = Path(named or CONFIG).expanduser()
    values: dict[str, Any] = {}
    if named or path.is_file():
        values = _read(path)
    for variable, setting in _FROM_ENVIRONMENT.items():
        if variables.get(variable):
            values[setting] = variables[variable]
    if variables.get("HERDBOOK_NO_PLUGINS"):
        values["plugins"] = PluginSettings(enabled=False)
    return Settings(**values)


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArgumentError(f"The settings file {path} cannot be read: {error}.") from error
    table = load_toml(text, file=str(path))
    parsed = structure_located(table, (), _File, converter=converter)
    values: dict[str, Any] = {"source": str(path), "registries": parsed.registries, "server": parsed.server}
    values |= {"version_limits": parsed.version_limits, "signed_urls": parsed.signed_urls}
    for name in (
        "registry_uri",
        "home",
        "artifact_root",
        "policies_dir",
        "ruleset",
        "default_catalog",
        "default_schema",
    ):
        value = getattr(parsed, name)
        if value is not None:
            values[name] = value
    for name in ("home", "artifact_root", "policies_dir"):
        if name in values and ":" not in values[name]:
            values[name] = str(path.parent / Path(values[name]).expanduser())
    own = {key: value for key, value in parsed.plugins.items() if not isinstance(value, dict)}
    folder = path.parent
    own_server: dict[str, Any] = {
        name: str(folder / Path(value).expanduser())
        for name in ("tls_cert", "tls_key")
        if (value := getattr(parsed.server, name)) is not None
    }
    values["server"] = evolve(parsed.server, **own_server)
    without_options = evolve(table, data={"plugins": own})
    values["plugins"] = structure_located(without_options, ("plugins",), PluginSettings, converter=converter)
    values["plugin_options"] = {key: value for key, value in parsed.plugins.items() if isinstance(value, dict)}
    return values


def os_principal() -> PrincipalName:
    """Return the operating system's user as a principal, `user:os/NAME`; it is asserted, not proved (R35)."""
    if sys.platform == "win32":
        name = getpass.getuser()
    else:
        import pwd  # noqa: PLC0415 exists on POSIX only

        try:
            name = pwd.getpwuid(os.geteuid()).pw_name
        except KeyError:
            name = f"uid-{os.geteuid()}"
    return PrincipalName(principal_kind=PrincipalKind.USER, source="os", name=name)
