"""What a text is read as before anything is dialled, and what is refused however it is spelled."""

import pytest

from config.numbering import Numbering
from config.policy import Destinations
from config.sections import TRUNK_USERS as USERS
from engine.routing.numbers.number_plan import NumberPlan
from engine.routing.numbers.reading import NotDialable
from sip.message.uri import SipUri, parse_uri


def uri(user: str) -> SipUri:
    found = parse_uri(f"sip:{user}@pbx.example")
    assert isinstance(found, SipUri)
    return found


@pytest.mark.parametrize(
    ("region", "text"),
    [
        *[("GB", text) for text in ("112", "999", "9 9 9", "(999)", "112 ", "0112", "tel:112")],
        *[("GB", text) for text in ("1-1-2", "1.1.2", "1/1/2", "11\u200b2", "+44112", "9112")],
        ("GB", "0049112"),
        *[("GB", text) for text in ("\u0661\u0661\u0662", "\uff11\uff11\uff12", "+49 112")],
        *[("DE", text) for text in ("112", "110", "1 1 0", "+49 112", "+49 (0)110")],
        *[("AT", text) for text in ("112", "133", "122", "+43133")],
        *[("US", text) for text in ("911", "9-1-1", "9911", "+1 911", "tel:911;phone-context=+1")],
    ],
)  # fmt: skip
def test_emergency_numbers_are_refused_in_every_spelling(region: str, text: str) -> None:
    with pytest.raises(NotDialable) as refused:
        NumberPlan(region).read(text)
    assert refused.value.data == {"policy": "destination", "emergency": True}


@pytest.mark.parametrize(
    "user",
    [
        "112",
        "%31%31%32",
        "112;phone-context=+44",
        "+44112",
        "*112",
        "9112",
        "1-1-2",
        "112#",
        "*31*112",
        "#31#112",
    ],
)
@pytest.mark.parametrize("trunk", ["pbx", ""])
def test_emergency_numbers_are_refused_in_the_user_part_of_a_uri(user: str, trunk: str) -> None:
    with pytest.raises(NotDialable) as refused:
        NumberPlan("GB").read_user(uri(user.replace("#", "%23")), trunk=trunk, users=USERS)
    assert refused.value.data["emergency"]


def test_emergency_numbers_are_read_where_they_are_allowed() -> None:
    plan = NumberPlan("GB", Numbering(short_codes=["999"]), Destinations(emergency=True))
    assert plan.read("999").kind == "short_code"


@pytest.mark.parametrize(
    ("region", "text"),
    [
        ("GB", "7946 0123"), ("GB", "1001"), ("GB", "2001"), ("GB", "12345"),
        ("GB", "(212) 555-0123"), ("GB", "118118"), ("US", "555-0199"), ("US", "(212) 555-0199"),
        ("FR", "1001"),
        ("DE", "1001"), ("AU", "9999 0123"), ("BR", "99999-1234"), ("GB", "+44118118"),
    ],
)  # fmt: skip
def test_fragments_and_extensions_are_no_numbers_of_the_country(region: str, text: str) -> None:
    with pytest.raises(NotDialable):
        NumberPlan(region).read(text)


@pytest.mark.parametrize(
    ("region", "text", "e164"),
    [
        ("GB", "020 7946 0123", "+442079460123"),
        ("GB", "+44 (0)20 7946 0123", "+442079460123"),
        ("US", "(212) 736-5000", "+12127365000"),
        ("DE", "030 123456", "+4930123456"),
        ("GB", "07700 900123", "+447700900123"),
    ],
)
def test_valid_numbers_are_read_in_full(region: str, text: str, e164: str) -> None:
    reading = NumberPlan(region).read(text)
    assert (reading.kind, reading.digits) == ("number", e164)


def test_a_request_may_be_written_in_another_country() -> None:
    assert NumberPlan("GB").read("030 123456", "DE").digits == "+4930123456"


def test_exceptions_by_prefix_and_the_switch_let_possible_numbers_pass() -> None:
    some = NumberPlan("GB", Numbering(valid_except=["+4479"]))
    assert some.read("7946 0123").digits == "+4479460123"
    every = NumberPlan("GB", Numbering(valid_only=False))
    assert every.read("1001").digits == "+441001"


