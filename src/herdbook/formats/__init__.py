"""File formats read as data: YAML under limits, MLmodel, TOML that remembers its lines."""
