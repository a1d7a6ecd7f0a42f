"""The signature of a model: what goes in, what comes out, and its parameters, in MLflow's types."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from attrs import frozen


class ScalarType(StrEnum):
    """The scalar types of MLflow's signatures."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    LONG = "long"
    FLOAT = "float"
    DOUBLE = "double"
    STRING = "string"
    BINARY = "binary"
    DATETIME = "datetime"


@frozen(kw_only=True)
class Scalar:
    """One value of a scalar type."""

    type: ScalarType


@frozen(kw_only=True)
class Array:
    """A list of values of one type."""

    items: ValueType


@frozen(kw_only=True)
class Property:
    """A named part of an object."""

    name: str
    type: ValueType
    required: bool = True


@frozen(kw_only=True)
class Object:
    """A value with named parts."""

    properties: tuple[Property, ...]


@frozen(kw_only=True)
class Map:
    """A value with string keys and values of one type."""

    values: ValueType


@frozen(kw_only=True)
class Anything:
    """A value of any type."""


@frozen(kw_only=True)
class SparkVector:
    """A Spark ML vector."""


ValueType = Scalar | Array | Object | Map | Anything | SparkVector


@frozen(kw_only=True)
class Column:
    """A column.

    Args:
        name: Its name; None where the columns are told apart by position.
        type: What it holds.
        required: Whether it must be there.
    """

    name: str | None = None
    type: ValueType
    required: bool = True


@frozen(kw_only=True)
class Tensor:
    """A tensor.

    Args:
        name: Its name; None for a single unnamed tensor.
        dtype: The NumPy type of its elements, as written (`float32`, `str`).
        shape: Its dimensions; -1 where any size fits.
    """

    name: str | None = None
    dtype: str
    shape: tuple[int, ...]


@frozen(kw_only=True)
class Param:
    """An inference parameter.

    Args:
        name: Its name.
        type: What it holds; for a list, the type of its elements.
        default: What it is where the caller does not say.
        shape: None for one value, (-1,) for a list.
    """

    name: str
    type: ValueType
    default: Any = None
    shape: tuple[int, ...] | None = None


Fields = tuple[Column, ...] | tuple[Tensor, ...]


@frozen(kw_only=True)
class ModelSignature:
    """What goes in, what comes out, and the parameters.

    Args:
        inputs: Columns or tensors; None where the model files name none.
        outputs: Columns or tensors; None where the model files name none.
        params: Inference parameters.
    """

    inputs: Fields | None = None
    outputs: Fields | None = None
    params: tuple[Param, ...] = ()
