"""Loads models that MLflow logged from a Herdbook registry."""
