from media.codec.codec import CodecError


def test_an_error_has_its_reason() -> None:
    error = CodecError("the payload is no Opus")
    assert error.reason == str(error) == "the payload is no Opus"