@pytest.mark.parametrize(
    ("text", "line_type"),
    [
        ("+44 906 123456", "premium_rate"),
        ("+44 906 1234", "premium_rate"),
        ("+49 900 1234567 89", "premium_rate"),
        ("+49 900 123456", "premium_rate"),
        ("+49 180 12", "shared_cost"),
        ("+44 7700 900123", "unknown"),
        ("1001", "unknown"),
    ],
)
def test_a_number_with_digits_too_few_or_too_many_is_as_costly_as_the_right_one(
    text: str, line_type: str
) -> None:
    plan = NumberPlan("GB", Numbering(valid_only=False))
    number = plan.read(text).number
    assert number is not None
    assert number.line_type == line_type
    if line_type == "unknown":
        plan.check_destination(number)
    else:
        with pytest.raises(NotDialable) as refused:
            plan.check_destination(number)
        assert refused.value.data["line_type"] == line_type


@pytest.mark.parametrize("user", ["+44906123456", "0906123456"])
@pytest.mark.parametrize("trunk", ["pbx", ""])
def test_a_costly_number_that_lacks_a_digit_is_known_in_a_uri(user: str, trunk: str) -> None:
    plan = NumberPlan("GB", Numbering(valid_only=False))
    number = plan.read_user(uri(user), trunk=trunk, users=USERS).number
    assert number is not None
    assert number.line_type == "premium_rate"


def test_a_number_with_digits_too_many_for_its_country_is_none() -> None:
    with pytest.raises(NotDialable):
        NumberPlan("GB", Numbering(valid_only=False)).read("+44 906 12345678 9")


def test_extensions_belong_to_the_trunks_that_have_them() -> None:
    plan = NumberPlan("GB", Numbering(extension=r"[1-7]\d{3}", extension_trunks=["pbx"]))
    reading = plan.read("2001")
    assert (reading.kind, reading.digits, reading.trunks) == ("extension", "2001", ("pbx",))
    assert plan.is_extension("2001") and not plan.is_extension("8001")
    assert plan.read("020 7946 0123").kind == "number"


def test_short_codes_are_those_configured_and_have_a_line_type() -> None:
    reading = NumberPlan("GB", Numbering(short_codes=["118118"])).read("118 118")
    assert (reading.kind, reading.digits) == ("short_code", "118118")
    assert reading.number is not None and reading.number.line_type == "short_code"


@pytest.mark.parametrize(
    "user",
    ["09061234567x", "*09061234567", "09061234567%23", "0906'1234567", "09061234567&1",
     "0+9061234567", "0906!1234567", "+44906123456x", "906%201234567x"],
)  # fmt: skip
def test_a_user_part_at_a_trunk_is_a_number_or_refused(user: str) -> None:
    with pytest.raises(NotDialable):
        NumberPlan("GB").read_user(uri(user), trunk="pbx", users=USERS)


@pytest.mark.parametrize(
    "user",
    ["09061234567x", "*09061234567", "09061234567%23", "0906'1234567", "09061234567&1",
     "909061234567", "00449061234567x", "011449061234567"],
)  # fmt: skip
def test_a_number_hidden_in_a_persons_name_is_found(user: str) -> None:
    reading = NumberPlan("GB").read_user(uri(user))
    assert reading.number is not None and reading.number.e164 == "+449061234567"


@pytest.mark.parametrize(
    "user",
    ["x9112", "a0112", "w9_112", "9112x1", "a112ext1", "x999x1", "*31%23999", "*31%23%2b112",
     "%2399+112x", "tel%3A9=99", "9%3112W", "0P112"],
)  # fmt: skip
@pytest.mark.parametrize("trunk", ["pbx", ""])
def test_no_emergency_number_hides_beside_other_characters(user: str, trunk: str) -> None:
    plan = NumberPlan("GB")
    with pytest.raises(NotDialable):
        plan.check_name(uri(user))
        plan.read_user(uri(user), trunk=trunk, users=USERS)


@pytest.mark.parametrize("user", ["118118x1", "%23118118*67", "118118,1", "++118118"])
def test_no_public_short_number_hides_beside_other_characters(user: str) -> None:
    with pytest.raises(NotDialable, match="public short number"):
        NumberPlan("GB").read_user(uri(user))


