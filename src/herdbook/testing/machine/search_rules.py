"""The machine's rules over searches: a few filters of every shape, each beside what it means in Python."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from herdbook.errors import InvalidArgumentError
from herdbook.testing.machine.base import SIZES, MachineBase, pages
from herdbook.testing.machine.shown import OTHER, check_page, check_thing, check_version
from herdbook.testing.machine.state import MODEL, READY, Change, Thing, Version, refuse

Meaning = Callable[[Any], bool] | None
_MODELS: dict[str, Callable[[Thing], bool] | None] = {
    "": lambda m: m.live,
    "name = 'MAIN.default.IRIS'": lambda m: m.name.lower() == "main.default.iris",
    "name LIKE 'main.%'": lambda m: m.name.startswith("main."),
    "name ILIKE '%.RISK.%' AND comment != 'one'": lambda m: (
        ".risk." in m.name.lower() and m.comment not in (None, "one")
    ),
    "tags.team = '1'": lambda m: m.tags.get("team") == "1",
    "tags.team != '1'": lambda m: m.tags.get("team", "1") != "1",
    "NOT tags.team = '1'": lambda m: m.tags.get("team") != "1",
    "tags.\"a key\" IN ('', '2') OR comment = 'one'": lambda m: m.tags.get("a key") in {"", "2"} or m.comment == "one",
    "alias = 'CHAMPION'": lambda m: "champion" in m.aliases,
    "alias IS NULL": lambda m: not m.aliases,
    f"owner = '{OTHER}' AND (catalog = 'lab' OR schema = 'main.risk')": lambda m: (
        not m.mine and (m.path[0].level.lower() == "lab" or m.name.lower().startswith("main.risk."))
    ),
    "nobody = 'knows'": None,
    "name =": None,
}
_VERSIONS: dict[str, Callable[[Version], bool] | None] = {
    "": lambda v: v.live,
    "status = 'READY'": lambda v: v.status == READY,
    "status != 'ready' AND version < 3": lambda v: v.status != READY and v.number < 3,
    "version >= 2": lambda v: v.number >= 2,
    "tags.team = '1'": lambda v: v.tags.get("team") == "1",
    'tags."stage/x" IS NULL': lambda v: "stage/x" not in v.tags,
    "alias = 'champion'": lambda v: _alias(v, "champion"),
    "NOT alias = 'champion' AND run_id = 'run'": lambda v: not _alias(v, "champion"),
    "run_id = 'RUN'": lambda v: v.run_id == "RUN",
    "comment IS NOT NULL": lambda v: v.comment is not None,
    "name LIKE '%iris'": lambda v: v.model.name.endswith("iris"),
    "version LIKE '1'": None,
}
_ORDERS = st.sampled_from(((), ("name",), ("name DESC",)))


class SearchRules(MachineBase):
    """Rules that search through everything."""

    @rule(text=st.sampled_from(sorted(_MODELS)), order=_ORDERS, size=SIZES)
    def search_models(self, text: str, order: tuple[str, ...], size: int) -> None:
        """Search models, and go through all pages."""
        found = sorted(
            (m for m in self.model.live(MODEL) if (_MODELS[text] or bool)(m)),
            key=lambda m: m.name.lower(),
            reverse=order == ("name DESC",),
        )
        self.do(
            "search_registered_models",
            self._foreseen(_MODELS[text], found, size, lambda thing, item: check_thing(self.model, thing, item)),
            lambda r: r.search_registered_models(text, order_by=order, max_results=size),
        )
        if _MODELS[text] is not None and size:
            shown = pages(self.registry.search_registered_models, text, order_by=order, max_results=size)
            assert [str(item.name) for item in shown] == [m.name for m in found]

    @rule(text=st.sampled_from(sorted(_VERSIONS)), order=_ORDERS, size=SIZES)
    def search_versions(self, text: str, order: tuple[str, ...], size: int) -> None:
        """Search versions, and go through all pages."""
        meaning = _VERSIONS[text]
        met = [v for v in self.model.versions if v.live and (meaning or bool)(v)]
        met.sort(key=lambda v: v.number, reverse=True)
        met.sort(key=lambda v: v.model.name.lower(), reverse=order == ("name DESC",))
        self.do(
            "search_model_versions",
            self._foreseen(meaning, met, size, lambda version, item: check_version(self.model, version, item)),
            lambda r: r.search_model_versions(text, order_by=order, max_results=size),
        )
        if meaning is not None and size:
            shown = pages(self.registry.search_model_versions, text, order_by=order, max_results=size)
            assert [str(item.ref) for item in shown] == [v.name for v in met]

    @staticmethod
    def _foreseen(
        meaning: Meaning, found: list[Any], size: int, check: Callable[[Any, Any], None]
    ) -> Generator[Change, Any, None]:
        refuse((meaning is None or not size, InvalidArgumentError))
        answer = yield Change()
        check_page(answer, len(found), size)
        for wanted, item in zip(found, answer.items, strict=False):
            check(wanted, item)


def _alias(version: Version, alias: str) -> bool:
    entry = version.model.aliases.get(alias)
    return entry is not None and entry.version is version
