"""Loads a folder with an MLmodel file through MLflow, which is imported only then."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from herdbook.errors import InvalidArgumentError, PluginLoadError

FLAVORS = (
    "python_function",
    "catboost",
    "diffusers",
    "dspy",
    "h2o",
    "johnsnowlabs",
    "keras",
    "langchain",
    "lightgbm",
    "llama_index",
    "onnx",
    "openai",
    "paddle",
    "pmdarima",
    "prophet",
    "pytorch",
    "sentence_transformers",
    "shap",
    "sklearn",
    "spacy",
    "spark",
    "statsmodels",
    "tensorflow",
    "transformers",
    "xgboost",
)
"""The flavors of MLflow 3, as MLmodel files name them."""

_MODULES = {"python_function": "mlflow.pyfunc"}
_FUNCTIONS = {"shap": "load_explainer"}
"""Flavors whose module does not call it `load_model`."""
_DISTRIBUTIONS = {
    "llama_index": "llama-index",
    "paddle": "paddlepaddle",
    "sentence_transformers": "sentence-transformers",
    "sklearn": "scikit-learn",
}
"""Module -> the distribution to install, where the two have different names."""


def load(folder: Path, flavor: str | None) -> Any:
    """Load a model.

    Args:
        folder: The folder with the MLmodel file.
        flavor: As which flavor; None takes `python_function` where the model has it, else its first of `FLAVORS`.

    Returns:
        What MLflow's `load_model` of that flavor returns (for `shap`, its `load_explainer`).

    Raises:
        InvalidArgumentError: there is no MLmodel file, or no such flavor that MLflow can load.
        PluginLoadError: MLflow, or the flavor's own library, is not installed.
    """
    if not (folder / "MLmodel").is_file():
        raise InvalidArgumentError("The model has no MLmodel file.", hint="Log it with MLflow, or download its files.")
    mlflow_models = _import("mlflow.models", flavor)
    offered = list(mlflow_models.Model.load(str(folder)).flavors)
    usable = [name for name in FLAVORS if name in offered]
    chosen = flavor or next(iter(usable), None)
    if chosen is None or chosen not in usable:
        wanted = "that MLflow can load" if chosen is None else repr(chosen)
        raise InvalidArgumentError(
            f"The model has no flavor {wanted}.", hint=f"It has {', '.join(sorted(offered)) or 'none'}."
        )
    module = _import(_MODULES.get(chosen, f"mlflow.{chosen}"), chosen)
    try:
        return getattr(module, _FUNCTIONS.get(chosen, "load_model"))(str(folder))
    except ImportError as error:
        raise _missing(chosen, error) from error


def _import(module: str, flavor: str | None) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise _missing(flavor, error) from error


def _missing(flavor: str | None, error: ImportError) -> PluginLoadError:
    what = f"the flavor {flavor!r}" if flavor else "MLflow models"
    module = (error.name or "").partition(".")[0]
    package = f"Install {_DISTRIBUTIONS.get(module, module)!r}." if module else "Install what the error names."
    return PluginLoadError(f"Loading {what} needs a package that is not installed: {error}.", hint=package)