@pytest.mark.parametrize(
    "user",
    ["++19002345678", "+,19002345678", "*31%23001900%2c2345678x", "+900+1900(234-5678",
     "*31%23001900&234&5678"],
)  # fmt: skip
def test_a_number_behind_a_service_code_is_found(user: str) -> None:
    reading = NumberPlan("GB").read_user(uri(user))
    assert "+19002345678" in {number.e164 for number in reading.numbers}


@pytest.mark.parametrize("user", ["%ff112", "bob%ff", "bob%0d%0aX", "bob%00"])
@pytest.mark.parametrize("trunk", ["pbx", ""])
def test_a_user_part_that_cannot_be_printed_is_refused(user: str, trunk: str) -> None:
    with pytest.raises(NotDialable, match="printed"):
        NumberPlan("GB").read_user(uri(user), trunk=trunk, users=USERS)


def test_digits_in_very_many_places_are_not_searched() -> None:
    with pytest.raises(NotDialable, match="too many places"):
        NumberPlan("GB").read_user(uri("0&9" * 100))


@pytest.mark.parametrize(
    "user",
    ["alice", "bob42", "a7.answer-20.bye-5000", "1001", "desk-3b112c", "tim.999.smith",
     "3f2b8c1e-112d-4a5b-9c8d-0e1f2a3b4c5d", "*97"],
)  # fmt: skip
def test_persons_at_a_host_have_no_number(user: str) -> None:
    NumberPlan("GB").check_name(uri(user))
    reading = NumberPlan("GB").read_user(uri(user))
    assert (reading.kind, reading.number) == ("person", None)


def test_digits_behind_an_outside_line_are_known_as_the_number_they_reach() -> None:
    plan = NumberPlan("GB", route_prefixes=["9"])
    reading = plan.read("909061234567")
    assert reading.kind == "extension"
    assert reading.number is not None and reading.number.line_type == "premium_rate"
    assert plan.read("9001").number is None


def test_a_short_number_at_a_trunk_is_an_extension_of_it() -> None:
    plan = NumberPlan("GB")
    reading = plan.read_user(uri("1001"), trunk="pbx", users=USERS)
    assert (reading.kind, reading.digits, reading.trunks) == ("extension", "1001", ("pbx",))
    assert plan.read_user(uri("alice"), trunk="pbx", users=USERS).kind == "person"
    with pytest.raises(NotDialable):
        plan.read_user(uri("118118"), trunk="pbx", users=USERS)
    with pytest.raises(NotDialable):
        plan.read_user(uri("1001"), trunk="pbx", users="[a-z]+")


def test_destinations_hold_for_numbers_and_line_types() -> None:
    plan = NumberPlan("GB", destinations=Destinations(allow=["+44"], refuse=["+4420"]))
    for text, policy in [("+12027365000", "destination"), ("020 7946 0123", "destination")]:
        number = plan.read(text).number
        assert number is not None
        with pytest.raises(NotDialable) as refused:
            plan.check_destination(number)
        assert refused.value.data["policy"] == policy
    premium = plan.read("0906 123 4567").number
    assert premium is not None
    with pytest.raises(NotDialable) as refused:
        plan.check_destination(premium)
    assert refused.value.data == {"policy": "line_type", "line_type": "premium_rate"}


@pytest.mark.parametrize(
    ("region", "text"),
    [("GB", "nobody"), ("GB", "020 7946"), ("DE", "2345678"), ("FR", "90999999")],
)
def test_what_is_no_number_is_refused_as_such(region: str, text: str) -> None:
    with pytest.raises(NotDialable) as refused:
        NumberPlan(region, route_prefixes=["9"]).read(text)
    assert refused.value.naming("to").data == {"reason": "no_number"}


@pytest.mark.parametrize("user", ["x02079460123", "a3201", "x118118"])
def test_a_name_at_a_trunk_hides_no_number(user: str) -> None:
    with pytest.raises(NotDialable, match="among letters"):
        NumberPlan("FR").read_user(uri(user), trunk="pbx", users=USERS)


@pytest.mark.parametrize(
    ("text", "line_type"), [("118118", "short_code"), ("0118118", "short_code"), ("9118118", None)]
)
def test_public_short_numbers_are_refused_with_their_line_type(
    text: str, line_type: str | None
) -> None:
    plan = NumberPlan("GB", route_prefixes=["0", "1", "9"])
    with pytest.raises(NotDialable) as refused:
        plan.read(text)
    assert refused.value.data == {"line_type": line_type or "short_code"}


