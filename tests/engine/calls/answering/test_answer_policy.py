"""Who decides whether it is told who or what answers."""

from config.detection import Detection, DetectionLimits
from config.queues import Queue
from config.sections import Trunk
from engine.calls.answering.answer_policy import AnswerPolicy
from tests.support.detection_limits import usual_limits


def policy(settings: Detection | None = None) -> AnswerPolicy:
    queues = [Queue(name="on", detect=True), Queue(name="off", detect=False), Queue(name="either")]
    trunks = [
        Trunk(name="listens", uri="sip:192.0.2.1", detect=True),
        Trunk(name="either", uri="sip:192.0.2.2"),
    ]
    return AnswerPolicy(settings, queues, trunks)


def test_nothing_is_told_by_default() -> None:
    assert policy().plan(None, None, None) is None
    assert policy().plan(None, "either", "either") is None
    assert not policy().listens_to(None) and not policy().listens_to("either")


def test_the_request_goes_before_its_queue_and_that_before_the_trunk() -> None:
    made = policy()
    assert made.plan({"enabled": False}, "on", "listens") is None
    assert made.plan({"enabled": True}, "off", None) is not None
    assert made.plan(None, "off", "listens") is None
    assert made.plan(None, "either", "listens") is not None
    assert made.plan(None, "on", None) is not None
    assert made.listens_to("listens")


def test_the_configuration_says_what_the_request_leaves_open() -> None:
    made = policy(Detection(enabled=True, wait=False, fax="retry", message="Goodbye"))
    plan = made.plan({"voicemail": "message"}, None, None)
    assert plan is not None and not plan.waits and plan.leaves_message
    assert (plan.after("voicemail"), plan.after("fax"), plan.after("ivr")) == (
        "message", "retry", "join",
    )  # fmt: skip
    assert (plan.message, plan.is_requested) == ("Goodbye", False)
    own = made.plan({"message": "Mine", "wait": True}, None, None)
    assert own is not None and (own.message, own.is_requested, own.waits) == ("Mine", True, True)


def test_the_detector_gets_the_limits_of_the_configuration() -> None:
    limits = DetectionLimits(greeting_ms=3000, max_phrases=2)
    assert policy(Detection(limits=limits)).limits == usual_limits(greeting_ms=3000, max_phrases=2)
