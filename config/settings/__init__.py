"""Settings: annotated TOML defaults, one user file over them, one environment variable a key over both."""
