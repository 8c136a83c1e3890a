"""Things kept in order, so that a page of them costs no sorting."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator

Key = tuple[int, int | str, str]
"""What orders: a group, then a rank or a name, then the id."""


class Ordered:
    """Ids in the order of their keys.

    Putting and removing cost a binary search and a shift of pointers.
    """

    def __init__(self) -> None:
        self._keys: list[Key] = []
        self._of: dict[str, Key] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return (key[2] for key in self._keys)

    def put(self, key: Key) -> None:
        """Put an id, the key's last part, in its place; one that was elsewhere moves."""
        id_ = key[2]
        if self._of.get(id_) == key:
            return
        self.remove(id_)
        insort(self._keys, key)
        self._of[id_] = key

    def remove(self, id_: str) -> None:
        """Take an id out, if it is in."""
        key = self._of.pop(id_, None)
        if key is not None:
            del self._keys[bisect_left(self._keys, key)]

    def after(self, key: Key | None) -> Iterator[Key]:
        """Yield the keys behind a key, which itself need not be there; all of them for None."""
        start = 0 if key is None else bisect_right(self._keys, key)
        for index in range(start, len(self._keys)):
            yield self._keys[index]
