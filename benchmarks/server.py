"""`herdbook serve` beside `mlflow server`: many clients, both over the same kind of database, in one run."""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

from attrs import frozen
from dataset import Dataset, model_name
from load_client import Answered, Load, LoadClient
from pairs import Pair, opened
from places import DATABASES, kept_in, words
from registering import compare_registering
from registry import TARGETED, scratch_folder
from server_jobs import CLIENTS, READER, SEEN, ServerJob, basic, post_to_mlflow, seen_models, server_jobs
from servers import Running, herdbook_server, mlflow_server

from herdbook.verdicts import Privilege

LIFE_S = 24 * 3600
ADMIN = ("admin", "a-password-of-the-benchmark")
BUSY = 0.9
"""Above which share of the processor the client is taken for what limits."""
MOST_CREATED = 4000
"""How many versions a second of a run may make."""


@frozen(kw_only=True)
class Effort:
    """How much is measured.

    Args:
        rounds: How many rounds count; one more comes first and warms both up.
        seconds: How long new requests are begun in one run.
        registrations: How many whole registrations.
    """

    rounds: int
    seconds: float
    registrations: int


FULL = Effort(rounds=5, seconds=1.5, registrations=15)
QUICK = Effort(rounds=1, seconds=0.2, registrations=2)


@frozen(kw_only=True)
class Sides:
    """The servers that are compared.

    Args:
        mine: Ours.
        theirs: MLflow's.
        guarded: MLflow's with its basic-auth; None where a package that it needs is not installed.
    """

    mine: Running
    theirs: Running
    guarded: Running | None

    def peer(self, job: ServerJob) -> Running:
        """Return which of MLflow's a job asks."""
        found = self.guarded if job.as_reader else self.theirs
        assert found is not None
        return found


def main() -> int:
    """Measure and print tables; 1 where a target is missed."""
    arguments = _arguments()
    warnings.filterwarnings("ignore")
    models = arguments.models or (20 if arguments.quick else TARGETED)
    effort = QUICK if arguments.quick else FULL
    dataset = Dataset(models=models, versions=arguments.versions)
    missed = False
    with LoadClient() as client:
        for database in words(arguments.databases, ["sqlite"] if arguments.quick else DATABASES):
            with (
                tempfile.TemporaryDirectory(prefix="herdbook-bench-", dir=scratch_folder(arguments.folder)) as scratch,
                opened(database, [dataset], Path(scratch), kept_in(arguments.folder)) as (pair,),
            ):
                token, reader = _tokens(pair)
                jobs = server_jobs(dataset, token, reader)
                for workers in map(int, words(arguments.workers, ["1"] if arguments.quick else ["1", "2"])):
                    folder = Path(scratch) / f"servers-{workers}"
                    missed |= _compare(database, workers, pair, jobs, token, client, folder, effort)
    return int(missed)


def _compare(
    database: str,
    workers: int,
    pair: Pair,
    jobs: Sequence[ServerJob],
    token: str,
    client: LoadClient,
    folder: Path,
    effort: Effort,
) -> bool:
    """Compare with so many workers; returns whether a target was missed."""
    # The targets are for one worker over SQLite, and for two processes over PostgreSQL.
    targeted = pair.dataset.models >= TARGETED and workers == (2 if database == "postgresql" else 1)
    with _sides(pair, workers, folder) as sides:
        if sides.guarded is None:
            jobs = [job for job in jobs if not job.as_reader]
        for job in jobs:
            job.check(sides.mine.port, sides.peer(job).port)
        print(f"\n{database}, {pair.dataset.models:,} models, {workers} worker{'s' * (workers > 1)} each\n")
        print("| work | clients | Herdbook /s | MLflow /s | ratio | target | p50, p99 ms | MLflow's | p99 ratio |")
        print("|---|---|---|---|---|---|---|---|---|")
        missed = False
        for job in jobs:
            for clients in job.clients:
                rounds = _rounds(job, clients, sides, client, effort)
                text, late = _row(job, clients, rounds, database if targeted else "")
                missed |= late
                print(text, flush=True)
        print(_beside(sides, token, folder, effort))
    return missed


def _rounds(
    job: ServerJob, clients: int, sides: Sides, client: LoadClient, effort: Effort
) -> list[tuple[Answered, Answered]]:
    """Ask both in turns; who goes first changes each round."""
    rng, taken = random.Random(clients), []
    # Where MLflow takes a minute for one answer, it is not asked often.
    rounds = min(effort.rounds, 2) if job.as_reader else effort.rounds
    for number in range(rounds + 1):
        found: dict[bool, Answered] = {}
        for mine in (True, False) if number % 2 else (False, True):
            if number == 0 and job.as_reader and not mine:
                continue
            make, port = (job.mine, sides.mine.port) if mine else (job.theirs, sides.peer(job).port)
            seconds = effort.seconds if number else effort.seconds / 3
            many = 2000 if job.again else int(MOST_CREATED * seconds)
            requests = [make(rng) for _ in range(many)]
            load = Load(port=port, clients=clients, seconds=seconds, requests=requests, again=job.again)
            found[mine] = client.run(load)
        if number:
            taken.append((found[True], found[False]))
    return taken


