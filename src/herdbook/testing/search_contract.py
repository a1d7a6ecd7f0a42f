"""What the searches of every implementation of the Registry port keep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from herdbook.entities import Lineage, Page
from herdbook.errors import InvalidArgumentError
from herdbook.ports.registry import Registry
from herdbook.testing.samples import model_files, register

_MODELS: tuple[tuple[str, list[str]], ...] = (
    ("", ["a", "B", "c-1", "d"]),
    ("   ", ["a", "B", "c-1", "d"]),
    ("name = 'MAIN.default.b'", ["B"]),
    ("name != 'main.default.b'", ["a", "c-1", "d"]),
    ("name IN ('main.default.a', 'main.default.D', 'nothing')", ["a", "d"]),
    ("name NOT IN ('main.default.a', 'main.default.D')", ["B", "c-1"]),
    ("name > 'main.default.B'", ["c-1", "d"]),
    ("name <= 'main.default.B'", ["a", "B"]),
    ("name LIKE '%.b'", []),
    ("name LIKE '%.B'", ["B"]),
    ("name LIKE 'main.default._'", ["a", "B", "d"]),
    ("name ILIKE 'MAIN.%.b'", ["B"]),
    ("attribute.name LIKE '%-1'", ["c-1"]),
    ("catalog = 'Main' AND schema = 'main.DEFAULT'", ["a", "B", "c-1", "d"]),
    ("catalog != 'main' OR schema LIKE '%.other'", []),
    ("tags.team = 'risk'", ["a", "B"]),
    ("tag.team != 'risk'", ["c-1"]),
    ("NOT tags.team = 'risk'", ["c-1", "d"]),
    ("tags.team IN ('risk', 'Fraud')", ["a", "B", "c-1"]),
    ("tags.team NOT IN ('risk')", ["c-1"]),
    ("tags.team LIKE 'f%'", []),
    ("tags.team ILIKE 'f%'", ["c-1"]),
    ("tags.\"a key\" = '' AND tags.`a key` LIKE '%'", ["d"]),
    ("tags.team IS NULL", ["d"]),
    ("tags.team IS NOT NULL AND tags.team != 'risk'", ["c-1"]),
    ("tags.pattern LIKE '100%'", ["a"]),
    ("tags.pattern = '100*[%]'", ["a"]),
    ("tags.pattern LIKE '100*[_]'", ["a"]),
    ("tags.pattern LIKE '1*'", []),
    ("alias = 'CHAMPION'", ["a"]),
    ("alias != 'champion'", ["a"]),
    ("alias IS NULL", ["B", "c-1", "d"]),
    ("NOT (alias = 'champion' OR name LIKE '%d')", ["B", "c-1"]),
    ("comment LIKE '%useful%'", ["B"]),
    ("comment IS NULL AND description IS NULL", ["a", "c-1", "d"]),
    ("comment = 'a useful one'", ["B"]),
    ("created_at > '2020-01-01T00:00:00Z' AND created_at < 99999999999999", ["a", "B", "c-1", "d"]),
    ("last_updated_at < '2020-01-01T01:00:00+01:00'", []),
    ("(name = 'main.default.a' OR tags.team = 'Fraud') AND NOT alias = 'x'", ["a", "c-1"]),
    ("tags.team = 'it''s' OR tags.team = \"\"", []),
)
_VERSIONS: tuple[tuple[str, list[str]], ...] = (
    ("", ["a/3", "a/2", "a/1", "B/1"]),
    ("version > 1", ["a/3", "a/2"]),
    ("version_number IN (1, 3) AND name LIKE '%.a'", ["a/3", "a/1"]),
    ("version = '2'", ["a/2"]),
    ("status = 'ready' AND version != 1", ["a/2"]),
    ("status != 'READY'", ["a/3"]),
    ("status IN ('PENDING_REGISTRATION')", ["a/3"]),
    ("run_id = 'run-1'", ["a/1"]),
    ("run_id != 'run-1'", ["a/2"]),
    ("run_id IS NULL", ["a/3", "B/1"]),
    ("run_id IN ('run-1', 'run-2')", ["a/2", "a/1"]),
    ("source_path = 's3://bucket/run-1'", ["a/1"]),
    ("source LIKE 's3://%'", ["a/2", "a/1"]),
    ("alias = 'champion'", ["a/2"]),
    ("tags.stage = 'candidate'", ["a/2", "B/1"]),
    ("tags.stage = 'candidate' AND version = 1", ["B/1"]),
    ("name = 'main.default.b'", ["B/1"]),
    ("experiment_id = 'e' OR logged_model_id = 'm-1'", ["a/1"]),
)
_BAD = (
    ("nam = 'x'", 1, "name"),
    ("name = x", 8, "quotes"),
    ("name = 'x' AN tags.a = 'b'", 12, "AND"),
    ("tags.a == 'b'", 8, "="),
    ("tags.a > 'b'", 8, "LIKE"),
    ("name = 'x", 8, "closed"),
    ("run_id = 'x'", 1, "versions"),
)


class SearchContract:
    """Override the fixture `registry`: a fresh one, whose caller founded it."""

    @pytest.fixture
    def registry(self) -> Registry:
        """A fresh registry."""
        raise NotImplementedError("override the fixture `registry`")

    @pytest.fixture
    def searched(self, registry: Registry) -> Registry:
        """A registry with four models and four versions."""
        for name, tags in (
            ("a", {"team": "risk", "pattern": "100*[%]"}),
            ("B", {"team": "risk"}),
            ("c-1", {"team": "Fraud"}),
            ("d", {"a key": ""}),
        ):
            registry.create_registered_model(f"main.default.{name}", tags=tags)
        registry.update_registered_model("main.default.b", comment="a useful one")
        first = Lineage(run_id="run-1", source="s3://bucket/run-1", experiment_id="e", logged_model_id="m-1")
        register(registry, "main.default.a", lineage=first)
        register(
            registry, "main.default.a", model_files(b"2"), lineage=Lineage(run_id="run-2", source="s3://bucket/run-2")
        )
        registry.create_model_version("main.default.a")
        register(registry, "main.default.B")
        registry.set_registered_model_alias("main.default.a@champion", 2)
        registry.set_registered_model_alias("main.default.a@Old", 1)
        for version in ("a/2", "B/1"):
            registry.set_model_version_tag(f"main.default.{version}", "stage", "candidate")
        return registry

    def test_filters_over_models(self, searched: Registry) -> None:
        """Each filter finds just the models that it says, by folded name."""
        for text, expected in _MODELS:
            found = [model.name.model for model in searched.search_registered_models(text).items]
            assert found == expected, text
        me = searched.get_current_principal().name
        assert len(searched.search_registered_models(f"owner = '{me}' AND owner LIKE '%{me.name}'").items) == 4

    def test_filters_over_versions(self, searched: Registry) -> None:
        """Each filter finds just the versions that it says, by folded name and from the highest down."""
        for text, expected in _VERSIONS:
            found = [str(version.ref).rpartition(".")[2] for version in searched.search_model_versions(text).items]
            assert found == expected, text
        me = searched.get_current_principal().name
        assert len(searched.search_model_versions(f"author IN ('{me}') AND owner = '{me}'").items) == 4

    def test_long_values_of_tags_are_told_apart_by_their_ends(self, searched: Registry) -> None:
        """Indexes hold the beginnings of values; what only begins alike is another value, alone and with more asked."""
        values = ["x" * length + end for length in (199, 200, 201, 300) for end in ("", "y")]
        for number, value in enumerate(values):
            searched.create_registered_model(f"main.default.long{number}", tags={"long": value, "all": "1"})
        for number, value in enumerate(values):
            for text in (f"tags.long = '{value}'", f"tags.\"all\" = '1' AND tags.long = '{value}' AND alias IS NULL"):
                found = [model.name.model for model in searched.search_registered_models(text).items]
                assert found == [f"long{number}"], text
            assert not searched.search_registered_models(f"tags.long = '{value}' AND tags.\"all\" = '2'").items

    def test_results_are_what_get_returns(self, searched: Registry) -> None:
        """A result carries tags, aliases, latest version and all else that getting it shows."""
        for model in searched.search_registered_models().items:
            assert model == searched.get_registered_model(model.name)
        for version in searched.search_model_versions().items:
            assert version == searched.get_model_version(version.ref)

    def test_orders(self, searched: Registry) -> None:
        """Results come in the order asked for; what ties comes by name, and versions from the highest down."""
        searched.set_registered_model_tag("main.default.c-1", "touched", "1")
        models = searched.search_registered_models().items
        for order, key in _ORDERS.items():
            found = searched.search_registered_models(order_by=[order]).items
            assert list(found) == sorted(models, key=key, reverse=order.endswith("DESC")), order
        refs = [str(v.ref).rpartition(".")[2] for v in searched.search_model_versions(order_by=["version"]).items]
        assert refs == ["a/1", "B/1", "a/2", "a/3"]
        by_name = searched.search_model_versions(order_by=["name DESC", "version_number ASC"]).items
        assert [str(v.ref).rpartition(".")[2] for v in by_name] == ["B/1", "a/1", "a/2", "a/3"]

    def test_searches_page_through_everything_once(self, searched: Registry) -> None:
        """Pages hold what one long page holds, in every order and for both nouns, also while others write."""
        written = 0

        def all_pages(search: Callable[..., Page[Any]], text: str, order: tuple[str, ...]) -> list[Any]:
            nonlocal written
            found: list[Any] = []
            token = None
            while True:
                one = search(text, order_by=order, max_results=1, page_token=token)
                found += one.items
                token = one.next_page_token
                if token is None:
                    return found
                written += 1
                # It sorts before all that is asked for, and is none of it.
                searched.create_registered_model(f"main.default.0{written}")

        names = "name >= 'main.default.a'"
        for order in _PAGED:
            whole = searched.search_registered_models(names, order_by=order).items
            assert all_pages(searched.search_registered_models, names, order) == list(whole), order
        for order in (*_PAGED, ("version", "name DESC"), ("status",), ("author", "version")):
            versions = searched.search_model_versions(order_by=order).items
            assert all_pages(searched.search_model_versions, "", order) == list(versions), order

    def test_a_search_token_belongs_to_its_search(self, searched: Registry) -> None:
        """A token is refused by another filter, order, noun or list; the same one written otherwise takes it (R11)."""
        token = searched.search_registered_models("tags.team = 'risk'", max_results=1).next_page_token
        again = searched.search_registered_models('  tag."team"="risk" ', max_results=5, page_token=token)
        assert [model.name.model for model in again.items] == ["B"]
        for call in (
            lambda: searched.search_registered_models("tags.team = 'Fraud'", page_token=token),
            lambda: searched.search_registered_models("tags.team = 'risk'", order_by=["name DESC"], page_token=token),
            lambda: searched.search_model_versions("tags.team = 'risk'", page_token=token),
            lambda: searched.list_registered_models("main.default", page_token=token),
            lambda: searched.search_registered_models(page_token="nonsense"),  # noqa: S106 not a secret
        ):
            with pytest.raises(InvalidArgumentError, match="token"):
                call()

    def test_a_bad_search_points_at_the_place(self, searched: Registry) -> None:
        """The error names the column and the nearest right word; sizes and orders are refused too."""
        for text, column, word in _BAD:
            with pytest.raises(InvalidArgumentError, match=f"column {column}:") as caught:
                searched.search_registered_models(text)
            assert word in str(caught.value), text
        for order in (["nam"], ["name", "attribute.name"], ["name UP"], [""], ["name"] * 5, "name"):
            with pytest.raises(InvalidArgumentError, match="order_by"):
                searched.search_model_versions(order_by=order)
        for size in (0, 1001, True):
            with pytest.raises(InvalidArgumentError):
                searched.search_registered_models(max_results=size)


_PAGED = ((), ("name DESC",), ("created_at DESC",), ("last_updated_at", "name DESC"), ("owner",))
_ORDERS: dict[str, Callable[[Any], Any]] = {
    "name": lambda model: model.name.key,
    "name DESC": lambda model: model.name.key,
    "attribute.created_at ASC": lambda model: (model.created_at, model.name.key),
    "timestamp": lambda model: (model.updated_at, model.name.key),
    "owner asc": lambda model: (model.owner, model.name.key),
}
