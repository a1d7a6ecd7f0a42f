"""The whole of a registration, new bytes and all, as each side's own client does it over HTTP."""

from __future__ import annotations

import secrets
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from attrs import frozen
from dataset import FILES

from herdbook.bootstrap import open_registry
from herdbook.client import register_model
from herdbook.settings import RegistrySettings, Settings


@frozen(kw_only=True)
class Registered:
    """The median of a registration, in seconds: ours, MLflow's, and the median of the pairs' ratios."""

    mine: float
    theirs: float
    ratio: float


def compare_registering(mine: int, theirs: int, token: str, folder: Path, times: int) -> Registered:
    """Register one model after the other, with our server and MLflow's in turns.

    Args:
        mine: The port of our server.
        theirs: That of MLflow's.
        token: Who asks ours.
        folder: For the files that are sent.
        times: How many times; one more comes first and is not counted.
    """
    from mlflow import MlflowClient  # noqa: PLC0415 the peer: 2 s to import

    name = f"cat000.sch0000.registered-{secrets.token_hex(4)}"
    model = folder / "model"
    model.mkdir()
    secret = folder / "token"
    secret.write_text(token)
    named = RegistrySettings(uri=f"http://127.0.0.1:{mine}", token_file=str(secret))
    mlflow = MlflowClient(f"http://127.0.0.1:{theirs}")
    mlflow.create_registered_model(name)
    experiment = mlflow.create_experiment(name)

    def log_and_register() -> None:
        run = mlflow.create_run(experiment)
        mlflow.log_artifacts(run.info.run_id, str(model), "model")
        mlflow.create_model_version(name, f"{run.info.artifact_uri}/model", run_id=run.info.run_id)

    with open_registry("bench", settings=Settings(registries={"bench": named})) as registry:
        sides = (lambda: register_model(model, name, registry=registry), log_and_register)
        pairs = [_pair(model, sides, number) for number in range(times + 1)][1:]
    return Registered(
        mine=statistics.median(own for own, _ in pairs),
        theirs=statistics.median(peer for _, peer in pairs),
        ratio=statistics.median(peer / own for own, peer in pairs),
    )


def _pair(model: Path, sides: tuple[Callable[[], object], ...], number: int) -> tuple[float, float]:
    took = [0.0, 0.0]
    for side in (0, 1) if number % 2 else (1, 0):
        for name, data in FILES.items():
            (model / name).write_bytes(data)
        # Bytes that nobody has sent before, so that they travel.
        (model / "model.bin").write_bytes(secrets.token_bytes(100_000))
        began = time.perf_counter()
        sides[side]()
        took[side] = time.perf_counter() - began
    return took[0], took[1]
