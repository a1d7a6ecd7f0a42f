"""Refuses model versions whose model card lacks the sections that a rule demands."""
