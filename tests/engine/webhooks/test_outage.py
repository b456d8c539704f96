"""The log has a line when deliveries begin to fail and when it is over, not one for each."""

from structlog.testing import capture_logs

from engine.webhooks.outage import Outage


def test_a_receiver_that_is_away_is_told_once_and_its_return_with_the_numbers() -> None:
    outage = Outage("crm")
    with capture_logs() as lines:
        for number in range(804):
            outage.failed("refused", 1000.0 + number * 0.1)
            outage.gave_up("refused", 1000.0 + number * 0.1)
        outage.delivered(1100.0)
        outage.delivered(1101.0)
    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("webhook_not_delivered", "warning"),
        ("webhook_given_up", "error"),
        ("webhook_delivers_again", "info"),
    ]
    assert (lines[-1]["failures"], lines[-1]["given_up"], lines[-1]["after_s"]) == (804, 804, 100.0)


def test_an_outage_that_lasts_is_told_again_every_ten_minutes() -> None:
    outage = Outage("crm")
    with capture_logs() as lines:
        for second in range(0, 3600, 10):
            outage.failed("refused", 1000.0 + second)
    assert [line["failures"] for line in lines] == [1, 61, 121, 181, 241, 301]


def test_one_that_comes_and_goes_is_told_once_a_minute() -> None:
    outage = Outage("crm")
    with capture_logs() as lines:
        for second in range(120):
            outage.failed("refused", 1000.0 + second)
            outage.delivered(1000.5 + second)
    assert [line["event"] for line in lines] == [
        "webhook_not_delivered", "webhook_delivers_again",
    ] * 2  # fmt: skip
    assert lines[-1]["failures"] == 60
