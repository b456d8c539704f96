"""The commands that read a configuration, and need no engine."""
