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


def resumable(topic: str) -> bool:
    """Return whether clients come back to a topic by what the fan-out remembers of it.

    What somebody missed of their own is read from the journal: it is little, and there are as many
    such topics as people.
    """
    return not topic.startswith("person/")


def meant(name: str, person: Person) -> str:
    """Return the topic that ``person`` means by a name on the wire."""
    if name == "me":
        return f"person/{person.event}.{person.id}"
    if name == "support":
        return f"support/{person.event}"
    return name
