"""What the servers are asked: each request of ours beside MLflow's, as bytes, and what their answers have in common."""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import random
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from attrs import field, frozen
from dataset import ALIAS, Dataset, manifest, model_name, run_id, team

from herdbook.wire import unstructure

PAGE = 100
SEEN = 10
"""How many models the principal sees that sees few."""
CLIENTS = (1, 8, 32)
READER = ("reader", "a-long-password")
"""Who sees few, in MLflow: a name and a password."""
_OURS = "/api/v1"
_MLFLOW = "/api/2.0/mlflow"


@frozen(kw_only=True)
class Target:
    """What a kind of request has to reach.

    Args:
        ratio: How many times as many requests a second as MLflow's.
        p99: How many times as short the slowest hundredth of answers, with the most clients.
        clients: With how many clients; the targets were set by what was measured with these.
    """

    ratio: float
    p99: float | None = None
    clients: tuple[int, ...] = CLIENTS


@frozen(kw_only=True)
class ServerJob:
    """One kind of request.

    Args:
        name: What is asked.
        targets: By database, what ours has to reach, with the most models.
        mine: Makes a request to our server.
        theirs: Makes the same to MLflow's.
        alike: Makes of each server's answer what both have in common.
        again: Whether one request may be asked more than once.
        clients: How many ask at once.
        as_reader: Whether a principal asks who sees few models: MLflow with its basic-auth.
    """

    name: str
    targets: dict[str, Target]
    mine: Callable[[random.Random], bytes]
    theirs: Callable[[random.Random], bytes]
    alike: tuple[Callable[[Any], Any], Callable[[Any], Any]]
    again: bool = True
    clients: tuple[int, ...] = CLIENTS
    as_reader: bool = field(default=False)

    def check(self, mine: int, theirs: int) -> None:
        """Refuse to compare servers, at their ports, that answer differently."""
        ours = self.alike[0](ask(mine, self.mine(random.Random(5))))
        peer = self.alike[1](ask(theirs, self.theirs(random.Random(5))))
        if not ours or ours != peer:
            raise SystemExit(f"{self.name}: the answers differ:\n{ours}\n{peer}")


