"""Every module has a test file of its own name, in the folder that mirrors its own."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("config", "engine", "media", "sip", "web")

EXCEPTIONS: dict[str, str] = {
    "config/choices.py": "types without behaviour; the commands of tests/engine/cli/",
    "engine/control/openrpc/event_members.py": "test_replies.py",
    "engine/control/openrpc/type_schema.py": "test_schema.py and test_replies.py",
    "engine/control/status_view.py": "types without behaviour; test_replies.py",
    "engine/reports/record_view.py": "types without behaviour; control/test_replies.py",
    "engine/reports/figures_view.py": "types without behaviour; control/test_replies.py",
    "engine/reports/report_view.py": "types without behaviour; control/test_replies.py",
    "engine/control/engine_status.py": "methods/test_engine.py and test_metrics.py",
    "engine/call_control/bot_talk.py": "test_streamed_calls.py",
    "engine/call_control/stream_tap.py": "test_streamed_calls.py",
    "engine/calls/transfers/lost_bot.py": "call_control/test_streamed_calls.py",
    "engine/routing/targets/stream_target.py": "records; test_dialplan.py",
    "engine/calls/recognition/speech.py": "records and a protocol; test_recognitions.py",
    "engine/calls/streams/hosted_streams.py": "test_streams.py and recognition/",
    "engine/control/speech_params.py": "methods/test_plays.py",
    "media/recognition/filler_words.py": "a list; test_sphinx_decoder.py",
    "media/recognition/result.py": "records without behaviour",
    "media/recognition/sphinx_process.py": "test_sphinx_decoder.py",
    "media/streams/messages.py": "records; test_host_client.py",
    "engine/parts.py": "built by every test of tests/engine/test_daemon.py and scenarios/",
    "config/checks/sites.py": "test_web_settings.py, and test_sites.py of all settings",
    "config/checks/tokens.py": "test_rights.py",
    "config/all_sections.py": "fields without behaviour; read in test_settings.py",
    "engine/acd/agent_pool.py": "a face of agents and queues; calls/ and scenarios/ use it",
    "engine/calls/call_flow.py": "protocols without behaviour",
    "sip/dialog/requesting_session.py": "a protocol without behaviour",
    "engine/stir/verdict.py": "types without behaviour; test_verifier.py",
    "engine/inbound/handed_over.py": "fields without behaviour; call_control/",
    "engine/calls/transfers/bridged.py": "calls/test_talk.py",
    "engine/calls/transfers/report.py": "calls/test_talk.py",
    "engine/calls/transfers/phone_refer.py": "calls/test_talk.py and test_joined.py",
    "engine/calls/transfers/queue_wait.py": "test_to_queue.py",
    "engine/calls/legs/media_reports.py": "calls/test_leg.py: each report as a leg has it",
    "engine/calls/legs/detected_answer.py": "callbacks/answers/test_answer_check.py",
    "engine/calls/legs/leg_listener.py": "protocols, and a base without behaviour",
    "engine/calls/two_party_call.py": "callbacks/test_attempt.py and inbound/test_inbound_call.py",
    "engine/routing/targets/destination.py": "records; test_dialplan.py",
    "engine/routing/targets/trunk_targets.py": "a part of the dialplan; test_dialplan.py",
    "engine/reports/report_count.py": "test_report.py",
    "engine/webhooks/delivery_counts.py": "test_webhooks.py and test_webhook.py",
    "engine/webhooks/log_reader.py": "test_webhooks.py: it reads what had no room, over a restart",
    "engine/webhooks/receiver.py": "test_webhook.py",
    "engine/webhooks/webhook_view.py": "types without behaviour; control/test_replies.py",
    "media/detection_limits.py": "records without behaviour; detection/test_answer_detector.py",
    "media/detection_phrases.py": "records without behaviour; detection/test_words.py",
    "engine/calls/legs/sound_reports.py": "calls/test_leg.py",
    "media/protocol/sound_messages.py": "records; worker/detecting/test_sound_watch.py",
    "media/sound_settings.py": "records; listening/test_talk_judge.py",
    "media/protocol/detection_messages.py": "records; worker/detecting/test_detections.py",
    "media/protocol/recording_messages.py": "records; worker/recording/test_recordings.py",
    "media/detection/verdict.py": "records without behaviour; test_answer_detector.py",
    "media/worker/detecting/taps.py": "protocols without behaviour",
    "media/errors.py": "classes without behaviour",
    "media/relay/plain.py": "test_packet_relay.py, with the one in C",
    "media/relay/tables.py": "tables; test_packet_relay.py and worker/test_peer_stream.py",
    "media/protocol/figures.py": "records; worker/test_leg_quality.py",
    "media/protocol/rtcp_figures.py": "records; worker/test_rtcp_report.py",
    "media/settings.py": "a record without behaviour",
    "media/sound/clip.py": "test_clip_library.py",
    "media/sound/confinement.py": "test_speech_process.py and test_sound_file_process.py",
    "media/speech/espeak.py": "test_synthesizer.py",
    "media/sound/dtmf/tones.py": "test_detector.py, which hears them",
    "media/sources.py": "records without behaviour",
    "media/worker/announcing/saved_source.py": "a record without behaviour",
    "media/worker/context.py": "fields without behaviour",
    "media/worker/leg.py": "test_peer_stream.py, test_relay.py and test_switch.py",
    "media/worker/worker.py": "the process itself: media/test_worker_client.py starts it",
    "media/webrtc/messages.py": "records; test_process.py",
    "sip/counters.py": "a record without behaviour",
    "sip/endpoint_options.py": "a record without behaviour",
    "sip/events.py": "records without behaviour",
    "sip/policy.py": "a protocol; asked in scenarios/test_floods.py and dialog/test_dialog.py",
    "sip/transport/tcp_connection.py": "test_tcp.py, on real sockets",
    "sip/transport/tls_connection.py": "test_tls.py, on real sockets",
    "sip/message/reason_phrases.py": "a table",
    "sip/saved.py": "records without behaviour",
    "sip/sdp/audio_stream.py": "a part of offers and answers; test_offer_answer.py",
    "sip/sdp/audio.py": "records; test_offer_answer.py and test_audio_formats.py",
    "sip/transaction/transaction.py": "the folder has a file for each kind of transaction",
    "sip/usage.py": "a protocol without behaviour",
    "web/admission.py": "test_api.py",
    "web/errors.py": "a class without behaviour",
    "engine/callbacks/attempts/attempt_outcome.py": "test_attempt.py",
    "engine/callbacks/attempts/attempt_services.py": "a record; test_attempt.py",
    "engine/calls/announcing/ringback_sound.py": "callbacks/test_attempt.py",
    "engine/calls/scripting/call_scripts.py": "inbound/test_caller_script.py, in such calls",
    "engine/calls/scripting/leg_script.py": "inbound/test_caller_script.py, in calls that come in",
    "engine/calls/scripting/scripts.py": "scripts/test_machine.py; inbound/test_caller_script.py",
    "engine/cli/configuration/settings.py": "test_main.py and test_scripts.py, by the commands",
    "engine/doctor/finding.py": "a record; test_examination.py",
    "engine/inbound/caller_call.py": "test_inbound_call.py: one call is both",
    "engine/inbound/ended_call.py": "test_inbound_call.py, by its last event",
    "engine/scripts/actions.py": "records; test_machine.py",
    "engine/scripts/record.py": "a record; inbound/test_caller_script.py",
    "engine/store/annotations.py": "control/methods/test_records.py; inbound/test_caller_script.py",
}
"""Modules without a test file of their own, and where they are tested."""


def modules() -> set[str]:
    """Every module of the rooms but the `__init__.py` of packages."""
    return {
        file.relative_to(ROOT).as_posix()
        for room in ROOMS
        for file in (ROOT / room).rglob("*.py")
        if file.name not in ("__init__.py", "__main__.py")
    }


def has_test_file(module: str) -> bool:
    """Whether there is `test_<module>.py` where it belongs."""
    path = ROOT / "tests" / module
    return path.with_name(f"test_{path.name}").is_file()


def test_every_module_has_a_test_file_or_a_reason() -> None:
    missing = {module for module in modules() if not has_test_file(module)}
    unexplained = sorted(missing - EXCEPTIONS.keys())
    assert not unexplained, "give each a test file, or a reason in EXCEPTIONS"


def test_no_exception_is_stale() -> None:
    there = modules()
    stale = {name for name in EXCEPTIONS if name not in there or has_test_file(name)}
    assert not stale
