"""Writes docs/reference from the code, so that it cannot say anything else; `--check` only compares."""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path

from attrs import NOTHING, fields

from herdbook import client, errors
from herdbook.cli.app import COMMANDS, GROUPS, build
from herdbook.entities.ledger import Effect
from herdbook.plugins.hookspecs import CONTRIBUTIONS, HookSpecs
from herdbook.policy.explaining import KIND_WORDS
from herdbook.policy.granting import DENIABLE, GRANTABLE, KEPT_BY_REVOKE_ALL, Giver, giver
from herdbook.policy.limits import FileLimits
from herdbook.policy.operations import OPERATIONS
from herdbook.policy.privileges import (
    ADMIN_NEEDS_NO_GATE,
    ALL_INCLUDES,
    ALLOWS,
    DENIES_ALL,
    GATES,
    INCLUDES,
    OWNER_ABOVE_INCLUDES,
    OWNER_INCLUDES,
)
from herdbook.policy.rules import RULES
from herdbook.policy.tag_rules import GovernedTag, GovernedTags, TagsRequired, TagValues
from herdbook.ports.presigning import UrlSettings
from herdbook.ports.registry import Registry
from herdbook.server.openapi import openapi
from herdbook.service import GovernedRegistry
from herdbook.settings import (
    _FROM_ENVIRONMENT,
    LimitSettings,
    PluginSettings,
    RegistrySettings,
    ServerSettings,
    Settings,
)
from herdbook.verdicts import Operation, Privilege, SecurableKind

FOLDER = Path(__file__).parent / "reference"
_PARTS: dict[type, tuple[type, ...]] = {TagsRequired: (TagValues,), GovernedTags: (TagValues, GovernedTag)}
"""The values that params of rules are made of."""
_PLACES = {kind: KIND_WORDS[kind].replace("registered ", "") for kind in SecurableKind}
NOTE = "<!-- Written by docs/generate.py from the code; do not edit. -->\n"


def main() -> int:
    """Write the pages, or with `--check` say which are stale."""
    pages = {
        "api.md": api(),
        "cli.md": cli(),
        "errors.md": error_page(),
        "hooks.md": hooks(),
        "openapi.json": json.dumps(openapi(), indent=1, ensure_ascii=False),
        "operations.md": operations(),
        "rules.md": rules(),
        "settings.md": settings(),
    }
    stale = []
    for name, text in pages.items():
        path, whole = FOLDER / name, (NOTE if name.endswith(".md") else "") + text.rstrip() + "\n"
        if path.exists() and path.read_text(encoding="utf-8") == whole:
            continue
        stale.append(name)
        if "--check" not in sys.argv:
            FOLDER.mkdir(exist_ok=True)
            path.write_text(whole, encoding="utf-8")
    if stale and "--check" in sys.argv:
        print(f"stale: {', '.join(stale)}; run `python3 tasks.py docs`")
        return 1
    return 0


def api() -> str:
    """The Python API: module-level functions, then every verb of the port."""
    lines = ["# Python API", "", "## Functions", ""]
    for name in sorted(client.__all__):
        lines += _callable(f"herdbook.{name}", getattr(client, name))
    lines += [
        "## Verbs of a registry",
        "",
        "`herdbook.connect()` returns a `Registry`. Verbs marked *later* are declared,",
    ]
    lines += ["and raise UnsupportedError in this version.", ""]
    for part in Registry.__mro__[1:-3]:
        own = [name for name in vars(part) if not name.startswith("_") and callable(getattr(part, name))]
        if own:
            lines += [f"### {part.__name__}", "", inspect.getdoc(part) or "", ""]
        for name in own:
            built = not getattr(GovernedRegistry, name).__module__.startswith("herdbook.ports")
            lines += _callable(f"{name}{'' if built else ' (later)'}", getattr(part, name), level="####")
    return "\n".join(lines)


def _callable(title: str, function: object, *, level: str = "###") -> list[str]:
    signature = str(inspect.signature(function)).replace("self, ", "").replace("(self)", "()")  # type: ignore[arg-type]
    return [f"{level} `{title}`", "", "```text", f"{signature}", "", inspect.getdoc(function) or "", "```", ""]


