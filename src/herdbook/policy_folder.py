"""The shipped policy, and a policy folder read from disk: model.conf, *.csv and rules/*.toml."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from herdbook.entities.ledger import PolicyFile
from herdbook.errors import InvalidArgumentError

DEFAULT_RULESET = "default"


def shipped_policies() -> Path:
    """Return the folder of the shipped policy: in the wheel, or the repository's own in an editable install."""
    here = Path(__file__).resolve().parent
    packaged = here / "_policies"
    return packaged if packaged.is_dir() else here.parents[1] / "policies"


def shipped_model() -> str:
    """Return the Casbin model that Herdbook ships and judges by (R17)."""
    return (shipped_policies() / "model.conf").read_text(encoding="utf-8")


def read_policy(folder: str | None, ruleset: str | None = None) -> tuple[PolicyFile, ...]:
    """Read a policy folder: model.conf, *.csv and rules/*.toml.

    Args:
        folder: The folder, of which every file counts; None takes the shipped one, of which one ruleset does.
        ruleset: Which of the shipped rulesets; None is `default`.

    Raises:
        InvalidArgumentError: the folder or a file cannot be read, the model is not the shipped one (R17), there is no
            such ruleset, or a folder of one's own is to have a shipped one.
    """
    root = shipped_policies() if folder is None else Path(folder).expanduser()
    if not root.is_dir():
        raise InvalidArgumentError(f"The policy folder {root} does not exist.", hint="`herdbook init` writes one.")
    rules = sorted((root / "rules").glob("*.toml"))
    if folder is None:
        rules = [_shipped_ruleset(rules, ruleset or DEFAULT_RULESET)]
    elif ruleset is not None:
        raise InvalidArgumentError(
            f"The policy folder {root} has its own rules, so the ruleset {ruleset!r} cannot be chosen.",
            hint="Give a policy folder or a ruleset, not both.",
        )
    paths = [root / "model.conf", *sorted(root.glob("*.csv")), *rules]
    try:
        policy = tuple(
            PolicyFile(path=path.relative_to(root).as_posix(), text=path.read_text(encoding="utf-8")) for path in paths
        )
        model = shipped_model()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArgumentError(
            f"The policy folder {root} cannot be read: {error}.",
            hint="Begin with a copy of the shipped one; `herdbook init` writes it to policies/ in its folder.",
        ) from error
    if policy[0].text != model:
        raise InvalidArgumentError(
            f"{root / 'model.conf'} is not the model that Herdbook ships.", hint="Restore it; policies go into *.csv."
        )
    return policy


def _shipped_ruleset(paths: Sequence[Path], name: str) -> Path:
    by_name = {path.stem: path for path in paths}
    if name not in by_name:
        near = difflib.get_close_matches(name, by_name, n=1)
        raise InvalidArgumentError(
            f"There is no ruleset {name!r}.",
            hint=f"Did you mean {near[0]!r}?" if near else f"The rulesets are {', '.join(sorted(by_name))}.",
        )
    return by_name[name]
