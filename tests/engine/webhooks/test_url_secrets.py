import pytest

from config.urls import without_secrets
from engine.webhooks.url_secrets import UrlSecrets

URL = "https://user:hunter2@crm.example:8443/hook?token=s3cret%20one&k=other+value&n=1"


@pytest.mark.parametrize(
    "text",
    [
        URL,
        "no token=s3cret%20one&k=other+value&n=1 here",
        "unknown token s3cret one",
        "unknown value other value",
        "password hunter2",
        "Basic dXNlcjpodW50ZXIy",
    ],
)
def test_a_secret_is_hidden_in_every_form(text: str) -> None:
    seen = UrlSecrets(URL).hide(text)
    for secret in ("s3cret", "other", "hunter2", "dXNlcjpodW50ZXIy"):
        assert secret not in seen


def test_words_without_a_secret_stay() -> None:
    text = "Cannot connect to host crm.example:8443, attempt 1"
    assert UrlSecrets(URL).hide(text) == text
    assert UrlSecrets("http://crm.example/hook").hide(text) == text
    assert without_secrets(URL) == "https://crm.example:8443/hook"
