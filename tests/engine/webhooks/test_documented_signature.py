"""The examples of docs/webhooks.md check signatures as the engine makes them."""

import base64
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.webhooks.signature import key_of, sign

PAGE = Path(__file__).parents[3] / "docs" / "webhooks.md"
BODY = '{"type":"callback.completed","text":"é"}'.encode()
ENDS = {
    "python": ("python3", ["-c"], """
import base64, json, sys
for secret, headers, body in json.load(sys.stdin):
    print(int(is_genuine(secret, headers, base64.b64decode(body))))
"""),
    "javascript": ("node", ["-e"], """
for (const [secret, headers, body] of JSON.parse(require("fs").readFileSync(0)))
  console.log(isGenuine(secret, headers, Buffer.from(body, "base64")) ? 1 : 0);
"""),
    "php": ("php", ["-r"], """
foreach (json_decode(file_get_contents('php://stdin'), true) as [$secret, $headers, $body])
    echo is_genuine($secret, $headers, base64_decode($body)) ? "1\\n" : "0\\n";
"""),
}  # fmt: skip


def cases() -> list[tuple[str, dict[str, str], bytes, bool]]:
    """Secret, headers and body of deliveries, and whether each is genuine."""
    now = int(time.time())
    found = []
    for secret in ("a secret of some length", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"):
        for timestamp, is_right in ((now, True), (now - 290, True), (now - 400, False)):
            headers = {
                "webhook-id": "6091ae72c6788c41-412",
                "webhook-timestamp": str(timestamp),
                "webhook-signature": sign(key_of(secret), "6091ae72c6788c41-412", timestamp, BODY),
            }
            found.append((secret, headers, BODY, is_right))
        headers = found[-3][1]
        several = headers | {"webhook-signature": f"v1,AAAA {headers['webhook-signature']}"}
        found += [
            (secret, several, BODY, True),
            (secret, headers, BODY + b" ", False),
            (secret[:8] + "zz" + secret[10:], headers, BODY, False),
            (secret, headers | {"webhook-id": "another"}, BODY, False),
            (secret, headers | {"webhook-timestamp": "soon"}, BODY, False),
            (secret, headers | {"webhook-signature": ""}, BODY, False),
            (secret, {}, BODY, False),
        ]
    return found


@pytest.mark.parametrize("language", ENDS)
def test_an_example_knows_genuine_deliveries_from_others(language: str) -> None:
    name, options, end = ENDS[language]
    program = sys.executable if language == "python" else shutil.which(name)
    if program is None:
        pytest.skip(f"{name} is not installed")
    (example,) = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    given = cases()
    asked = [
        (secret, headers, base64.b64encode(body).decode()) for secret, headers, body, _ in given
    ]
    done = subprocess.run(
        [program, *options, example + end],
        input=json.dumps(asked).encode(), capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stderr == b""
    assert done.stdout.split() == [b"%d" % is_right for *_, is_right in given]
