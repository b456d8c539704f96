"""[trace]: what is taken and what is said of the rest."""

from pathlib import Path

from config.tracing import Trace
from tests.support.configuration import refused_values


def test_calls_are_traced_and_no_collector_is_told_unless_the_configuration_says_so() -> None:
    assert (Trace().keep_calls, Trace().keep_mib, Trace().hep) == (2_000, 32.0, "")
    assert Trace(keep_calls=0).keep_calls == 0


def test_bounds_and_the_address_of_the_collector_are_checked() -> None:
    assert Trace(hep="192.0.2.1:9060").hep == "192.0.2.1:9060"
    assert Trace(hep="[2001:db8::1]:9060").hep == "[2001:db8::1]:9060"
    assert "IP address" in refused_values(Trace, hep="homer.example:9060")
    assert "port" in refused_values(Trace, hep="192.0.2.1")
    assert "port" in refused_values(Trace, hep="192.0.2.1:0")
    assert "greater than or equal to 0" in refused_values(Trace, keep_calls=-1)
    assert "greater than or equal to 1" in refused_values(Trace, keep_mib=0.5)
    assert "4294967295" in refused_values(Trace, hep_id=2**32)


def test_the_password_of_the_collector_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hidden\n")
    taken = Trace(hep_password_file=str(tmp_path / "password"))
    assert taken.hep_password.get_secret_value() == "hidden"
    assert "hidden" not in repr(taken)
    both = {"hep_password": "a", "hep_password_file": str(tmp_path / "password")}
    assert "give one" in refused_values(Trace, **both)
