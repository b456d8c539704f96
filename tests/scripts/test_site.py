"""`make site` as a user runs it: a page, the gateway behind it, and a clean end."""

import importlib.util
import json
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from engine.doctor.visitors import visitor_findings
from scripts.demo_stage import ROOT
from scripts.site import CONFIGURATION, TOKEN
from tests.support.configuration import load_text


def fetched(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as reply:
        text: str = reply.read().decode()
        return text


def test_it_lacks_nothing_that_protects_those_who_are_called(tmp_path: Path) -> None:
    ports = {"sip_port": 5060, "websocket_port": 5062, "gateway_port": 8080, "page_port": 8000}
    addresses = {"customer": "sip:192.0.2.1", "agent": "sip:alice@192.0.2.2"}
    text = CONFIGURATION.format(directory=tmp_path, token=TOKEN, **ports, **addresses)
    findings = visitor_findings(load_text(tmp_path, text))
    assert [one.about for one in findings if one.level == "warning"] == []


def test_the_page_is_there_with_its_gateway() -> None:
    if importlib.util.find_spec("pjsua2") is None:
        pytest.skip("pjsua2 is not installed (pip install 'ringback[demo]')")
    process = subprocess.Popen(
        [sys.executable, "-m", "scripts.site"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        page = re.search(r"http://\S+", process.stdout.readline())
        assert page is not None
        snippet = re.search(r'src="(http://[^"]+)"', fetched(page[0]))
        assert snippet is not None
        assert "data-site" in fetched(snippet[1])
        gateway = snippet[1].rpartition("/")[0]
        found = json.loads(fetched(f"{gateway}/v1/sites/demo-site/availability"))
        assert found["open"] and found["speak"]
        own = fetched(f"{page[0]}own")
        assert 'data-button="#call"' in own and 'id="call"' in own
        written = "".join(process.stdout.readline() for _ in range(4))
        phone = re.search(r"(http://\S+/phone)\n.*token: +(\S+)\n", written)
        assert phone is not None
        assert "phone.js" in fetched(phone[1])
        assert phone[2] in fetched(page[0])
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
