from scripts.load.phones import Address, Call, Phones
from scripts.load.sip_text import SipText, read_sip, sdp_text

MS = 1_000_000
ENGINE = ("127.0.0.1", 5060)


class FakeMedia:
    def __init__(self) -> None:
        self.taken = 0
        self.freed: list[int] = []
        self.talking: set[str] = set()

    def take_phone(self) -> int:
        self.taken += 1
        return self.taken

    def free_phone(self, phone: int) -> None:
        self.freed.append(phone)

    def address(self, phone: int) -> Address:
        return f"127.1.0.{phone}", 20000

    def talk(self, call: Call) -> None:
        self.talking.add(call.invite.call_id)

    def hush(self, call: Call) -> None:
        self.talking.discard(call.invite.call_id)


class Engine:
    """Sends requests to phones and reads what they say, at a time of its own."""

    def __init__(self) -> None:
        self.media = FakeMedia()
        self.phones = Phones("127.0.0.1:5090", self.media)
        self.now_ns = 0

    def say(self, method: str, user: str, call_id: str = "c", tag: str = "") -> list[str]:
        number = 1 if method in ("INVITE", "ACK", "CANCEL") else 2
        cseq = f"{number} {method}"
        data = (
            f"{method} sip:{user}@127.0.0.1:5090 SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK{call_id}{number}\r\n"
            f"From: <sip:e@127.0.0.1>;tag=e\r\nTo: <sip:{user}@127.0.0.1>{tag}\r\n"
            f"Call-ID: {call_id}\r\nCSeq: {cseq}\r\nContact: <sip:127.0.0.1:5060>\r\n\r\n"
            f"{sdp_text('127.0.0.1', 10000)}"
        )
        message = read_sip(data.encode())
        assert message is not None
        self.phones.receive(message, ENGINE, self.now_ns, self.now_ns)
        return self.heard()

    def answer(self, status: int, call_id: str = "c") -> None:
        message = read_sip(f"SIP/2.0 {status} X Y\r\nCall-ID: {call_id}\r\n\r\n".encode())
        assert message is not None
        self.phones.receive(message, ENGINE, self.now_ns, self.now_ns)

    def at(self, ms: int) -> list[str]:
        self.now_ns = ms * MS
        self.phones.run_timers(self.now_ns)
        return self.heard()

    def heard(self) -> list[str]:
        found = []
        for data, address in self.phones.output:
            assert address == ENGINE
            if data in self.phones.answering:
                self.phones.agent_answered(data, self.now_ns)
            message = read_sip(data)
            assert message is not None
            found.append(_word(message))
        self.phones.output.clear()
        return found


def _word(message: SipText) -> str:
    if message.method:
        return message.method
    return f"{message.status} {message.headers['cseq'].split()[1]}"


def test_a_phone_rings_answers_talks_and_hangs_up() -> None:
    engine = Engine()
    assert engine.say("INVITE", "a1.answer-20.bye-100") == ["180 INVITE"]
    assert engine.at(19) == []
    assert engine.at(20) == ["200 INVITE"]
    assert engine.media.talking == {"c"}
    assert engine.say("ACK", "a1") == []
    assert engine.at(119) == []
    assert engine.at(120) == ["BYE"]
    assert engine.media.talking == set()
    engine.answer(200)
    assert engine.at(10_000) == []
    assert engine.media.freed == [1]
    assert engine.phones.calls == {}


def test_an_answer_is_repeated_until_it_is_acknowledged() -> None:
    engine = Engine()
    assert engine.say("INVITE", "a1.answer-0") == ["180 INVITE", "200 INVITE"]
    assert engine.at(500) == ["200 INVITE"]
    assert engine.at(1500) == ["200 INVITE"]
    engine.say("ACK", "a1")
    assert engine.at(30_000) == []
    assert engine.phones.counts["sent_again"] == 2


def test_an_invite_sent_again_gets_the_last_answer_again() -> None:
    engine = Engine()
    engine.say("INVITE", "a1.answer-0")
    assert engine.say("INVITE", "a1.answer-0") == ["200 INVITE"]
    assert engine.phones.counts["invite_again"] == 1


def test_a_refusal() -> None:
    engine = Engine()
    assert engine.say("INVITE", "b1.busy") == ["486 INVITE"]
    assert engine.at(500) == ["486 INVITE"]
    engine.say("ACK", "b1")
    assert engine.at(8000) == []
    assert engine.phones.calls == {}


def test_a_call_that_is_cancelled() -> None:
    engine = Engine()
    engine.say("INVITE", "b1.noanswer")
    assert engine.say("CANCEL", "b1.noanswer") == ["200 CANCEL", "487 INVITE"]


def test_a_late_phone_answers_a_call_that_is_being_cancelled() -> None:
    engine = Engine()
    engine.say("INVITE", "b1.late")
    assert engine.say("CANCEL", "b1.late") == ["200 CANCEL", "200 INVITE"]
    engine.say("ACK", "b1.late")
    assert engine.say("BYE", "b1.late") == ["200 BYE"]


def test_a_dead_phone_says_nothing() -> None:
    engine = Engine()
    assert engine.say("INVITE", "a1.silent") == []
    assert engine.at(31_000) == []
    engine.at(60_000)
    engine.at(70_000)
    assert engine.phones.calls == {}


def test_early_media_comes_with_183() -> None:
    engine = Engine()
    engine.say("INVITE", "b1.early-10.answer-30")
    assert engine.at(10) == ["183 INVITE"]
    assert engine.media.talking == {"c"}
    assert engine.at(30) == ["200 INVITE"]


def test_a_bye_for_nobody_is_481() -> None:
    assert Engine().say("BYE", "a1") == ["481 BYE"]


def test_an_unknown_number_is_404() -> None:
    assert Engine().say("INVITE", "alice") == ["404 INVITE"]


def test_a_new_offer_in_a_call_is_answered() -> None:
    engine = Engine()
    engine.say("INVITE", "a1.answer-0")
    engine.say("ACK", "a1")
    assert engine.say("INVITE", "a1.answer-0", tag=";tag=p0") == ["200 INVITE"]
    assert engine.phones.counts["reinvite"] == 1


def test_the_time_from_the_agents_answer_to_the_customers_invite() -> None:
    engine = Engine()
    engine.say("INVITE", "a5.answer-20", "one")
    engine.at(20)
    engine.now_ns += 3 * MS
    engine.say("INVITE", "b5.answer-20", "two")
    assert engine.phones.answer_to_invite_ns == [3 * MS]
