"""What every implementation of the MetadataStore port keeps where jobs are done together."""

from __future__ import annotations

from collections.abc import Callable

from herdbook.errors import ConflictError
from herdbook.ports.metadata import MetadataStore
from herdbook.testing.metadata_samples import StoreFixtures, Tree, add_version, exists, insert_catalog


class TogetherContract(StoreFixtures):
    """Override the fixture `store`: one that holds no metastore yet."""

    def test_each_job_has_its_own_end(self, ready: MetadataStore) -> None:
        """What one job returned stays, what another wrote before it raised is gone, in the order of the jobs."""
        outcomes = ready.together([_inserts(ready, "one"), _fails(ready, "two"), _inserts(ready, "three")])
        assert outcomes[0] == "one"
        assert isinstance(outcomes[1], ConflictError)
        assert outcomes[2] == "three"
        assert [exists(ready, name) for name in ("one", "two", "three")] == [True, False, True]

    def test_a_job_sees_what_those_before_it_wrote(self, ready: MetadataStore, tree: Tree) -> None:
        """In its own transaction, that is: numbers of versions are given once."""

        def job() -> int:
            with ready.write() as tx:
                return add_version(tx, tree.model_id).version

        assert ready.together([job] * 5) == [1, 2, 3, 4, 5]

    def test_a_job_may_write_several_times_or_never(self, ready: MetadataStore) -> None:
        """Each write stands by itself, as it does anywhere else."""

        def twice() -> str | ConflictError:
            with ready.write() as tx:
                insert_catalog(tx, "first")
            return _fails(ready, "second")()

        outcomes = ready.together([lambda: "nothing", twice])
        assert outcomes[0] == "nothing"
        assert isinstance(outcomes[1], ConflictError)
        assert [exists(ready, name) for name in ("first", "second")] == [True, False]

    def test_exclusive_writes_stand_among_others(self, ready: MetadataStore) -> None:
        """What must be alone is, and its end is its own."""
        jobs = [
            _inserts(ready, "before"),
            _inserts(ready, "alone", exclusive=True),
            _fails(ready, "undone", exclusive=True),
            _inserts(ready, "after"),
        ]
        outcomes = ready.together(jobs)
        assert outcomes[:2] == ["before", "alone"]
        assert isinstance(outcomes[2], ConflictError)
        assert outcomes[3] == "after"
        assert [exists(ready, name) for name in ("before", "alone", "undone", "after")] == [True, True, False, True]

    def test_others_are_let_go_on(self, ready: MetadataStore) -> None:
        """Once or more, whatever the store waits for."""
        called: list[int] = []
        outcomes = ready.together([_inserts(ready, "one"), _inserts(ready, "two")], lambda: called.append(1))
        assert outcomes == ["one", "two"]
        assert called
        assert [exists(ready, name) for name in ("one", "two")] == [True, True]

    def test_nothing_is_held_afterwards(self, ready: MetadataStore) -> None:
        """Whoever writes next need not wait, also where the last job failed or no job wrote."""
        for jobs in ([_fails(ready, "x")], [lambda: None], []):
            ready.together(jobs)
            with ready.write(exclusive=True) as tx:
                insert_catalog(tx, f"next{len(jobs)}{id(jobs)}")


def _inserts(store: MetadataStore, name: str, *, exclusive: bool = False) -> Callable[[], str]:
    def job() -> str:
        with store.write(exclusive=exclusive) as tx:
            insert_catalog(tx, name)
        return name

    return job


def _fails(store: MetadataStore, name: str, *, exclusive: bool = False) -> Callable[[], str | ConflictError]:
    def write() -> None:
        with store.write(exclusive=exclusive) as tx:
            insert_catalog(tx, name)
            raise ConflictError("after all")

    def job() -> str | ConflictError:
        try:
            write()
        except ConflictError as error:
            return error
        return name

    return job
