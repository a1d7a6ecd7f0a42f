"""A stateful Hypothesis machine that drives any registry beside a dict model."""

from herdbook.testing.machine.base import Bench
from herdbook.testing.machine.rules import RegistryMachine

__all__ = ["Bench", "RegistryMachine"]
