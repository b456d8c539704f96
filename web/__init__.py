"""The gateway between web pages and the engine: a process of its own, and a mere client of the
control socket. It imports `config` and `ringback_client` alone, so that a fault or an attack on the
web side never reaches the engine's process.
"""