def test_a_premium_short_number_is_refused_by_its_line_type() -> None:
    for text in ("3201", "118218"):
        with pytest.raises(NotDialable) as refused:
            NumberPlan("FR", route_prefixes=["1", "3"]).read(text)
        assert refused.value.data == {"policy": "line_type", "line_type": "premium_rate"}
    plan = NumberPlan("FR", Numbering(extension=r"3\d{3}"))
    assert plan.read("3201").kind == "extension"


@pytest.mark.parametrize(
    ("user", "hidden"),
    [
        ("909061234567", "+449061234567"),  # behind an outside line
        ("0009061234567", "+449061234567"),  # behind zeros
        ("090612345675", "+449061234567"),  # an exchange does not wait for the last digit
        ("%2530%2539061234567", "+449061234567"),  # escaped twice
    ],
)
def test_every_number_that_digits_could_reach_is_known(user: str, hidden: str) -> None:
    reading = NumberPlan("GB").read_user(uri(user))
    assert hidden in {number.e164 for number in reading.numbers}


def test_digits_that_are_sent_as_they_stand_may_be_another_number_behind_an_outside_line() -> None:
    plan = NumberPlan("IN")
    reading = plan.read_user(uri("918601234567"), trunk="pbx", users=USERS)
    found = [(number.e164, number.line_type) for number in reading.numbers]
    assert found == [("+918601234567", "mobile"), ("+9118601234567", "shared_cost")]
    in_full = plan.read_user(uri("+918601234567"), trunk="pbx", users=USERS)
    assert [number.e164 for number in in_full.numbers] == ["+918601234567"]


def test_many_digits_of_a_route_reach_a_number_or_nobody() -> None:
    plan = NumberPlan("AU", route_prefixes=["9"])
    assert plan.read("9001").kind == "extension"
    assert plan.read("90299990123").number is not None
    with pytest.raises(NotDialable, match="no valid number"):
        plan.read("99990123")


def test_a_number_without_area_code_is_a_fragment_where_its_length_does_not_tell() -> None:
    plan = NumberPlan("DE")
    with pytest.raises(NotDialable, match="may lack its area code"):
        plan.read("2345678")
    assert plan.read("0234 5678").digits == "+492345678"
    assert plan.read("170 1234567").digits == "+491701234567"
    assert plan.number_of("2345678") is not None, (
        "a trunk that says who calls writes the whole of it"
    )


@pytest.mark.parametrize(
    ("user", "what"),
    [("+442079460123;rn=+441632960001", "rn="), ("2001;ext=5", "ext=5"), ("alice:112", "password")],
)
def test_what_could_change_who_is_dialled_is_refused(user: str, what: str) -> None:
    for trunk in ("", "pbx"):
        with pytest.raises(NotDialable, match="could change who is dialled") as refused:
            NumberPlan("GB").read_user(uri(user), trunk=trunk, users=USERS)
        assert what in refused.value.reason


def test_extensions_that_are_emergency_numbers_elsewhere_are_said_to_be_extensions() -> None:
    plan = NumberPlan("GB", Numbering(extension=r"1\d{2,3}", extension_trunks=["pbx"]))
    for text in ("110", "101", "1123"):
        assert plan.read(text).kind == "extension"
        assert plan.read_user(uri(text), trunk="pbx", users=USERS).kind == "extension"
        with pytest.raises(NotDialable):
            plan.read_user(uri(text), trunk="other", users=USERS)
    with pytest.raises(NotDialable):
        plan.read("112")


@pytest.mark.parametrize("user", ["a112", "desk911", "room-999"])
def test_the_phone_of_an_agent_may_be_named_with_the_digits_of_an_emergency_number(
    user: str,
) -> None:
    uri = parse_uri(f"sip:{user}@192.0.2.7")
    assert isinstance(uri, SipUri)
    plan = NumberPlan("GB", Numbering(), Destinations())
    assert plan.read_user(uri).kind == "person"


def test_a_name_with_an_emergency_number_is_refused_unless_these_are_allowed() -> None:
    for user in ("a112", "c911", "ab999"):
        with pytest.raises(NotDialable) as refused:
            NumberPlan("GB").check_name(uri(user))
        assert refused.value.data == {"policy": "destination", "emergency": True}
        NumberPlan("GB", destinations=Destinations(emergency=True)).check_name(uri(user))
    NumberPlan("GB").check_name(uri("alice7"))
