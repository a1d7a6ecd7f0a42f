"""Puts the command groups together, and turns errors into messages and exit codes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from herdbook import __version__
from herdbook.errors import RegistryError

USAGE = 2
INTERRUPTED = 130

GROUPS = {
    "catalogs": "Catalogs: the first level of names.",
    "schemas": "Schemas: the second level of names.",
    "models": "Registered models: the third level of names.",
    "versions": "Model versions: read, download, comment.",
    "aliases": "Aliases: names for versions that move.",
    "tags": "Tags of registered models and versions.",
    "rules": "The rules in force.",
    "plugins": "The plugins that are installed.",
}
"""Command group -> what it is about; each is a module of this package, imported when it is used."""

COMMANDS = {
    "init": ("herdbook.cli.setup:init", "Make a registry in a folder."),
    "register": ("herdbook.cli.register:register", "Register a model's files as the next version."),
    "sweep": ("herdbook.cli.setup:sweep", "Fail what was abandoned, and remove bytes that nothing refers to."),
    "whoami": ("herdbook.cli.setup:whoami", "Show who you are to the registry."),
}
"""Command -> the function that does it, and what it is about."""


def build() -> App:
    """Return the application; a group's module is imported only when the group is used."""
    app = App(name="herdbook", version=__version__, help="A governed registry for machine-learning models.")
    for name, about in GROUPS.items():
        app.command(f"herdbook.cli.{name}:app", name=name, help=about)
    for name, (target, about) in COMMANDS.items():
        app.command(target, name=name, help=about)
    app.register_install_completion_command()
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: The words after `herdbook`; None takes the process's own.

    Returns:
        The exit code: 0, 2 for a wrong usage, else that of the error's class.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        build()(words, exit_on_error=False, result_action="return_value")
    except CycloptsError:
        return USAGE
    except RegistryError as error:
        _report(error, as_json="--json" in words)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough; the interpreter must not complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return 0


def _report(error: RegistryError, *, as_json: bool) -> None:
    if as_json:
        plain = {"error": error.code, "message": error.message, "hint": error.hint}
        sys.stderr.write(json.dumps(plain, ensure_ascii=False) + "\n")
        return
    sys.stderr.write(f"herdbook: {error.message}\n")
    if error.hint:
        sys.stderr.write(f"  {error.hint}\n")