def cli() -> str:
    """Every command with its help."""
    app = build()
    lines = [
        "# Command line",
        "",
        "Every command takes `--registry URI` (`-r`), `--as PRINCIPAL`, `--json` and `--no-plugins`.",
        "",
    ]
    lines += ["Exit codes: 0, 2 for a wrong usage, else the error's own (see [errors](errors.md)).", ""]
    for name, about in sorted({**GROUPS, **{key: value[1] for key, value in COMMANDS.items()}}.items()):
        lines += [f"## `herdbook {name}`", "", about, ""]
        group = app[name]
        if name in COMMANDS:
            lines += _command("", group.default_command)
            continue
        for command in sorted(word for word in group if not word.startswith("-")):
            lines += _command(f"herdbook {name} {command}", group[command].default_command)
    return "\n".join(lines)


def _command(title: str, function: object) -> list[str]:
    text = inspect.getdoc(function) or ""
    return ([f"### `{title}`", ""] if title else []) + ["```text", text, "```", ""]


def error_page() -> str:
    """Every error class."""
    lines = ["# Errors", "", "All have one root, `RegistryError`, with `message`, `hint` and `details`.", ""]
    lines += ["| class | code | HTTP | exit code | means |", "|---|---|---|---|---|"]
    for name, kind in vars(errors).items():
        if name.endswith("Error") and kind.__module__ == errors.__name__:
            meaning = (inspect.getdoc(kind) or "").splitlines()[0]
            lines.append(f"| `{name}` | {kind.code} | {kind.http_status} | {kind.exit_code} | {meaning} |")
    return "\n".join(lines)


def hooks() -> str:
    """Every hook with its reference page, and what its contributions hold."""
    lines = ["# Hooks", "", "A plugin is a module or object named by an entry point of the group `herdbook`."]
    lines += ["Hooks are called once, at start-up; each returns contributions, which are called later by name.", ""]
    for hook, kind in CONTRIBUTIONS.items():
        lines += [f"## `{hook}`", "", "```text", inspect.getdoc(getattr(HookSpecs, hook)) or "", "```", ""]
        lines += [f"It returns `{kind.__name__}` values:", "", "```text", inspect.getdoc(kind) or "", "```", ""]
    return "\n".join(lines)


def operations() -> str:
    """The table of operations, and the privileges."""
    lines = ["# Operations and privileges", "", "What each verb needs, besides the usage gates on the way to it.", ""]
    lines += ["| operation | needs | on | also | built |", "|---|---|---|---|---|"]
    for operation in Operation:
        need = OPERATIONS[operation]
        privileges = " or ".join(need.any_of) or "knowing it"
        also = "; ".join(extra.value for extra in need.also)
        built = not getattr(GovernedRegistry, operation.value).__module__.startswith("herdbook.ports")
        lines.append(f"| `{operation}` | {privileges} | {need.on.value} | {also} | {'yes' if built else 'later'} |")
    return "\n".join([*lines, *_privileges(), *_coming_along(), *_gates()])


def _privileges() -> list[str]:
    givers = {Giver.THERE: "it", Giver.CONTAINER: "what it lies in", Giver.CATALOG: "its catalog"}
    lines = ["", "## Privileges", "", "A privilege on a thing holds for it and for all that lies in it, now and later."]
    lines += [
        "An alias slot is `MODEL@ALIAS`, or `SCHEMA@ALIAS` or `CATALOG@ALIAS` for those of every model there.",
        "",
    ]
    lines += [
        "| privilege | allows to | includes | granted on | by who holds MANAGE on | verbs that it is needed for |"
    ]
    lines += ["|---|---|---|---|---|---|"]
    for privilege in Privilege:
        on = ", ".join(_PLACES[kind] for kind in SecurableKind if privilege in GRANTABLE[kind])
        verbs = ", ".join(f"`{op}`" for op in Operation if privilege in OPERATIONS[op].any_of)
        includes = ", ".join(INCLUDES.get(privilege, ()))
        who = givers[giver(privilege, Effect.ALLOW)]
        lines.append(f"| `{privilege}` | {ALLOWS[privilege]} | {includes} | {on} | {who} | {verbs} |")
    anywhere = DENIABLE[SecurableKind.METASTORE] == set(Privilege)
    same = all(DENIABLE[kind] == GRANTABLE[kind] for kind in SecurableKind if kind is not SecurableKind.METASTORE)
    if not (anywhere and same):
        raise SystemExit("what can be denied where has changed: docs/generate.py says it in words")
    lines += [
        "",
        "What can be granted on a thing can be denied on it, and on the metastore everything can. A denial takes",
    ]
    lines += ["the privilege and those that include it, from owners too; one of"]
    lines += [f"{' or '.join(sorted(DENIES_ALL))} takes everything. It is set by who holds MANAGE on"]
    return [*lines, f"{givers[giver(Privilege.EXECUTE, Effect.DENY)]}."]


