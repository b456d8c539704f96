"""Random numbers from blocks: in range, spread out, and never the same twice."""

import pytest

from sip.random_ids import _BLOCK_BYTES, BlockRandom


@pytest.mark.parametrize("bits", [0, 1, 7, 8, 9, 64, 80, 128])
def test_numbers_have_the_bits_asked_for(bits: int) -> None:
    rng = BlockRandom()
    numbers = [rng.getrandbits(bits) for _ in range(2000)]
    assert all(0 <= number < 2**bits for number in numbers)
    if bits:
        assert max(numbers) >= 2 ** (bits - 1)


def test_no_number_comes_again_across_blocks() -> None:
    rng = BlockRandom()
    count = 10 * _BLOCK_BYTES // 10
    assert len({rng.getrandbits(80) for _ in range(count)}) == count


def test_more_than_a_block_at_once() -> None:
    rng = BlockRandom()
    assert len(rng.randbytes(3 * _BLOCK_BYTES + 1)) == 3 * _BLOCK_BYTES + 1
    assert len(rng.randbytes(5)) == 5


def test_fractions_and_choices() -> None:
    rng = BlockRandom()
    fractions = [rng.random() for _ in range(5000)]
    assert 0 <= min(fractions) < 0.01
    assert 0.99 < max(fractions) < 1
    assert {rng.randint(1, 6) for _ in range(500)} == {1, 2, 3, 4, 5, 6}


def test_negative_bits_are_refused() -> None:
    with pytest.raises(ValueError, match="non-negative"):
        BlockRandom().getrandbits(-1)
