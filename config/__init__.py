"""Configuration: what an administrator may set, loaded from TOML and environment, and checked.

Each file reads one section, and `settings` loads them all. `checks/` compares sections,
`value_checks/` says what a value may be. It imports nothing of the other rooms.
"""
