"""Puts the command groups together, and runs what was typed."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from herdbook import __version__
from herdbook.cli.failures import report, report_system, report_usage
from herdbook.errors import RegistryError

USAGE = 2
IO_ERROR = 74
INTERRUPTED = 130

GROUPS = {
    "catalogs": "Catalogs: the first level of names.",
    "schemas": "Schemas: the second level of names.",
    "models": "Registered models: the third level of names.",
    "versions": "Model versions: read, compare, download, comment.",
    "aliases": "Aliases: names for versions that move.",
    "tags": "Tags of registered models and versions.",
    "grants": "Grants and denials made at run time.",
    "principals": "Users, services, groups and roles.",
    "tokens": "API tokens: made, listed, revoked.",
    "policies": "Policy files: checked, compared, tried, applied.",
    "rules": "The rules in force.",
    "plugins": "The plugins that are installed.",
    "db": "The database behind an embedded registry.",
}
"""Command group -> what it is about; each is a module of this package, imported when it is used."""

COMMANDS = {
    "init": ("herdbook.cli.setup:init", "Make a registry in a folder."),
    "register": ("herdbook.cli.register:register", "Register a model's files as the next version."),
    "register-external": (
        "herdbook.cli.register:register_external",
        "Register a model that is served elsewhere as the next version.",
    ),
    "trash": ("herdbook.cli.life:trash", "List what was deleted and can be restored."),
    "transfer": ("herdbook.cli.life:transfer", "Give a catalog, schema or model to another owner."),
    "explain": ("herdbook.cli.answers:explain", "Say why somebody may or may not do something."),
    "who-can": ("herdbook.cli.answers:who_can", "List who may do something, and how each comes to it."),
    "what-can": ("herdbook.cli.answers:what_can", "List what somebody may do."),
    "export": ("herdbook.cli.archive:export", "Write a catalog, schema or model to one archive."),
    "import": ("herdbook.cli.archive:import_", "Import an archive."),
    "serve": ("herdbook.cli.serve:serve", "Serve a registry over HTTP."),
    "sweep": ("herdbook.cli.setup:sweep", "Fail what was abandoned, and remove bytes that nothing refers to."),
    "whoami": ("herdbook.cli.setup:whoami", "Show who you are to the registry."),
    "version": ("herdbook.cli.setup:version", "Show the version of Herdbook."),
}
"""Command -> the function that does it, and what it is about."""

_FLAGS = ("--json", "--no-plugins")
_VALUED = ("--registry", "-r", "--as")
_EPILOGUE = (
    "Every command takes --registry (-r) URI, --as PRINCIPAL, --json and --no-plugins; they may also stand before it."
)


def build() -> App:
    """Return the application; a group's module is imported only when the group is used."""
    app = App(
        name="herdbook",
        version=__version__,
        help="A governed registry for machine-learning models.",
        help_epilogue=_EPILOGUE,
        suppress_keyboard_interrupt=False,
    )
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
        The exit code: 0, 2 for a wrong usage, 74 where the system refuses a file, 130 where it was interrupted,
        else that of the error's class.
    """
    words = _options_last(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in words
    try:
        build()(words, exit_on_error=False, print_error=not as_json, result_action="return_value")
        sys.stdout.flush()
    except CycloptsError as error:
        if as_json:
            report_usage(error)
        return USAGE
    except RegistryError as error:
        report(error, as_json=as_json)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough; the interpreter must not complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        report_system(error, as_json=as_json)
        return IO_ERROR
    return 0


def _options_last(words: Sequence[str]) -> list[str]:
    """Move the options that stand before the command behind its own words, where the command finds them."""
    count = 0
    while count < len(words):
        word = words[count]
        if word in _VALUED:
            count += 2
        elif word in _FLAGS or word.startswith(("--registry=", "--as=")):
            count += 1
        else:
            break
    first, rest = list(words[:count]), list(words[count:])
    if not rest or rest[0].startswith("-"):
        return rest or first
    end = rest.index("--") if "--" in rest else len(rest)
    return [*rest[:end], *first, *rest[end:]]
