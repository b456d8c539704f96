"""[reports], [metrics] and [[webhooks]]: what is taken and what is said of the rest."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from config.reporting import Metrics, Notify, Reports, Webhook
from tests.support.configuration import refused_values

SECRET = "a secret of some length"


def webhook(**values: Any) -> Webhook:
    return Webhook(**{"name": "crm", "url": "https://crm.example/in", "secret": SECRET} | values)


def test_reports_have_defaults_and_a_checked_time_zone() -> None:
    assert Reports().service_level_s == 20.0
    assert Reports(time_zone="Europe/Paris").time_zone == "Europe/Paris"
    assert "is not a time zone" in refused_values(Reports, time_zone="Mars/Olympus")
    assert "is not a time zone" in refused_values(Reports, time_zone="../etc/passwd")


def test_metrics_are_off_unless_an_address_is_given() -> None:
    assert Metrics().listen == ""
    assert Metrics(listen="127.0.0.1:9464").listen == "127.0.0.1:9464"
    assert "IP address" in refused_values(Metrics, listen="localhost:9464")


def test_a_webhook_needs_a_url_and_a_secret() -> None:
    assert webhook().types == ["callback."]
    assert "not an http: or https: URL" in refused_values(
        Webhook, name="a", url="ftp://x", secret=SECRET
    )
    assert "at least 16 characters" in refused_values(
        Webhook, name="a", url="http://x", secret="short"
    )
    assert "at least 16 characters" in refused_values(Webhook, name="a", url="http://x")
    assert "with a port" in refused_values(Webhook, name="a", url="http://x:99999", secret=SECRET)
    assert "IPv6" not in refused_values(Webhook, name="a", url="http://[x/secret", secret=SECRET)
    assert "without blanks" in refused_values(Webhook, name="a", url="http://x/a b", secret=SECRET)
    assert "must be base64" in refused_values(
        Webhook, name="a", url="http://x", secret="whsec_not base64 at all"
    )
    assert "#fragment" in refused_values(Webhook, name="a", url="http://x/#a", secret=SECRET)
    assert "beginning of an event's type" in refused_values(
        Webhook, name="a", url="http://x", secret=SECRET, types=["Callback"]
    )
    assert "must not be below" in refused_values(
        Webhook, name="a", url="http://x", secret=SECRET, retry_s=10.0, retry_most_s=5.0
    )


def test_only_one_name_is_taken_and_the_urls_of_requests_need_no_secret(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="stands for the URLs of requests"):
        webhook(name="notify_url")
    notify = Notify(hosts=["crm.example:8443"])
    assert (notify.hosts, notify.secret.get_secret_value(), Notify().hosts) == (
        ["crm.example:8443"],
        "",
        [],
    )
    with pytest.raises(ValidationError, match="at least 16 characters"):
        Notify(secret=SecretStr("short"))


def test_a_webhooks_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    found = webhook(secret="", secret_file=str(file))
    assert found.secret.get_secret_value() == SECRET
    assert "give one" in refused_values(
        Webhook, name="a", url="http://x", secret=SECRET, secret_file=str(file)
    )


def test_a_request_may_name_only_urls_of_the_hosts_given() -> None:
    notify = Notify(hosts=["crm.example", "crm.example:8443"])
    assert notify.permits("https://crm.example/a") and notify.permits("https://crm.example:8443/a")
    for other in (
        "https://crm.example:9000/a",
        "https://else.example/a",
        "crm.example",
        "http://[",
    ):
        assert not notify.permits(other), other
