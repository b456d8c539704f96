"""A configuration that fits together, and the faults of one that does not."""

from typing import Any

from config.all_sections import AllSections
from config.checks.settings_checks import faults_of

BASE: dict[str, Any] = {
    "trunks": [{"name": "pbx", "uri": "sip:192.0.2.1"}],
    "routes": [{"prefix": "+", "trunks": ["pbx"]}],
    "agents": [{"name": "alice", "uri": "sip:alice@192.0.2.2", "skills": {"german": 5}}],
    "queues": [{"name": "sales", "agents": ["alice"]}],
}


def faults(**changes: Any) -> list[tuple[str, str]]:
    draft = AllSections(**{**BASE, **changes})
    return [(one.key, one.reason) for one in faults_of(draft)]
