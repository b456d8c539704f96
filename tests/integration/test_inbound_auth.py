"""Trunks that show a password when they call: PJSIP and SIPp answer our challenges."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.engines.process import EngineClient, StartEngine
from tests.support.phones.real.sipp import Sipp
from tests.support.phones.real.softphone import StartPhone
from tests.support.ports import free_port

SHOP = "+442079460000"
USER, PASSWORD = "carrier", "carrier-secret"


def settings(*, port: int | None = None, **digest: Any) -> dict[str, Any]:
    """One trunk that shows a password: at a port of ours, or at an address that nobody has."""
    uri = "sip:192.0.2.77" if port is None else f"sip:127.0.0.1:{port}"
    auth = {"username": USER, "password": PASSWORD}
    return {
        "sip": {"digest": digest},
        "dial": {"allow_hosts": []},
        "trunks": [{"name": "carrier", "uri": uri, "inbound_auth": auth}],
        "inbound": [{"name": "shop", "number": SHOP, "queue": "sales"}],
        "queues": [{"name": "sales"}],
    }


async def event(engine: EngineClient, kind: str, nth: int = 1) -> dict[str, Any]:
    """The nth event of this type."""
    return await engine.line.events.wait_for(lambda one: one["type"] == kind, nth=nth)


async def counted(engine: EngineClient) -> dict[str, int]:
    """What the engine has counted of unknown sources."""
    return dict((await engine.line.call("engine.status"))["inbound"])


@pytest.mark.parametrize("is_at_its_address", [True, False])
async def test_pjsip_calls_with_its_password(
    own_engine: StartEngine, softphone: StartPhone, is_at_its_address: bool
) -> None:
    engine = await own_engine(**settings(port=free_port() if is_at_its_address else None))
    phone = await softphone(user="+442079461111", username=USER, password=PASSWORD)
    for nth in (1, 2):
        phone.command(f"call sip:{SHOP}@127.0.0.1:{engine.process.sip_port}")
        incoming = await event(engine, "call.incoming", nth)
        assert (incoming["trunk"], incoming["from"]) == ("carrier", "+442079461111")
        await event(engine, "call.answered", nth)
        phone.command("hangup")
        await event(engine, "call.ended", nth)
    inbound = await counted(engine)
    assert inbound["strangers_challenged"] >= 1 and inbound["strangers_refused"] == 0
    await phone.stop()


@pytest.mark.parametrize(("user", "password"), [(USER, "wrong"), ("nobody", PASSWORD)])
async def test_pjsip_with_another_password_or_user_does_not_get_in(
    own_engine: StartEngine, softphone: StartPhone, user: str, password: str
) -> None:
    engine = await own_engine(**settings())
    phone = await softphone(user="+442079461111", username=user, password=password)
    phone.command(f"call sip:{SHOP}@127.0.0.1:{engine.process.sip_port}")
    over = await phone.wait_for("state", state="disconnected")
    assert over["status"] == 401
    assert (await counted(engine))["strangers_refused"] >= 1
    assert (await engine.line.call("call.list"))["calls"] == []
    await phone.stop()


async def test_sipp_calls_with_its_password_and_md5(
    own_engine: StartEngine, tmp_path: Path
) -> None:
    engine = await own_engine(**settings(algorithms=["MD5", "SHA-256"]))
    keys = {"dialled": SHOP, "user": USER, "password": PASSWORD, "status": "200"}
    sipp = await Sipp.start(
        "call_with_password", tmp_path, keys=keys, target=f"127.0.0.1:{engine.process.sip_port}"
    )
    assert (await event(engine, "call.incoming"))["trunk"] == "carrier"
    await sipp.finished()


async def test_sipp_with_another_password_is_asked_again(
    own_engine: StartEngine, tmp_path: Path
) -> None:
    engine = await own_engine(**settings(algorithms=["MD5", "SHA-256"]))
    keys = {"dialled": SHOP, "user": USER, "password": "guess", "status": "401"}
    sipp = await Sipp.start(
        "call_with_password", tmp_path, keys=keys, target=f"127.0.0.1:{engine.process.sip_port}"
    )
    await sipp.finished()
    first, second = (one.text for one in sipp.messages() if one.what == "401")
    assert "stale" not in first and "stale" not in second
    assert (await counted(engine))["strangers_refused"] == 1
