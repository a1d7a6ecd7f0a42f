"""The loader, on a real scikit-learn model that MLflow logged."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import yaml

import herdbook
from herdbook.errors import InvalidArgumentError, PluginLoadError
from herdbook.plugins import PluginManager
from herdbook_mlflow.loading import FLAVORS, load

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


def test_it_moves_to_another_registry(trained, herdbook_registry, tmp_path):
    """A real model, exported and imported elsewhere, is loaded there by its alias and predicts the same."""
    folder, model, features, info = trained
    version = herdbook.register_model(folder, "main.default.moved", registry=herdbook_registry, tags={"a": "b"})
    herdbook_registry.set_registered_model_alias("main.default.moved@champion", version.version)
    herdbook.export_archive("main.default.moved", tmp_path / "moved.tar", registry=herdbook_registry)
    with herdbook.connect(str(tmp_path / "elsewhere")) as elsewhere:
        herdbook.import_archive(tmp_path / "moved.tar", registry=elsewhere, as_name="main.default.iris")
        loaded = herdbook.load_model("models:/main.default.iris@champion", registry=elsewhere)
        assert list(loaded.predict(features)) == list(model.predict(features))
        there = elsewhere.get_model_version("main.default.iris/1")
    assert (there.lineage.run_id, there.lineage.imported[0].version_id) == (info.run_id, version.id)
    assert (there.manifest_sha256, there.model, there.tags) == (version.manifest_sha256, version.model, version.tags)


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


def test_a_flavor_whose_library_is_missing(trained, tmp_path):
    """The error names the flavor and the package to install."""
    folder, *_ = trained
    copy = Path(shutil.copytree(folder, tmp_path / "model"))
    document = yaml.safe_load((copy / "MLmodel").read_text())
    document["flavors"]["catboost"] = {"data": "model.cb", "model_type": "CatBoostClassifier"}
    (copy / "MLmodel").write_text(yaml.safe_dump(document))
    if importlib.util.find_spec("catboost") is not None:
        pytest.skip("catboost is installed here")
    with pytest.raises(PluginLoadError, match="'catboost'") as caught:
        load(copy, "catboost")
    assert caught.value.hint == "Install 'catboost'."


def test_without_pyfunc_the_first_flavor_is_taken(trained, tmp_path):
    """A model that has no `python_function` is loaded as what it has."""
    folder, model, *_ = trained
    copy = Path(shutil.copytree(folder, tmp_path / "model"))
    document = yaml.safe_load((copy / "MLmodel").read_text())
    del document["flavors"]["python_function"]
    (copy / "MLmodel").write_text(yaml.safe_dump(document))
    assert load(copy, None).coef_.shape == model.coef_.shape
    document["flavors"] = {}
    (copy / "MLmodel").write_text(yaml.safe_dump(document))
    with pytest.raises(InvalidArgumentError, match="no flavor"):
        load(copy, None)


def test_the_package_to_install_is_the_one_that_pip_knows(trained):
    """Where module and distribution differ, the hint has the distribution: `scikit-learn`, not `sklearn`."""
    code = (
        "import sys; sys.modules[sys.argv[1]] = None\n"
        "from pathlib import Path\nfrom herdbook.errors import PluginLoadError\n"
        "from herdbook_mlflow.loading import load\n"
        "try:\n    load(Path(sys.argv[2]), 'sklearn')\n"
        "except PluginLoadError as error:\n    print(error.hint)\n"
    )
    for module, wanted in (("sklearn", "Install 'scikit-learn'."), ("mlflow", "Install 'mlflow'.")):
        command = [sys.executable, "-W", "ignore", "-c", code, module, trained[0]]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == wanted


def test_flavors_of_others_are_passed_over(trained, tmp_path):
    """A flavor that MLflow cannot load is never taken by itself, and is refused when it is asked for."""
    folder, model, *_ = trained
    copy = Path(shutil.copytree(folder, tmp_path / "model"))
    document = yaml.safe_load((copy / "MLmodel").read_text())
    document["flavors"] = {"acme": {}, "sklearn": document["flavors"]["sklearn"]}
    (copy / "MLmodel").write_text(yaml.safe_dump(document))
    assert load(copy, None).coef_.shape == model.coef_.shape
    with pytest.raises(InvalidArgumentError, match="no flavor 'acme'"):
        load(copy, "acme")


def test_a_folder_without_an_mlmodel_file(tmp_path):
    """It is refused with our own error, not with MLflow's."""
    with pytest.raises(InvalidArgumentError, match="no MLmodel"):
        load(tmp_path, None)


def test_every_flavor_is_one_of_mlflows():
    """Each name on the list has its module in the installed MLflow, with a function that loads; none is left out."""
    (root,) = importlib.util.find_spec("mlflow").submodule_search_locations
    named = re.compile(r"^\s*FLAVOR_NAME = \"(\w+)\"", re.MULTILINE)
    loads = re.compile(r"^\s*(def load_(model|explainer)\b|from .* import .*\bload_model\b|load_model,)", re.MULTILINE)
    found = set()
    for package in (path for path in Path(root).iterdir() if (path / "__init__.py").is_file()):
        if loads.search((package / "__init__.py").read_text()):
            found.update(*(named.findall(source.read_text()) for source in package.glob("*.py")))
    assert set(FLAVORS) == found


def test_the_plugin_does_not_import_mlflow():
    """Finding the plugin costs no MLflow."""
    code = "import herdbook_mlflow.plugin as p, sys; p.herdbook_model_loaders(); assert 'mlflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    info = {plugin.name: plugin for plugin in PluginManager.load().plugins()}["mlflow"]
    assert info.contributions == ("model loader mlflow",)
