"""Topics as clients name them.

A client says ``me`` and ``support``; behind them stand the entities of its own person and event.
All other topics are named after their entity.
"""

from actors.rules.base import Person


def spoken(topic: str) -> str:
    """Return a topic's name on the wire."""
    if topic.startswith("person/"):
        return "me"
    if topic.startswith("support/"):
        return "support"
    return topic


def meant(name: str, person: Person) -> str:
    """Return the topic that ``person`` means by a name on the wire."""
    if name == "me":
        return f"person/{person.event}.{person.id}"
    if name == "support":
        return f"support/{person.event}"
    return name
