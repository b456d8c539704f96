import numpy as np

from media.sound import l16


def test_a_sample_has_two_bytes_the_higher_one_first() -> None:
    samples = np.array([0x0102, -2, 32767, -32768], np.int16)
    payload = l16.encode(samples)
    assert payload == b"\x01\x02\xff\xfe\x7f\xff\x80\x00"
    assert np.array_equal(l16.decode(payload), samples)


def test_an_odd_byte_is_left_out() -> None:
    assert l16.decode(b"\x01\x02\x03").tolist() == [0x0102]
    assert len(l16.decode(b"\x01")) == 0