def _row(job: ServerJob, clients: int, rounds: list[tuple[Answered, Answered]], database: str) -> tuple[str, bool]:
    """Return a line of the table, and whether it misses its target."""
    mine, theirs = zip(*rounds, strict=True)
    ratio = statistics.median(own.rate / peer.rate for own, peer in rounds)
    own, peer = (_times(side) for side in (mine, theirs))
    slow = peer[1] / own[1]
    target = job.targets.get(database)
    if target is not None and clients not in target.clients:
        target = None
    late = target is not None and ratio < target.ratio
    wanted = "-" if target is None else f"{target.ratio:g}x {'missed' if late else 'reached'}"
    tail = f"{slow:.0f}x"
    if target is not None and target.p99 is not None and clients == max(CLIENTS):
        tail += f" of {target.p99:g}x {'missed' if slow < target.p99 else 'reached'}"
        late |= slow < target.p99
    rates = " | ".join(_rate(side) for side in (mine, theirs))
    spans = " | ".join(f"{middle * 1e3:.2f}, {high * 1e3:.2f}" for middle, high in (own, peer))
    return f"| {job.name} | {clients} | {rates} | {ratio:.1f}x | {wanted} | {spans} | {tail} |", late


def _rate(side: Sequence[Answered]) -> str:
    """Return answers a second, marked where the client was what kept them few."""
    rate = statistics.median(answered.rate for answered in side)
    limited = statistics.median(answered.busy for answered in side) > BUSY
    return f"{rate:{',.0f' if rate >= 100 else '.2g'}}{' (client)' if limited else ''}"


def _times(side: Sequence[Answered]) -> tuple[float, float]:
    """Return the median and the 99th of a hundred of all answers of a side, in seconds."""
    times = sorted(time for answered in side for time in answered.times)
    return statistics.median(times), times[int(len(times) * 0.99)]


def _beside(sides: Sides, token: str, folder: Path, effort: Effort) -> str:
    """Return what is told of the servers besides: a whole registration, start-up and memory."""
    done = compare_registering(sides.mine.port, sides.theirs.port, token, folder, effort.registrations)
    rows = [
        ("register 100 KB of new bytes, ms", done.mine * 1e3, done.theirs * 1e3, done.ratio),
        ("start-up, s", sides.mine.started_s, sides.theirs.started_s, None),
        ("memory after all this, MB", sides.mine.resident_mb(), sides.theirs.resident_mb(), None),
    ]
    lines = ["", "| besides | Herdbook | MLflow | ratio |", "|---|---|---|---|"]
    for what, mine, theirs, ratio in rows:
        lines.append(f"| {what} | {mine:.4g} | {theirs:.4g} | {theirs / mine if ratio is None else ratio:.1f}x |")
    return "\n".join(lines)


@contextmanager
def _sides(pair: Pair, workers: int, folder: Path) -> Iterator[Sides]:
    """Start the servers that are compared; each idles while another is asked."""
    settings = folder / "guarded" / "basic_auth.ini"
    settings.parent.mkdir(parents=True)
    settings.write_text(_BASIC_AUTH.format(folder=settings.parent, user=ADMIN[0], password=ADMIN[1]))
    ours, peers = pair.urls
    with ExitStack() as stack:
        mine = stack.enter_context(herdbook_server(ours, pair.artifacts, workers, folder / "herdbook"))
        theirs = stack.enter_context(mlflow_server(peers, workers, folder / "mlflow"))
        guarded = None
        if find_spec("flask_wtf") is None:
            print(f"{_NO_AUTH}\n", file=sys.stderr)
        else:
            guarded = stack.enter_context(mlflow_server(peers, workers, settings.parent, auth=settings))
            _let_read(guarded.port, [str(model_name(number)) for number in seen_models(pair.dataset)])
        yield Sides(mine=mine, theirs=theirs, guarded=guarded)


_NO_AUTH = (
    f"The page of the {SEEN} that one sees is left out: MLflow's basic-auth needs a package that is not installed. "
    "Install the extra `test`, or `pip install 'mlflow[auth]'`."
)
_BASIC_AUTH = """\
[mlflow]
default_permission = NO_PERMISSIONS
database_uri = sqlite:///{folder}/basic_auth.db
admin_username = {user}
admin_password = {password}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
"""


def _let_read(port: int, models: Sequence[str]) -> None:
    """Make the reader in MLflow."""
    user, password = READER
    admin = basic(*ADMIN)
    post_to_mlflow(port, "/2.0/mlflow/users/create", {"username": user, "password": password}, admin)
    for name in models:
        grant = {"username": user, "resource_type": "registered_model", "resource_id": name, "permission": "READ"}
        post_to_mlflow(port, "/3.0/mlflow/users/permissions/grant", grant, admin)


def _tokens(pair: Pair) -> tuple[str, str]:
    """Return a token of who owns everything in ours, and one of who sees few models."""
    registry, reader = pair.registry, "service:reader"
    registry.create_principal(reader)
    models = [model_name(number) for number in seen_models(pair.dataset)]
    for schema in {model.parent for model in models}:
        registry.grant(reader, Privilege.USE_SCHEMA, schema)
    for catalog in {model.parent.parent for model in models}:
        registry.grant(reader, Privilege.USE_CATALOG, catalog)
    for model in models:
        registry.grant(reader, Privilege.READ_METADATA, model)
    return (
        registry.create_token(expires_in_s=LIFE_S).secret,
        registry.create_token(expires_in_s=LIFE_S, principal=reader).secret,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--databases", nargs="+", help="which of sqlite and postgresql; both unless said")
    parser.add_argument("--models", type=int, help="how many")
    parser.add_argument("--versions", type=int, default=3, help="of each model")
    parser.add_argument("--workers", nargs="+", help="how many of each side; 1 and then 2 unless said")
    parser.add_argument(
        "--folder", type=Path, help="where the databases are made (a real disk), and kept: a later run copies them"
    )
    parser.add_argument("--quick", action="store_true", help="SQLite, a worker, 20 models, few calls: does it run?")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
