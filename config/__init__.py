"""Configuration: what an operator may set, loaded from TOML and environment, and checked."""