def seen_models(dataset: Dataset) -> list[int]:
    """Return the numbers of the models that the reader sees."""
    step = max(dataset.models // SEEN, 1)
    return list(range(0, dataset.models, step))[:SEEN]


def server_jobs(dataset: Dataset, token: str, reader: str) -> list[ServerJob]:
    """Return the jobs.

    Args:
        dataset: What the registries hold.
        token: An API token of who owns everything.
        reader: One of who sees few.
    """
    numbers = itertools.count()
    files = unstructure(manifest())

    def model(rng: random.Random) -> int:
        return rng.randrange(dataset.models)

    def name(rng: random.Random) -> str:
        return str(model_name(model(rng)))

    def my_version(rng: random.Random) -> bytes:
        asked = model(rng)
        body = {"manifest": files, "lineage": {"run_id": run_id(asked, 0)}}
        key = {"idempotency-key": f"bench-{next(numbers)}"}
        return _mine("POST", f"/models/{model_name(asked)}/versions", token, body=body, **key)

    def their_version(rng: random.Random) -> bytes:
        asked = model(rng)
        body = {"name": str(model_name(asked)), "source": "s3://bucket/model", "run_id": run_id(asked, 0)}
        return _theirs("POST", "/model-versions/create", body=body)

    def my_search(by: str, **words: Any) -> bytes:
        return _mine("GET", f"/models:search?{urlencode({**words, 'max_results': PAGE})}", by)

    def their_search(headers: dict[str, str], **words: Any) -> bytes:
        return _theirs("GET", f"/registered-models/search?{urlencode({**words, 'max_results': PAGE})}", **headers)

    def by_tag(rng: random.Random) -> str:
        return f"tags.team = '{team(rng.randrange(dataset.teams))}'"

    found = (
        lambda answer: [_model(one) for one in answer["items"]],
        lambda answer: [_model(one) for one in answer["registered_models"]],
    )
    of_version = (_version, lambda answer: _version(answer["model_version"]))
    # How many were made before differs; that the number is one is looked at all the same.
    of_new_version = tuple(lambda answer, side=side: _without_number(side(answer)) for side in of_version)
    return [
        ServerJob(
            name="resolve alias",
            targets={"sqlite": Target(ratio=30, p99=15, clients=(8, 32)), "postgresql": Target(ratio=8)},
            mine=lambda rng: _mine("GET", f"/models/{name(rng)}/aliases/{ALIAS}", token),
            theirs=lambda rng: _theirs(
                "GET", f"/registered-models/alias?{urlencode({'name': name(rng), 'alias': ALIAS})}"
            ),
            alike=of_version,
        ),
        ServerJob(
            name="create version",
            targets={"sqlite": Target(ratio=8), "postgresql": Target(ratio=4)},
            mine=my_version,
            theirs=their_version,
            alike=(of_new_version[0], of_new_version[1]),
            again=False,
        ),
        ServerJob(
            name="first page",
            targets={"sqlite": Target(ratio=45), "postgresql": Target(ratio=20)},
            mine=lambda _: my_search(token),
            theirs=lambda _: their_search({}),
            alike=found,
        ),
        ServerJob(
            name="search by tag",
            targets={"sqlite": Target(ratio=150)},
            mine=lambda rng: my_search(token, filter_string=by_tag(rng)),
            theirs=lambda rng: their_search({}, filter=by_tag(rng)),
            alike=found,
        ),
        ServerJob(
            name=f"a page of the {SEEN} that one sees",
            targets={"sqlite": Target(ratio=500)},
            mine=lambda _: my_search(reader),
            theirs=lambda _: their_search(basic(*READER)),
            alike=found,
            clients=(1,),
            as_reader=True,
        ),
    ]


def basic(user: str, password: str) -> dict[str, str]:
    """Return the header that says who asks MLflow."""
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def post_to_mlflow(port: int, path: str, body: dict[str, Any], headers: dict[str, str]) -> Any:
    """Ask MLflow's server to change something, at a path below /api; returns its answer."""
    return ask(port, _request("POST", f"/api{path}", headers, body))


def ask(port: int, request: bytes) -> Any:
    """Send one request, and return its answer's JSON; raises SystemExit for a refusal."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(request)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        body = answer.read()
    if answer.status >= 300:
        raise SystemExit(f"An answer was {answer.status}: {body[:500]!r}, to {request[:200]!r}")
    return json.loads(body)


def _mine(method: str, path: str, token: str, *, body: Any = None, **headers: str) -> bytes:
    return _request(method, _OURS + path, {"authorization": f"Bearer {token}", **headers}, body)


def _theirs(method: str, path: str, *, body: Any = None, **headers: str) -> bytes:
    return _request(method, _MLFLOW + path, headers, body)


def _request(method: str, path: str, headers: dict[str, str], body: Any) -> bytes:
    data = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", *(f"{key}: {value}" for key, value in headers.items())]
    if body is not None:
        lines += ["content-type: application/json", f"content-length: {len(data)}"]
    return "\r\n".join([*lines, "", ""]).encode() + data


def _version(answer: Any) -> tuple[Any, ...]:
    """Return what both say of a version."""
    lineage = answer.get("lineage", answer)
    return answer["name"], int(answer["version"]), answer["status"], lineage["run_id"], _pairs(answer.get("tags"))


def _without_number(version: tuple[Any, ...]) -> tuple[Any, ...]:
    name, number, *rest = version
    return name, number > 0, *rest


def _model(answer: Any) -> tuple[Any, ...]:
    """Return what both say of a registered model."""
    aliases = answer.get("aliases") or {}
    if isinstance(aliases, list):
        aliases = {one["alias"]: one["version"] for one in aliases}
    numbers = sorted((alias, int(version)) for alias, version in aliases.items())
    return answer["name"], _pairs(answer.get("tags")), numbers


def _pairs(tags: Any) -> list[tuple[str, str]]:
    if isinstance(tags, list):
        return sorted((one["key"], one["value"]) for one in tags)
    return sorted((tags or {}).items())
