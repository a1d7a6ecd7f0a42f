"""Four processes that change one registry at the same time, over SQLite and over PostgreSQL."""

from __future__ import annotations

import itertools
import multiprocessing

import pytest

from herdbook.bootstrap import open_registry
from herdbook.entities.ledger import PolicyFile
from herdbook.errors import AlreadyExistsError, ConcurrentUpdateError, NotFoundError
from herdbook.settings import Settings
from herdbook.testing.samples import register

NAME = "main.default.iris"
SLOT = f"{NAME}@champion"
PROCESSES = 4
EACH = 15


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request, tmp_path):
    """Where a registry is: its URI and its settings."""
    if request.param == "sqlite":
        return str(tmp_path / "registry"), Settings()
    url = request.getfixturevalue("postgres_url")
    return url, Settings(artifact_root=str(tmp_path / "artifacts"))


_barrier = None


def join_crew(barrier):
    """Keep the barrier at which this process waits for the others."""
    global _barrier  # noqa: PLW0603 a pool hands a barrier over in no other way
    _barrier = barrier


def run(work, place, number):
    """Open the registry, wait for the others, and work."""
    uri, settings = place
    with open_registry(uri, settings=settings) as registry:
        _barrier.wait(60)
        return work(registry, number)


@pytest.fixture(scope="module")
def crew():
    """Processes that have Herdbook imported, ready to start together."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(PROCESSES, join_crew, (context.Barrier(PROCESSES),)) as pool:
        yield pool
        pool.close()
        pool.join()


@pytest.fixture
def together(crew, place):
    """Let every process do the same work at the same time; returns what came of it in each."""
    # The barrier sees to it that each process takes one piece.
    return lambda work: crew.starmap(run, [(work, place, number) for number in range(PROCESSES)], chunksize=1)


def create_versions(registry, _):
    return [registry.create_model_version(NAME).version for _ in range(EACH)]


def move_alias(registry, number):
    moved = 0
    for turn in range(EACH):
        current = registry.list_registered_model_aliases(NAME)
        expected = current[0].version if current else 0
        try:
            wanted = (number + turn) % PROCESSES + 1
            registry.set_registered_model_alias(SLOT, wanted, expected_current=expected)
        except ConcurrentUpdateError:
            continue
        moved += wanted != expected
    return moved


def take_name(registry, number):
    won = []
    for turn in range(EACH):
        try:
            registry.create_registered_model(f"main.default.{'M' if number % 2 else 'm'}{turn}")
        except AlreadyExistsError:
            continue
        won.append(turn)
    return won


def repeat_request(registry, _):
    return [registry.create_model_version(NAME, idempotency_key=f"key-{turn}").version for turn in range(EACH)]


def same_files(registry, number):
    """Register the same bytes again and again, each time on a model of one's own."""
    return [register(registry, f"main.default.own{number}").manifest_sha256 for _ in range(5)]


def comment_in_turn(registry, _):
    """Change the comment, each time only if nobody did so since it was read; returns the versions it replaced."""
    replaced = []
    while len(replaced) < EACH:
        row_version = registry.get_registered_model(NAME).row_version
        try:
            registry.update_registered_model(NAME, comment="x", expected_row_version=row_version)
        except ConcurrentUpdateError:
            continue
        replaced.append(row_version)
    return replaced


def move_the_tree(registry, number):
    """Rename the schema to and fro, or create models in it under whatever name it has."""
    done = 0
    for turn in range(EACH):
        names = ("main.default", "main.other")
        if number == 0:
            registry.rename_schema(names[turn % 2], names[1 - turn % 2])
            continue
        for schema in names:
            try:
                registry.create_registered_model(f"{schema}.x{number}-{turn}")
            except NotFoundError:
                continue
            done += 1
            break
    return done


@pytest.fixture
def registry(place):
    uri, settings = place
    with open_registry(uri, settings=settings) as registry:
        registry.create_registered_model(NAME)
        yield registry


def test_every_version_number_is_given_once(registry, together):
    """Processes that register on one model get every number from 1 up, none twice and none left out."""
    numbers = list(itertools.chain.from_iterable(together(create_versions)))
    assert sorted(numbers) == list(range(1, PROCESSES * EACH + 1))


