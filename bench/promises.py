"""Whether what must hold did hold: the one thing in a result that is no matter of degree."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def wrong(records: Sequence[Any]) -> Iterator[str]:
    """Say of each record that failed why, and of each with broken promises how many.

    :param records: of the type of :class:`bench.results.Record`.
    """
    for record in records:
        number = sum(map(broken, record.runs))
        if record.failed:
            yield f"{record.bench}: {record.failed}"
        elif number:
            yield f"{record.bench}: {number} broken promise{'s' * (number > 1)}"


def broken(result: Mapping[str, Any]) -> int:
    """Return how many promises were broken, by ``broken`` anywhere in a bench's result.

    It is a list of sentences, or a number.
    """
    total = 0
    for key, value in result.items():
        if isinstance(value, Mapping):
            total += broken(value)
        elif key == "broken":
            total += value if isinstance(value, int) else len(value)
    return total
