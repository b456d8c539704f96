"""Configuration: what an administrator may set, loaded from TOML and environment, and checked."""
