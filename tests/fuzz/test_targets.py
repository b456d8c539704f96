"""Every input of the corpus, and some damage done to it, for every parser; findings stay there."""

import random
from itertools import islice
from pathlib import Path

import pytest

from scripts.fuzz.mutate import inputs
from scripts.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
# Speech and sound have processes behind them: their corpus alone is enough here.
SLOW = {"speech", "sound"}
DAMAGED_INPUTS = 300


@pytest.mark.parametrize("name", TARGETS)
def test_no_input_is_a_finding(name: str) -> None:
    corpus = [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]
    assert corpus
    more = 0 if name in SLOW else DAMAGED_INPUTS
    for data in islice(inputs(corpus, random.Random(name)), len(corpus) + more):
        TARGETS[name](data)


def test_there_is_a_corpus_for_each_target_and_no_other() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)