def test_an_alias_moves_one_step_at_a_time(registry, together):
    """Of racing moves each sees the one before it: the history has no overlap, no gap, and one current end."""
    for _ in range(PROCESSES):
        register(registry, NAME)
    moves = sum(together(move_alias))
    history = registry.list_alias_history(SLOT, max_results=1000).items
    assert len(history) == moves > 0
    assert [entry.valid_to is None for entry in history] == [True] + [False] * (moves - 1)
    for later, earlier in itertools.pairwise(history):
        assert earlier.valid_from < earlier.valid_to == later.valid_from
        assert earlier.version != later.version


def test_one_process_gets_a_name(registry, together):
    """Of processes that create one name, in two spellings, exactly one succeeds and the others are told."""
    won = list(itertools.chain.from_iterable(together(take_name)))
    assert sorted(won) == list(range(EACH))


def test_a_repeated_request_is_done_once(registry, together):
    """Requests under one idempotency key that arrive at the same time are one request."""
    answers = together(repeat_request)
    assert answers == [answers[0]] * PROCESSES
    assert sorted(answers[0]) == list(range(1, EACH + 1))


def test_the_same_files_at_once(registry, together):
    """Processes that register the same bytes at the same time share them, and all succeed."""
    for number in range(PROCESSES):
        registry.create_registered_model(f"main.default.own{number}")
    digests = set(itertools.chain.from_iterable(together(same_files)))
    assert len(digests) == 1
    assert None not in digests


def test_no_update_is_lost(registry, together):
    """Updates that expect what they read are made one after the other: no two of them replace the same state."""
    first = registry.get_registered_model(NAME).row_version
    replaced = list(itertools.chain.from_iterable(together(comment_in_turn)))
    assert sorted(replaced) == list(range(first, first + PROCESSES * EACH))


def test_nothing_is_created_under_a_name_that_has_gone(registry, together):
    """While a schema is renamed to and fro, every model that was created is found under the name it has then."""
    created = sum(together(move_the_tree))
    (schema,) = registry.list_schemas("main").items
    names = {str(model.name) for model in registry.list_registered_models(schema.name, max_results=1000).items}
    assert len(names) == created + 1
    assert {name.rpartition(".")[0] for name in names} == {str(schema.name)}
    assert all(registry.get_registered_model(name) for name in names)


def apply_in_turn(registry, number):
    """Apply policies that name this process alone, each against the base that was read; returns the revisions made."""
    made = []
    for turn in range(EACH):
        base = registry.get_policies()
        lines = "\n".join(f"p, user:p{number}, main, {right}, allow" for right in ("USE_CATALOG", "EXECUTE"))
        files = [file for file in base.files if not file.path.endswith(".csv")]
        files.append(PolicyFile(path="people.csv", text=f"# {turn}\n{lines}"))
        try:
            made.append(registry.apply_policies(files, expected_revision=base.revision).revision)
        except ConcurrentUpdateError:
            continue
    return made


def apply_once(registry, number):
    """Apply against the base that the founding made; returns the revision, or nothing where another was first."""
    base = registry.get_policies()
    try:
        return registry.apply_policies(
            [*base.files, PolicyFile(path=f"p{number}.csv", text="")], expected_revision=1
        ).revision
    except ConcurrentUpdateError:
        return None


def test_of_policies_applied_at_once_one_wins(registry, together):
    """Of processes that replace the same files exactly one does, and the others are told."""
    registry.grant(str(registry.get_current_principal().name), "MANAGE_POLICY", "metastore:")
    won = [revision for revision in together(apply_once) if revision is not None]
    assert won == [registry.get_policies().revision]


def test_policies_applied_at_once_do_not_mix(registry, together):
    """Whatever wins is in force whole: its files, its lines and no others; every revision is made once."""
    registry.grant(str(registry.get_current_principal().name), "MANAGE_POLICY", "metastore:")
    made = list(itertools.chain.from_iterable(together(apply_in_turn)))
    applied = registry.get_policies()
    assert len(made) == len(set(made)) >= EACH
    assert max(made) == applied.revision
    [whose] = {
        line.split(", ")[1] for file in applied.files for line in file.text.splitlines() if line.startswith("p,")
    }
    grants = registry.list_grants("main").items
    assert {(str(grant.principal), grant.privilege.value) for grant in grants} == {
        (whose, "USE_CATALOG"),
        (whose, "EXECUTE"),
    }
