"""`herdbook init`, `sweep` and `whoami`."""

from __future__ import annotations

import shutil
from pathlib import Path

from attrs import evolve

from herdbook.cli.options import DEFAULT, Options, opened
from herdbook.cli.output import say, show

_CONFIG = """# The settings of the registry in this folder. Use it with HERDBOOK_CONFIG, or from here.
registry_uri = "{uri}"
policies_dir = "{policies}"
"""


def init(folder: Path, *, policies: Path | None = None, options: Options = DEFAULT) -> None:
    """Make a registry in a folder, with its policy files and settings beside it.

    Args:
        folder: A folder that does not exist yet, or is empty.
        policies: The policy folder that becomes revision 1; the shipped one unless said.
    """
    from herdbook.bootstrap import open_registry, shipped_policies  # noqa: PLC0415 `--help` needs no database

    source = shipped_policies() if policies is None else policies
    settings = evolve(options.settings(), policies_dir=str(source))
    root = folder.expanduser().absolute()
    with open_registry(str(root), settings=settings) as registry:
        own = root / "policies"
        if not own.exists():
            shutil.copytree(source, own)
        config = root / "herdbook.toml"
        if not config.exists():
            config.write_text(_CONFIG.format(uri=root.as_posix(), policies="policies"), encoding="utf-8")
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
