"""For whoever tests an implementation of a port or a plugin."""
