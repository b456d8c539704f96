"""Every module has a test file of its own name, in the folder that mirrors its own."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("config", "engine", "media", "sip")

EXCEPTIONS: dict[str, str] = {
    "engine/acd/agent_view.py": "test_agent.py",
    "engine/control/openrpc/event_members.py": "test_replies.py",
    "engine/control/openrpc/type_schema.py": "test_schema.py and test_replies.py",
    "engine/control/status_view.py": "types without behaviour; test_replies.py",
    "engine/reports/job_view.py": "engine/test_job.py",
    "engine/reports/record_view.py": "types without behaviour; control/test_replies.py",
    "engine/reports/report_view.py": "types without behaviour; control/test_replies.py",
    "engine/control/engine_status.py": "methods/test_engine.py and test_metrics.py",
    "engine/control/event_types.py": "test_schema.py and test_documented_protocol.py",
    "engine/control/live_view.py": "scenarios/test_reporting.py",
    "engine/control/method.py": "a record without behaviour",
    "engine/control/methods/calls.py": "methods/test_engine.py",
    "engine/inbound/sip_events.py": "test_inbound.py and integration/test_trunks.py",
    "engine/parts.py": "built by every test of tests/engine/test_daemon.py and scenarios/",
    "config/all_sections.py": "fields without behaviour; read in test_settings.py",
    "config/skills.py": "test_checks.py",
    "config/agents.py": "sections without rules of their own; read in test_settings.py",
    "config/calendars.py": "test_settings.py; hours: engine/routing/test_opening_hours.py",
    "engine/acd/agent_pool.py": "a face of agents and queues; calls/ and scenarios/ use it",
    "engine/acd/queue_list.py": "held by queues.py; tested in test_queues.py",
    "engine/acd/waiting.py": "records without behaviour",
    "engine/callbacks/caller_takeover.py": "scenarios/test_caller_and_callback.py",
    "engine/callbacks/dial_check.py": "test_attempt.py and test_dispatcher.py",
    "engine/callbacks/request_check.py": "test_intake.py and control/methods/test_routes.py",
    "engine/callbacks/running_attempts.py": "test_dispatcher.py",
    "engine/callbacks/open_jobs.py": "test_dispatcher.py and test_intake.py",
    "engine/calls/legs/agent_lines.py": "test_permanent_leg.py and test_borrowed_leg.py",
    "engine/calls/call_flow.py": "protocols without behaviour",
    "engine/calls/dialling.py": "callbacks/test_attempt.py and scenarios/",
    "engine/calls/legs/leg_listener.py": "protocols, and a base without behaviour",
    "engine/calls/legs/leg_media.py": "test_leg.py",
    "engine/calls/two_party_call.py": "callbacks/test_attempt.py and inbound/test_inbound_call.py",
    "engine/calls/services.py": "fields without behaviour",
    "engine/cli/agents.py": "control/methods/test_agents.py runs the command line",
    "engine/cli/audit.py": "test_routes.py runs the command line",
    "engine/cli/queues.py": "control/methods/test_queues.py runs the command line",
    "engine/cli/records.py": "test_report.py runs the command line",
    "engine/cli/report_tables.py": "test_report.py",
    "engine/control/methods/audit.py": "control/test_audit.py",
    "engine/control/params.py": "structs without behaviour; control/methods/ decodes each",
    "engine/control/route_view.py": "control/methods/test_routes.py",
    "engine/control/snapshot.py": "test_connection.py and scenarios/",
    "engine/personal/collection.py": "control/methods/test_persons.py",
    "engine/personal/personal_data.py": "control/methods/test_persons.py",
    "engine/personal/scrub.py": "control/methods/test_persons.py",
    "engine/errors.py": "classes without behaviour",
    "engine/inbound/services.py": "fields without behaviour",
    "engine/reports/report_count.py": "test_report.py",
    "engine/store/group_commit.py": "test_store.py",
    "engine/store/protocols.py": "protocols without behaviour",
    "engine/webhooks/webhook.py": "test_webhooks.py and test_sender.py",
    "media/errors.py": "classes without behaviour",
    "media/settings.py": "a record without behaviour",
    "media/sound/clip.py": "test_clip_library.py",
    "media/sound/espeak.py": "test_speech.py",
    "media/sources.py": "records without behaviour",
    "media/worker/context.py": "fields without behaviour",
    "media/worker/leg.py": "test_peer_stream.py, test_relay.py and test_switch.py",
    "media/worker/worker.py": "the process itself: media/test_worker_client.py starts it",
    "sip/counters.py": "a record without behaviour",
    "sip/dialog/bye.py": "test_session.py and sip/scenarios/",
    "sip/dialog/uas.py": "sip/test_user_agent.py",
    "sip/events.py": "records without behaviour",
    "sip/policy.py": "a protocol; asked in test_user_agent.py and dialog/test_dialog.py",
    "sip/transport/tcp_connection.py": "test_tcp.py, on real sockets",
    "sip/hop.py": "a record without behaviour",
    "sip/message/reason_phrases.py": "a table",
    "sip/saved.py": "records without behaviour",
    "sip/transaction/transaction.py": "the folder has a file for each kind of transaction",
    "sip/usage.py": "a protocol without behaviour",
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
