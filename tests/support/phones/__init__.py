"""Four kinds of phones. Take the first that can show the defect.

- `scripted`: the test is the phone. It decides each step at the boundary of SIP, to the instant, in
  virtual time. For the parts of the engine that make and end calls.
- `virtual`: built on `scripted`; the phone acts by a conduct that it was given. For whole virtual
  engines, days of random calls, and crashes.
- `wire`: SIP text and RTP packets at real sockets, with the kernel's times. It says exactly what it
  is scripted to, right or wrong. For times, packets and peers that misbehave.
- `real`: PJSIP, baresip and SIPp, each a process of its own. For what must hold with other people's
  software, and for what a person hears.
"""
