"""[stir]: what it may hold, and what it needs."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from config.settings import ConfigError
from config.stir import Stir
from engine.checks.configuration import load
from tests.support.stir import Carrier, pem_of


def test_it_is_off_by_default() -> None:
    assert Stir().mode == "off"


@pytest.mark.parametrize(
    "given",
    [
        {"mode": "verify"},
        {"mode": "enforce"},
        {"max_age_s": 0.5},
        {"deadline_s": 0.0},
        {"deadline_s": 11.0},
        {"fetch_s": float("nan")},
        {"hosts": ["https://x"]},
        {"hosts": ["a;b"]},
        {"max_signatures_per_s": 0.0},
    ],
)
def test_what_it_may_not_hold(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Stir.model_validate(given)


def written(tmp_path: Path, **keys: str) -> Path:
    lines = [f"{name} = '{value}'" for name, value in {"mode": "verify", **keys}.items()]
    file = tmp_path / "ringback.toml"
    file.write_text("[stir]\n" + "\n".join(lines))
    return file


def test_the_trust_store_is_read_beforehand(tmp_path: Path) -> None:
    trust = tmp_path / "roots.pem"
    with pytest.raises(ConfigError, match=r"stir.trust: .*roots\.pem: No such file"):
        load(written(tmp_path, trust=str(trust)), {})
    trust.write_text("nothing of the kind")
    with pytest.raises(ConfigError, match="holds no certificate in PEM"):
        load(written(tmp_path, trust=str(trust)), {})
    trust.write_bytes(pem_of(Carrier().root))
    assert load(written(tmp_path, trust=str(trust)), {}).stir.mode == "verify"
    with pytest.raises(ConfigError, match=r"stir\.https_ca"):
        load(written(tmp_path, trust=str(trust), https_ca=str(tmp_path / "none")), {})
