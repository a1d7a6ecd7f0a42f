"""The loader, on a real scikit-learn model that MLflow logged."""

from __future__ import annotations

import subprocess
import sys
import warnings

import pytest

import herdbook
from herdbook.errors import InvalidArgumentError, PluginLoadError
from herdbook.plugins import PluginManager

pytestmark = [
    # MLflow and what it imports warn about their own dependencies; nothing of ours is behind these.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A small model, logged by MLflow into a tracking store of its own; (folder, model, features)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow
        from sklearn.datasets import load_iris
        from sklearn.linear_model import LogisticRegression

        root = tmp_path_factory.mktemp("mlflow")
        mlflow.set_tracking_uri(f"sqlite:///{root / 'mlflow.db'}")
        experiment = mlflow.create_experiment("iris", artifact_location=(root / "artifacts").as_uri())
        features, target = load_iris(return_X_y=True, as_frame=True)
        model = LogisticRegression(max_iter=500).fit(features, target)
        with mlflow.start_run(experiment_id=experiment):
            info = mlflow.sklearn.log_model(model, name="model", input_example=features[:2])
        folder = mlflow.artifacts.download_artifacts(info.model_uri, dst_path=str(root / "out"))
    return folder, model, features, info


def test_the_whole_job(trained, herdbook_registry):
    """What was logged can be registered, promoted and loaded, and predicts the same, with its lineage known."""
    folder, model, features, info = trained
    version = herdbook.register_model(folder, "main.default.iris", registry=herdbook_registry)
    herdbook_registry.set_registered_model_alias("main.default.iris@champion", version.version)
    loaded = herdbook.load_model("models:/main.default.iris@champion", registry=herdbook_registry)
    assert list(loaded.predict(features)) == list(model.predict(features))
    assert version.lineage.run_id == info.run_id
    assert version.lineage.logged_model_id == info.model_id
    assert version.model.signature.inputs[0].name == "sepal length (cm)"
    native = herdbook.load_model("models:/main.default.iris/1", registry=herdbook_registry, flavor="sklearn")
    assert native.coef_.shape == model.coef_.shape


def test_a_flavor_that_the_model_lacks(trained, herdbook_registry):
    """The error names the flavors that there are."""
    folder, *_ = trained
    herdbook.register_model(folder, "main.default.iris", registry=herdbook_registry)
    with pytest.raises(InvalidArgumentError, match="python_function, sklearn"):
        herdbook.load_model("models:/main.default.iris/1", registry=herdbook_registry, flavor="xgboost")
    with pytest.raises(PluginLoadError, match="no_such_flavor"):
        herdbook.load_model("models:/main.default.iris/1", registry=herdbook_registry, flavor="no_such_flavor")


def test_the_plugin_does_not_import_mlflow():
    """Finding the plugin costs no MLflow."""
    code = "import herdbook_mlflow.plugin as p, sys; p.herdbook_model_loaders(); assert 'mlflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    info = {plugin.name: plugin for plugin in PluginManager.load().plugins()}["mlflow"]
    assert info.contributions == ("model loader mlflow",)
