"""`herdbook init`, `sweep`, `whoami` and `version`."""

from __future__ import annotations

import json
import platform
import shutil
from pathlib import Path

from attrs import evolve

from herdbook import __version__
from herdbook.cli.options import DEFAULT, Options, opened
from herdbook.cli.output import say, show
from herdbook.errors import AlreadyExistsError, InvalidArgumentError

_CONFIG = """# The settings of the registry in this folder. Use it with HERDBOOK_CONFIG, or from here.
registry_uri = {uri}
policies_dir = "policies"
"""


def init(folder: Path, *, policies: Path | None = None, ruleset: str | None = None, options: Options = DEFAULT) -> None:
    """Make a registry in a folder, with its policy files and settings beside it.

    Args:
        folder: A folder that does not exist yet, or is empty.
        policies: The policy folder that becomes revision 1; the shipped one unless said.
        ruleset: Which ruleset of the shipped folder: default (unless said), strict or mlflow-open.
    """
    from herdbook.bootstrap import (  # noqa: PLC0415 for --help
        DATABASE,
        open_registry,
        read_policy,
        shipped_policies,
        verify_policy,
    )

    if options.registry is not None:
        raise InvalidArgumentError(
            "A registry is made in a folder, and --registry names one that is there.", hint="Leave out --registry."
        )
    if options.as_principal is not None:
        raise InvalidArgumentError("Who makes a registry is its admin, under their own name.", hint="Leave out --as.")
    root = folder.expanduser().absolute()
    if (root / DATABASE).exists():
        raise AlreadyExistsError(f"{root} holds a registry already.", hint="Use it with --registry.")
    source = shipped_policies() if policies is None else policies.expanduser().absolute()
    # A policy that cannot be used is refused before anything is written.
    own = None if policies is None else str(source)
    files = read_policy(own, ruleset)
    settings = evolve(options.settings(), policies_dir=own, ruleset=ruleset)
    verify_policy(files, settings)
    with open_registry(str(root), settings=settings) as registry:
        for file in files:
            target = root / "policies" / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / file.path, target)
        # A JSON string is a TOML string too, whatever characters the path has.
        (root / "herdbook.toml").write_text(
            _CONFIG.format(uri=json.dumps(str(root), ensure_ascii=False)), encoding="utf-8"
        )
        who = str(registry.get_current_principal().name)
        say(options, f"The registry in {root} is ready; its admin is {who}.", folder=str(root), admin=who)


def sweep(*, dry_run: bool = False, grace_seconds: float = 86_400.0, options: Options = DEFAULT) -> None:
    """Fail versions that were left pending, and remove bytes that nothing refers to.

    Args:
        dry_run: Change nothing; say what would be done.
        grace_seconds: How long something must have lain untouched.
    """
    with opened(options) as registry:
        show(options, registry.sweep_artifacts(dry_run=dry_run, grace_s=grace_seconds))


def whoami(*, options: Options = DEFAULT) -> None:
    """Show who you are to the registry."""
    with opened(options) as registry:
        show(options, registry.get_current_principal())


def version(*, options: Options = DEFAULT) -> None:
    """Show the version of Herdbook, and of the Python that runs it; opens no registry."""
    python = platform.python_version()
    say(options, f"herdbook {__version__} (Python {python})", herdbook=__version__, python=python)
