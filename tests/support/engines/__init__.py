"""Three engines: virtual (no socket, no clock), in-process (real sockets), process (all real)."""
