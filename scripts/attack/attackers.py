"""The attackers, each a process of its own: `python -m scripts.attack.attackers NAME SECONDS JSON`.

Each runs for a number of seconds and prints how much it has sent.
"""

import json
import sys
from collections.abc import Callable

from .caller_attackers import identities, passwords, referrals
from .control_attackers import (
    control_costly,
    control_deaf,
    control_followers,
    control_halves,
    control_idle,
    control_tls,
    metrics_halves,
    metrics_idle,
    sound,
    speech,
)
from .media_attackers import rtcp_byes, rtp
from .priority import stand_back
from .sip_attackers import (
    closed_ports,
    forged_invites,
    garbage,
    icmp,
    invites,
    options,
    tcp_halves,
    tcp_idle,
    tcp_pipelined,
    tcp_slow,
    unprintable,
)
from .target import Target
from .web_attackers import greedy_bots, web_frames, web_handshakes, web_idle, web_registrations

Attacker = Callable[[Target, float], int]

ATTACKERS: dict[str, Attacker] = {
    function.__name__: function
    for function in (
        options, invites, garbage, unprintable, forged_invites, tcp_pipelined, tcp_idle, tcp_halves,
        tcp_slow, icmp, closed_ports, rtp, rtcp_byes, control_idle, control_halves, control_costly,
        control_followers, control_deaf,
        control_tls, metrics_idle, metrics_halves, speech, sound, passwords, identities, referrals,
        web_idle, web_handshakes, web_frames, web_registrations, greedy_bots,
    )
}  # fmt: skip


def main() -> int:
    """Attack, and print how much was sent."""
    name, seconds, target = sys.argv[1:]
    stand_back()
    print(ATTACKERS[name](Target(**json.loads(target)), float(seconds)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
