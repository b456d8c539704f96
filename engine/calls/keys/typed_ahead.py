"""Keys that a party presses between two gatherings: they count for the next one.

Who knows a menu types ahead of its prompts. What one gathering does not use is for the next, and
whoever has pressed a key hears no more of a prompt that asks for it.
"""

from typing import Final

from ..legs.pressed_keys import KeyTaker

MOST_KEPT: Final = 64


class TypedAhead(KeyTaker):
    """The keys of one party. With `is_secret` nobody else may know which they are."""

    is_alone = False

    def __init__(self, *, is_secret: bool) -> None:
        self.hides_keys = is_secret
        self._keys = ""
        self._terminator = ""

    @property
    def is_secret(self) -> bool:
        """See KeyTaker."""
        return self.hides_keys

    def press(self, digit: str) -> None:
        """See KeyTaker."""
        late, self._terminator = self._terminator, ""
        if digit not in late and len(self._keys) < MOST_KEPT:
            self._keys += digit

    def take_all(self) -> str:
        """The keys so far, which are given to a gathering."""
        keys, self._keys = self._keys, ""
        self._terminator = ""
        return keys

    def put_back(self, keys: str, terminator: str = "") -> None:
        """A gathering is over, and has not used these keys.

        One of `terminator` that comes next, where all its digits had come, belongs to it still.
        """
        self._terminator = terminator
        if keys and keys[0] in terminator:
            keys, self._terminator = keys[1:], ""
        self._keys = (keys + self._keys)[:MOST_KEPT]

    def forget(self) -> None:
        """What was typed is for nothing any more."""
        self._keys = self._terminator = ""
