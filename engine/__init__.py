"""The engine: legs, callbacks, jobs, the control socket and the daemon that ties the rooms."""
