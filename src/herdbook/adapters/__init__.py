"""Built-in implementations of ports; each is reached as a plugin."""
