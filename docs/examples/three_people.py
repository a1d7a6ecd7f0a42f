"""The main job as three people with different rights, from the policy files beside this script.

Run it as `python three_people.py [FOLDER]`: the registry is made in FOLDER, or in one that is gone afterwards. Who runs
it becomes metastore admin there, and may therefore act as the three; elsewhere each would be who they are.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from quickstart import train

import herdbook
from herdbook.bootstrap import read_policy
from herdbook.errors import NotFoundError, PermissionDeniedError
from herdbook.verdicts import Operation, Privilege

NAME = "prod.fraud.scorer"
CHAMPION = f"{NAME}@champion"
POLICIES = Path(__file__).with_name("policies")
MOVE = Operation.SET_REGISTERED_MODEL_ALIAS


def admin_prepares(uri: str) -> None:
    """Make the catalog and schema, and put the policy files in force."""
    with herdbook.connect(uri) as admin:
        me = admin.get_current_principal().name
        print(f"\n{me}, metastore admin")
        admin.create_catalog("prod")
        admin.create_schema("prod.fraud")
        admin.create_principal("user:eve")
        admin.grant(me, Privilege.MANAGE_POLICY, "metastore:", reason="keeps the policy files")
        applied = admin.apply_policies(
            read_policy(str(POLICIES)),
            expected_revision=admin.get_policies().revision,
            reason="scientists register, leads promote",
        )
        print(f"  applied the files in {POLICIES.name}/ as revision {applied.revision}")


def scientist_registers(uri: str, folder: str) -> None:
    """Register the model, and try to promote it."""
    with herdbook.connect(uri, principal="user:ann") as ann:
        print("\nuser:ann, scientist")
        version = herdbook.register_model(folder, NAME, registry=ann, tags={"team": "fraud"})
        owner = ann.get_registered_model(NAME).owner
        print(f"  registered {version.ref}, {version.status}; the owner of {NAME} is {owner}")
        ann.set_registered_model_alias(f"{NAME}@challenger", version.version)
        print(f"  moved @challenger to version {version.version}")
        try:
            ann.set_registered_model_alias(CHAMPION, version.version)
        except PermissionDeniedError as error:
            print(f"  may not move @champion: {error.message}\n    {error.hint}")
        else:
            raise SystemExit("a scientist moved @champion")
        print("  explain says:")
        for step in ann.explain(MOVE, CHAMPION).path:
            print(f"    - {step}")


def lead_promotes(uri: str, model: Any, features: Any) -> None:
    """Move the alias, and load what it points to."""
    with herdbook.connect(uri, principal="user:bob") as bob:
        print("\nuser:bob, lead")
        bob.set_registered_model_alias(CHAMPION, 1, reason="beats the rules that we had")
        (move,) = bob.list_alias_history(CHAMPION).items
        print(f"  moved @champion to version {move.version}: {move.reason}")
        loaded = herdbook.load_model(f"models:/{CHAMPION}", registry=bob)
        same = list(loaded.predict(features)) == list(model.predict(features))
        print(f"  loaded it; it predicts as the trained model does: {same}")
        if not same:
            raise SystemExit("the loaded model predicts something else")


def outsider_sees_nothing(uri: str) -> None:
    """Look for the model in every way."""
    with herdbook.connect(uri, principal="user:eve") as eve:
        print("\nuser:eve, neither")
        seen = [*eve.list_catalogs().items, *eve.search_registered_models().items, *eve.search_model_versions().items]
        print(f"  finds {len(seen)} catalogs, models and versions")
        for name in (NAME, "prod.fraud.no-such-model"):
            try:
                eve.get_registered_model(name)
            except NotFoundError as error:
                print(f"  asks for {name}: {error.message}")
            else:
                raise SystemExit(f"an outsider got {name}")
        if seen:
            raise SystemExit("an outsider saw something")


def admin_asks_why(uri: str) -> None:
    """Find the line that decides, who else could, and whether the files do what they are meant to."""
    with herdbook.connect(uri) as admin:
        print(f"\n{admin.get_current_principal().name}, again")
        print("  why user:ann may not move @champion:")
        for step in admin.explain(MOVE, CHAMPION, principal="user:ann").path:
            print(f"    - {step}")
        print("  who may:")
        for found in admin.who_can(MOVE, CHAMPION).items:
            print(f"    - {found.principal}: {'; '.join(found.path)}")
        cases = POLICIES / "cases.toml"
        report = admin.test_policies(read_policy(str(POLICIES)), cases.read_text(encoding="utf-8"), path=cases.name)
        if report.problems:
            raise SystemExit("\n".join(report.problems))
        print(f"  every case in {cases.name} is as expected")


def main(words: list[str]) -> None:
    """Run it."""
    with tempfile.TemporaryDirectory() as scratch:
        uri = str(Path(words[0] if words else scratch).absolute() / "registry")
        folder, model, features = train(Path(scratch))
        admin_prepares(uri)
        scientist_registers(uri, folder)
        lead_promotes(uri, model, features)
        outsider_sees_nothing(uri)
        admin_asks_why(uri)


if __name__ == "__main__":
    main(sys.argv[1:])
