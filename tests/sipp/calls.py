"""The situations in which SIPp calls us: what the owner does, and what it is told."""

from typing import Final

from .owner import (
    after,
    gives_way,
    hang_up,
    hold,
    pass_time,
    received,
    redirects,
    refer,
    refuses_transfers,
    rejects,
    rejects_for_all,
    resume,
    rings,
    rings_twice,
    time_passes,
    time_passes_until,
    transfers,
    transfers_to_busy,
)
from .situation import Situation

CALLS: Final[dict[str, Situation]] = {
    "ack_doubled": Situation("invite, answered, ended remote"),
    "ack_never": Situation("invite, failed timeout 408", steps=[received("200", pass_time(33))]),
    "body_compressed": Situation(""),
    "body_may_be_ignored": Situation("invite, answered, ended remote"),
    "body_unreadable": Situation(""),
    "bye_after_bye": Situation("invite, answered, ended remote"),
    "bye_doubled": Situation("invite, answered, ended remote"),
    "call": Situation("invite, answered, ended remote"),
    "call_storm": Situation("invite, answered, ended remote", calls=50),
    "cancel_after_prack": Situation("invite, failed remote 487", owner=rings),
    "cancel_doubled": Situation("invite, failed remote 487", owner=rings),
    "cancel_for_nothing": Situation(""),
    "cancel_late": Situation("invite, answered, ended remote"),
    "cancel_of_another_branch": Situation("invite, failed remote 487", owner=rings),
    "cancel_storm": Situation("invite, failed remote 487", owner=rings, calls=50),
    "cancel_with_reason": Situation("invite, failed remote 487 SIP;cause=200", owner=rings),
    "cancelled": Situation("invite, failed remote 487", owner=rings),
    "codec_changes": Situation("invite, answered, media sendrecv, ended remote"),
    "contact_unreadable": Situation(""),
    "cseq_backwards": Situation("invite, answered, ended remote"),
    "early_bye": Situation("invite, failed remote Q.850;cause=31", owner=rings),
    "extension_in_call": Situation("invite, answered, ended remote"),
    "fax_alone": Situation("invite, answered, ended remote"),
    "fax_beside_audio": Situation("invite, answered, media sendrecv, ended remote"),
    "folded_invite": Situation("invite, answered, ended remote"),
    "glare": Situation(
        "invite, answered, media sendonly, ended remote",
        steps=[after("answered", hold), received("ACK", pass_time(2.1))],
    ),
    "glare_with_update": Situation(
        "invite, answered, media sendonly, ended remote", steps=[after("answered", hold)]
    ),
    "hold_and_offerless_resume": Situation(
        "invite, answered, media recvonly, media sendrecv, ended remote"
    ),
    "hold_by_both": Situation(
        "invite, answered, media recvonly, media inactive, media sendonly, ended remote",
        steps=[after("media recvonly", hold)],
    ),
    "hold_by_port_zero": Situation("invite, answered, ended remote"),
    "hold_by_update": Situation("invite, answered, media recvonly, media sendrecv, ended remote"),
    "hold_from_the_start": Situation("invite, answered, media sendrecv, ended remote"),
    "hold_from_the_start_by_address": Situation("invite, answered, media sendrecv, ended remote"),
    "hold_outlives_refresh": Situation("invite, answered, media inactive, ended remote"),
    "hold_spellings": Situation(
        "invite, answered, media recvonly, media sendrecv, media inactive, media "
        "sendrecv, media recvonly, media sendrecv, media recvonly, media inactive, "
        "media sendonly, media sendrecv, ended remote"
    ),
    "huge_field": Situation(""),
    "huge_invite": Situation("invite, answered, ended remote"),
    "huge_route": Situation("invite, answered, ended remote"),
    "info_digits": Situation("invite, answered, digit 5, digit #, digit *, ended remote"),
    "info_refused": Situation("invite, answered, ended remote"),
    "invite_doubled": Situation("invite, answered, ended remote"),
    "invite_expires": Situation(
        "invite, failed remote 487", owner=rings, steps=[received("180", pass_time(21))]
    ),
    "invite_storm": Situation("invite, answered, ended remote", copies={"INVITE": 30}),
    "loose_routers": Situation("invite, answered, ended local", steps=[after("answered", hang_up)]),
    "media_moves": Situation("invite, answered, media sendrecv, ended remote"),
    "merged": Situation("invite, failed remote 487", owner=rings),
    "multipart_isup": Situation("invite, answered, ended remote"),
    "multipart_location": Situation("invite, answered, ended remote"),
    "never_answered": Situation(
        "invite, failed local 480", owner=rings, steps=[received("180", pass_time(201))]
    ),
    "no_common_codec": Situation("invite, failed local 488"),
    "nothing_changes": Situation("invite, answered, ended remote"),
    "notify_in_call": Situation("invite, answered, ended remote"),
    "offerless": Situation("invite, answered, ended remote"),
    "offerless_bad_answer": Situation("invite, failed local 488"),
    "offerless_reinvite": Situation("invite, answered, media sendrecv, ended remote"),
    "offerless_reliably": Situation("invite, answered, ended remote"),
    "offerless_without_answer": Situation("invite, failed local 488"),
    "options_storm": Situation("", calls=200),
    "other_languages": Situation("invite, answered, ended remote"),
    "other_methods": Situation("invite, answered, ended remote"),
    "our_bye_crossed": Situation(
        "invite, answered, ended local", steps=[after("answered", hang_up)]
    ),
    "our_bye_refused": Situation(
        "invite, answered, ended local", steps=[after("answered", hang_up)]
    ),
    "our_bye_unanswered": Situation(
        "invite, answered, ended local",
        steps=[after("answered", hang_up), received("BYE", pass_time(33))],
    ),
    "our_hold": Situation(
        "invite, answered, media sendonly, media sendrecv, ended remote",
        steps=[after("answered", hold), after("media sendonly", resume)],
    ),
    "our_hold_answered_twice": Situation(
        "invite, answered, media sendonly, ended remote",
        copies={"200 INVITE": 2},
        steps=[after("answered", hold)],
        repeated={"ACK": 2},
    ),
    "our_hold_of_no_call": Situation(
        "invite, answered, ended remote 481", steps=[after("answered", hold)]
    ),
    "our_hold_refused": Situation(
        "invite, answered, media refused 488, ended remote", steps=[after("answered", hold)]
    ),
    "our_hold_unanswered": Situation(
        "invite, answered, ended timeout 408",
        steps=[after("answered", hold), received("INVITE", pass_time(33))],
    ),
    "our_hold_without_media": Situation(
        "invite, answered, media refused 488, ended remote", steps=[after("answered", hold)]
    ),
    "our_refer": Situation(
        "invite, answered, referral ended 200, ended remote", steps=[after("answered", refer)]
    ),
    "our_refer_refused": Situation(
        "invite, answered, referral ended 603, ended remote", steps=[after("answered", refer)]
    ),
    "our_refer_to_busy": Situation(
        "invite, answered, referral ended 486, ended remote", steps=[after("answered", refer)]
    ),
    "our_refer_without_outcome": Situation(
        "invite, answered, referral ended 487, ended remote", steps=[after("answered", refer)]
    ),
    "out_of_call": Situation(""),
    "prack": Situation("invite, answered, ended remote"),
    "prack_again": Situation("invite, failed remote", owner=rings),
    "prack_doubled": Situation("invite, failed remote", owner=rings),
    "prack_for_nothing": Situation("invite, answered, ended remote"),
    "prack_in_order": Situation("invite, failed remote", owner=rings_twice),
    "prack_never": Situation(
        "invite, failed timeout 408", owner=rings, steps=[received("180", pass_time(33))]
    ),
    "prack_unreadable": Situation("invite, failed remote", owner=rings),
    "prack_wrong_number": Situation("invite, failed remote", owner=rings),
    "ptime_and_more": Situation("invite, answered, ended remote"),
    "redirected": Situation("invite, failed local 302", owner=redirects),
    "refer_accepted": Situation(
        "invite, answered, referred to sip:carol@192.0.2.3, ended remote", owner=transfers
    ),
    "refer_before_ack": Situation("invite, answered, ended remote", owner=transfers),
    "refer_doubled": Situation(
        "invite, answered, referred to sip:carol@192.0.2.3, ended remote", owner=transfers
    ),
    "refer_failed": Situation(
        "invite, answered, referred to sip:carol@192.0.2.3, ended remote", owner=transfers_to_busy
    ),
    "refer_notify_lost": Situation(
        "invite, answered, referred to sip:carol@192.0.2.3, ended remote", owner=transfers
    ),
    "refer_refused": Situation(
        "invite, answered, referred to sip:+19005551234@192.0.2.3, ended remote",
        owner=refuses_transfers,
    ),
    "refer_unreadable": Situation("invite, answered, ended remote", owner=transfers),
    "refer_with_replaces": Situation(
        "invite, answered, referred to sip:carol@192.0.2.3 for "
        "call@carol;to-tag=7;from-tag=8, ended remote",
        owner=transfers,
    ),
    "refer_without_notify": Situation(
        "invite, answered, referred to sip:carol@192.0.2.3, ended remote", owner=transfers
    ),
    "reinvite_before_ack": Situation("invite, answered, ended remote"),
    "reinvite_doubled": Situation("invite, answered, media recvonly, ended remote"),
    "reinvite_in_vain": Situation("invite, answered, ended remote"),
    "reinvite_storm": Situation(
        "invite, answered, media recvonly, media sendrecv, media recvonly, media "
        "sendrecv, media recvonly, media sendrecv, media recvonly, media sendrecv, "
        "media recvonly, media sendrecv, ended remote"
    ),
    "rejected": Situation("invite, failed local 486", owner=rejects),
    "rejected_for_all": Situation("invite, failed local 606", owner=rejects_for_all),
    "replaces": Situation(
        "invite, answered, invite in place of another, answered, ended local, ended remote",
        owner=gives_way,
    ),
    "replaces_nothing": Situation(""),
    "replaces_twice": Situation(""),
    "scheme_tel": Situation("invite, answered, ended remote"),
    "scheme_unknown": Situation(""),
    "sdp_damaged": Situation("invite, failed local 488"),
    "sdp_not_accepted": Situation(""),
    "srtp_required_by_caller": Situation("invite, failed local 488"),
    "strict_router": Situation("invite, answered, ended local", steps=[after("answered", hang_up)]),
    "target_moves": Situation(
        "invite, answered, digit 5, ended local", steps=[after("digit 5", hang_up)]
    ),
    "tcp_call": Situation("invite, answered, media recvonly, ended remote", transport="t1"),
    "tcp_huge_invite": Situation("invite, answered, ended remote", transport="t1"),
    "through_proxies": Situation("invite, answered, ended remote"),
    "timer_by_proxy": Situation("invite, answered, ended remote"),
    "timer_by_reinvite": Situation(
        "invite, answered, ended remote", steps=[after("answered", pass_time(46))]
    ),
    "timer_by_update": Situation(
        "invite, answered, ended remote", steps=[after("answered", pass_time(46))]
    ),
    "timer_expires": Situation(
        "invite, answered, ended timeout 408", steps=[after("answered", pass_time(61))]
    ),
    "timer_granted": Situation("invite, answered, ended remote"),
    "timer_huge": Situation("invite, answered, ended remote"),
    "timer_refresh_422": Situation(
        "invite, answered, ended remote", steps=[after("answered", pass_time(46))]
    ),
    "timer_refresh_unanswered": Situation(
        "invite, answered, ended timeout 408",
        steps=[after("answered", pass_time(46)), received("UPDATE", pass_time(33))],
    ),
    "timer_too_small": Situation("invite, answered, ended remote"),
    "timer_update_not_taken": Situation(
        "invite, answered, ended remote", steps=[after("answered", pass_time(46))]
    ),
    "timer_zero": Situation(""),
    "tiny_invite": Situation("invite, answered, ended remote"),
    "unknown_extension": Situation("refused answermode"),
    "update_too_small": Situation("invite, answered, ended remote"),
    "video_refused": Situation("invite, answered, ended remote"),
    "wrong_tags": Situation("invite, answered, ended remote"),
    "lost_invite": Situation("invite, answered, ended remote", scenario="call", lost={"INVITE": 1}),
    "lost_trying_and_ringing": Situation(
        "invite, answered, ended remote", scenario="call", unsent={"100 INVITE": 1, "180 INVITE": 1}
    ),
    "lost_answer": Situation(
        "invite, answered, ended remote",
        scenario="call",
        unsent={"200 INVITE": 2},
        steps=[time_passes],
    ),
    "lost_ack": Situation(
        "invite, answered, ended local",
        scenario="loose_routers",
        lost={"ACK": 2},
        steps=[time_passes_until("answered"), after("answered", hang_up)],
    ),
    "lost_bye": Situation("invite, answered, ended remote", scenario="call", lost={"BYE": 1}),
    "lost_answer_of_bye": Situation(
        "invite, answered, ended remote", scenario="call", unsent={"200 BYE": 1}
    ),
    "lost_bye_of_ours": Situation(
        "invite, answered, ended local",
        scenario="loose_routers",
        unsent={"BYE": 2},
        steps=[after("answered", hang_up), time_passes],
    ),
    "lost_cancel": Situation(
        "invite, failed remote 487", scenario="cancelled", owner=rings, lost={"CANCEL": 1}
    ),
    "lost_487": Situation(
        "invite, failed remote 487",
        scenario="cancelled",
        owner=rings,
        unsent={"487 INVITE": 2},
        steps=[time_passes],
    ),
    "lost_refusal": Situation(
        "invite, failed local 486",
        scenario="rejected",
        owner=rejects,
        unsent={"486 INVITE": 1},
        steps=[time_passes],
    ),
    "lost_reliable_180": Situation(
        "invite, failed remote",
        scenario="prack_doubled",
        owner=rings,
        unsent={"180 INVITE": 2},
        steps=[time_passes],
    ),
    "lost_prack": Situation(
        "invite, failed remote", scenario="prack_doubled", owner=rings, lost={"PRACK": 1}
    ),
    "lost_answer_of_prack": Situation(
        "invite, failed remote", scenario="prack_doubled", owner=rings, unsent={"200 PRACK": 1}
    ),
    "lost_update": Situation(
        "invite, answered, media recvonly, media sendrecv, ended remote",
        scenario="hold_by_update",
        lost={"UPDATE": 1},
    ),
    "lost_answer_of_update": Situation(
        "invite, answered, media recvonly, media sendrecv, ended remote",
        scenario="hold_by_update",
        unsent={"200 UPDATE": 1},
    ),
    "lost_hold_of_ours": Situation(
        "invite, answered, media refused 488, ended remote",
        scenario="our_hold_refused",
        unsent={"INVITE": 1},
        steps=[after("answered", hold), time_passes],
    ),
    "lost_answer_of_our_hold": Situation(
        "invite, answered, media refused 488, ended remote",
        scenario="our_hold_refused",
        lost={"488 INVITE": 1},
        steps=[after("answered", hold), time_passes],
    ),
    "lost_refer": Situation(
        "invite, answered, referred to sip:carol@192.0.2.3, ended remote",
        scenario="refer_failed",
        owner=transfers_to_busy,
        lost={"REFER": 1},
    ),
}
