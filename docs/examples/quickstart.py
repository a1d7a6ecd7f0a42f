"""The main job: train a model, register it, promote it, load it back."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import herdbook

warnings.filterwarnings("ignore")  # MLflow and scikit-learn warn about each other.

NAME = "main.default.iris"


def train(folder: Path) -> tuple[str, object, object]:
    """Train a small classifier and let MLflow log it; return the logged model's folder, the model and its features."""
    import mlflow  # noqa: PLC0415 after the warnings are off
    from sklearn.datasets import load_iris  # noqa: PLC0415 as above
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 as above

    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = mlflow.create_experiment("iris", artifact_location=(folder / "artifacts").as_uri())
    features, target = load_iris(return_X_y=True, as_frame=True)
    model = LogisticRegression(max_iter=500).fit(features, target)
    with mlflow.start_run(experiment_id=experiment):
        info = mlflow.sklearn.log_model(model, name="model", input_example=features[:3])
    return mlflow.artifacts.download_artifacts(info.model_uri), model, features


def main() -> None:
    """Run it."""
    with tempfile.TemporaryDirectory() as scratch, herdbook.connect() as registry:
        folder, model, features = train(Path(scratch))

        version = herdbook.register_model(folder, NAME, registry=registry, tags={"team": "teaching"})
        print(f"registered {version.ref}, {version.status}, run {version.lineage.run_id}")

        registry.set_registered_model_alias(f"{NAME}@champion", version.version, reason="the first one")
        print(f"promoted   {NAME}@champion -> {version.version}")

        loaded = herdbook.load_model(f"models:/{NAME}@champion", registry=registry)
        same = list(loaded.predict(features)) == list(model.predict(features))
        print(f"loaded     models:/{NAME}@champion; it predicts as the trained model does: {same}")
        if not same:
            raise SystemExit("the loaded model predicts something else")


if __name__ == "__main__":
    main()
