from tests.support.run_order import LONGEST, in_order


def test_those_that_wait_alternate_with_the_others_and_none_is_left_at_the_end() -> None:
    waiting = [f"w{number}" for number in range(4)]
    computing = [f"c{number}" for number in range(8)]
    order = in_order(dict.fromkeys([*waiting, *computing], 1), waiting)
    assert order == ["c0", "w0", "c1", "w1", "c2", "c3", "w2", "c4", "c5", "w3", "c6", "c7"]


def test_long_files_come_first_and_then_those_of_many_tests() -> None:
    tests_of = {"few.py": 2, "many.py": 9, LONGEST[1]: 1, LONGEST[0]: 1}
    assert in_order(tests_of, tests_of) == [LONGEST[0], LONGEST[1], "many.py", "few.py"]


def test_the_long_files_are_there() -> None:
    from tests.conftest import ROOT

    assert [name for name in LONGEST if not (ROOT / name).is_file()] == []
