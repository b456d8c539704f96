"""Three kinds of engines. Take the first that can show the defect.

- `virtual`: the daemon with its store, in virtual time; phones and media are virtual, no socket is
  open. For what happens over minutes or days, at one instant, or at a crash.
- `in_process`: the daemon in the test's own process, on real sockets with a client of its control
  socket, and no media process unless asked for. For methods, the command line, the daemon itself.
- `process`: `ringback run` with wire or real phones. For what only processes and packets can show.
  It is forked from a process that has imported everything (`prepared_command`).
"""
