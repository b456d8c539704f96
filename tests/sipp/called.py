"""The situations in which SIPp is called: what the owner does, and what it is told."""

from typing import Final

from .owner import (
    after,
    at_once,
    hang_up,
    hold,
    pass_time,
    received,
    resume,
    time_passes,
    time_passes_until,
    transfers,
    with_long_header,
    without_offer,
)
from .situation import HANG_UP, Situation

CALLED: Final[dict[str, Situation]] = {
    "called_300_by_preference": Situation(
        "failed remote 300 to tel:+442079460000 and sip:mid@192.0.2.2 and sip:low@192.0.2.1"
    ),
    "called_302": Situation("failed remote 302 to sip:dave@192.0.2.98 and sip:carol@192.0.2.99"),
    "called_302_damaged": Situation("failed remote 302 to sip:good@192.0.2.1"),
    "called_302_without_contact": Situation("failed remote 302"),
    "called_305": Situation("failed remote 305 to sip:dave@192.0.2.98 and sip:carol@192.0.2.99"),
    "called_380": Situation("failed remote 380 to sip:dave@192.0.2.98 and sip:carol@192.0.2.99"),
    "called_401_and_407": Situation("answered, ended local", steps=HANG_UP),
    "called_420": Situation("failed remote 420 without timer"),
    "called_421": Situation("failed remote 421 without teleport"),
    "called_480": Situation("failed remote 480 Q.850;cause=20"),
    "called_488": Situation("failed remote 488 because Incompatible media format"),
    "called_503": Situation("failed remote 503 for 7 s"),
    "called_600": Situation("failed remote 600"),
    "called_603": Situation("failed remote 603 Q.850;cause=21"),
    "called_606": Situation("failed remote 606 because Incompatible media format"),
    "called_answer_damaged": Situation("failed local 488"),
    "called_answer_in_180": Situation("180 with audio, answered, ended local", steps=HANG_UP),
    "called_answer_missing": Situation("failed local 488"),
    "called_answer_without_codec": Situation("failed local 488"),
    "called_bye_at_once": Situation("answered, ended remote"),
    "called_bye_challenged": Situation("answered, ended local", steps=HANG_UP),
    "called_bye_doubled": Situation("answered, ended remote Q.850;cause=16", copies={"BYE": 2}),
    "called_cancel_crossed": Situation("180, failed local 487", steps=[after("180", hang_up)]),
    "called_cancel_held_back": Situation("failed local 487", steps=[at_once(hang_up)]),
    "called_cancel_not_needed": Situation("failed local 486", steps=[at_once(hang_up)]),
    "called_cancel_refused": Situation("180, failed local 487", steps=[after("180", hang_up)]),
    "called_cancel_without_487": Situation(
        "180, failed local 487", steps=[after("180", hang_up), received("CANCEL", pass_time(33))]
    ),
    "called_cancelled": Situation("180, failed local 487", steps=[after("180", hang_up)]),
    "called_challenged_after_ringing": Situation("180, answered, ended local", steps=HANG_UP),
    "called_contact_moves": Situation("answered, ended local", steps=HANG_UP),
    "called_contact_unreadable": Situation("failed local"),
    "called_digest_auth_int": Situation("answered, ended local", steps=HANG_UP),
    "called_digest_unknown": Situation("failed remote 401"),
    "called_doubled": Situation(
        "180, answered, ended local",
        copies={"180 INVITE": 2, "200 INVITE": 2},
        steps=HANG_UP,
        repeated={"ACK": 2},
    ),
    "called_early_media_of_forks": Situation(
        "183 with audio, 183 with audio, answered, ended local", steps=HANG_UP
    ),
    "called_early_update": Situation(
        "183 with audio, media sendrecv, answered, ended local", steps=HANG_UP
    ),
    "called_fork_storm": Situation("180, " * 40 + "answered, ended local", steps=HANG_UP),
    "called_forwarded": Situation("181, 180, answered, ended local", steps=HANG_UP),
    "called_glare": Situation(
        "answered, media sendonly, ended local",
        steps=[
            after("answered", hold),
            received("ACK", pass_time(4.1), times=2),
            after("media sendonly", hang_up),
        ],
    ),
    "called_hold": Situation(
        "answered, media recvonly, media sendrecv, ended local",
        steps=[after("media sendrecv", hang_up)],
    ),
    "called_hold_by_us": Situation(
        "answered, media sendonly, media sendrecv, ended local",
        steps=[
            after("answered", hold),
            after("media sendonly", resume),
            after("media sendrecv", hang_up),
        ],
    ),
    "called_hold_challenged": Situation(
        "answered, media sendonly, ended local",
        steps=[after("answered", hold), after("media sendonly", hang_up)],
    ),
    "called_huge_answer": Situation("answered, ended local", steps=HANG_UP),
    "called_huge_by_tcp": Situation(
        "answered, ended local", placed=with_long_header, transport="t1", steps=HANG_UP
    ),
    "called_late_offer": Situation("answered, ended local", placed=without_offer, steps=HANG_UP),
    "called_late_offer_in_183": Situation(
        "183 with audio, answered, ended local", placed=without_offer, steps=HANG_UP
    ),
    "called_late_offer_missing": Situation("failed local 488", placed=without_offer),
    "called_multipart": Situation("answered, ended local", steps=HANG_UP),
    "called_nonce_stale_for_ever": Situation("failed remote 401"),
    "called_offerless_reinvite": Situation(
        "answered, media sendrecv, ended local", steps=[after("media sendrecv", hang_up)]
    ),
    "called_out_of_order": Situation("180, 182, 183, answered, ended local", steps=HANG_UP),
    "called_password_wrong": Situation("failed remote 407"),
    "called_prack_refused": Situation("183 with audio, answered, ended local", steps=HANG_UP),
    "called_refer": Situation(
        "answered, referred to sip:carol@192.0.2.3, ended remote", owner=transfers
    ),
    "called_refusal_repeated": Situation("failed remote 486", copies={"486 INVITE": 3}),
    "called_reliably": Situation("183 with audio, answered, ended local", steps=HANG_UP),
    "called_rings_for_ever": Situation(
        "180, failed local 487", steps=[after("180", pass_time(201))]
    ),
    "called_rseq_of_forks": Situation("180, 180, answered, ended local", steps=HANG_UP),
    "called_silent": Situation("failed timeout 408", steps=[received("INVITE", pass_time(33))]),
    "called_stale_nonce": Situation("answered, ended local", steps=HANG_UP),
    "called_timer_by_us": Situation(
        "answered, ended remote", steps=[after("answered", pass_time(46))]
    ),
    "called_timer_expires": Situation(
        "answered, ended timeout 408", steps=[after("answered", pass_time(61))]
    ),
    "called_tiny_refusal": Situation("failed remote 404"),
    "called_trying_repeated": Situation(
        "180, 180, 180, 180, 180, answered, ended local", steps=HANG_UP
    ),
    "called_two_answers": Situation(
        "answered, digit 5, ended local", steps=[after("digit 5", hang_up)]
    ),
    "called_two_digests": Situation("answered, ended local", steps=HANG_UP),
    "called_unknown_status": Situation("failed remote 499"),
    "called_update": Situation("answered, ended local", steps=[received("200", hang_up)]),
    "called_with_422": Situation("answered, ended local", steps=HANG_UP),
    "called_lost_invite": Situation(
        "181, 180, answered, ended local",
        scenario="called_forwarded",
        unsent={"INVITE": 2},
        steps=[time_passes_until("answered"), *HANG_UP],
    ),
    "called_lost_ringing": Situation(
        "181, answered, ended local",
        scenario="called_forwarded",
        lost={"180 INVITE": 1, "199 INVITE": 1},
        steps=HANG_UP,
    ),
    "called_lost_refusal": Situation(
        "failed remote 486",
        scenario="called_refusal_repeated",
        lost={"486 INVITE": 2},
        steps=[time_passes_until("failed remote 486")],
    ),
    "called_lost_challenge": Situation(
        "answered, ended local",
        scenario="called_stale_nonce",
        lost={"401 INVITE": 1},
        steps=[time_passes_until("answered"), *HANG_UP],
    ),
    "called_lost_prack": Situation(
        "183 with audio, answered, ended local",
        scenario="called_reliably",
        unsent={"PRACK": 1},
        steps=[time_passes_until("answered"), *HANG_UP],
    ),
    "called_lost_cancel": Situation(
        "180, failed local 487",
        scenario="called_cancelled",
        unsent={"CANCEL": 2},
        steps=[after("180", hang_up), time_passes],
    ),
    "called_lost_bye": Situation(
        "181, 180, answered, ended local",
        scenario="called_forwarded",
        unsent={"BYE": 1},
        steps=[*HANG_UP, time_passes],
    ),
}
