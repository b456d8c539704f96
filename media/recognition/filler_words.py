"""Words that stand for whatever else somebody may say: common, and of all the sounds of English."""

from typing import Final

_WORDS: Final = """
    hello sorry what please thanks okay well maybe never always something nothing because
    about again after before people person today monday morning evening night number name
    address street house money order question problem help water bottle window garden music
    computer internet mobile letter letters picture paper summer winter weather mother
    father brother sister children school office doctor hospital friend animal chicken
    butter potato coffee wonderful difficult important different beautiful
"""
FILLER_WORDS: Final = tuple(_WORDS.split())