def _coming_along() -> list[str]:
    lines = [
        "",
        "## Owners, and `ALL_PRIVILEGES`",
        "",
        "| privilege | in `ALL_PRIVILEGES` | owner of the thing | owner of",
    ]
    lines[-1] += " what it lies in |"
    lines += ["|---|---|---|---|"]
    for privilege in Privilege:
        if privilege is not Privilege.ALL_PRIVILEGES:
            held = (privilege in each for each in (ALL_INCLUDES, OWNER_INCLUDES, OWNER_ABOVE_INCLUDES))
            lines.append(f"| `{privilege}` | {' | '.join('yes' if has else '' for has in held)} |")
    kept = ", ".join(sorted(KEPT_BY_REVOKE_ALL))
    return [*lines, "", f"Revoking `ALL_PRIVILEGES` takes the principal's other grants there too, except {kept}."]


def _gates() -> list[str]:
    lines = ["", "## Gates", "", "| on | needs on the way |", "|---|---|"]
    for kind, gates in GATES.items():
        ways = " and ".join(f"{privilege} on the {_PLACES[level]}" for privilege, level in gates) or "nothing"
        lines.append(f"| {_PLACES[kind]} | {ways} |")
    free = " and ".join(sorted(ADMIN_NEEDS_NO_GATE))
    lines += [
        "",
        "The owner of a container passes its gate and those below. Who holds MANAGE on the metastore is metastore",
    ]
    return [*lines, f"admin, and needs no gate for {free}; no denial below the metastore takes these from them."]


def rules() -> str:
    """Every rule that a ruleset may name, with its params."""
    stages = {"admits": "the admission of a version", "deletes": "the deletion of a version", "tags": "changes of tags"}
    lines = ["# Rules", "", "What `rule = ` in a ruleset may name; [Keep rules](../how-to/rules.md) shows how."]
    for name, rule in RULES.items():
        judged = " and ".join(words for stage, words in stages.items() if getattr(rule, stage) is not None)
        lines += ["", f"## `{name}`", "", f"{rule.says} It judges {judged}.", ""]
        if not fields(rule.params):
            lines.append("It has no params.")
        for kind in (rule.params, *_PARTS.get(rule.params, ())):
            if fields(kind):
                lines += ["```text", inspect.getdoc(kind) or "", "```", ""]
    return "\n".join(lines)


def settings() -> str:
    """Every setting, and where it can be set."""
    variables = {setting: variable for variable, setting in _FROM_ENVIRONMENT.items()}
    lines = ["# Settings", "", "From `herdbook.toml` in the current folder, or the file that `HERDBOOK_CONFIG` names."]
    lines += [
        "An environment variable wins over the file. `HERDBOOK_NO_PLUGINS` leaves out all but the built-in plugins."
    ]
    tables = (
        ("", Settings),
        ("[plugins]", PluginSettings),
        ("[registries.NAME]", RegistrySettings),
        ("[server]", ServerSettings),
        ("[server.limits]", LimitSettings),
        ("[version_limits]", FileLimits),
        ("[signed_urls]", UrlSettings),
    )
    for title, kind in tables:
        described = _arguments(kind)
        lines += ["", f"## `{title}`" if title else "## Top level", "", "| setting | unless set | variable | says |"]
        lines += ["|---|---|---|---|"]
        for field in fields(kind):
            if kind is Settings and field.name == "source":
                continue
            default = "" if field.default in (NOTHING, None) or hasattr(field.default, "factory") else field.default
            variable = variables.get(field.name, "") if kind is Settings else ""
            shown = f"`{variable}`" if variable else ""
            lines.append(f"| `{field.name}` | {default} | {shown} | {described[field.name]} |")
    return "\n".join(lines)


def _arguments(kind: type) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in (inspect.getdoc(kind) or "").splitlines():
        name, colon, text = line.strip().partition(": ")
        if colon and name.isidentifier():
            found[name] = text
    return found


if __name__ == "__main__":
    sys.exit(main())
