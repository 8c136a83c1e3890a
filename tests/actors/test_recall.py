from typing import Any

import pytest

from actors.recall import recall
from actors.rules.chat import History, Search
from tests.actors.world import ANA


def message(number: int, **more: Any) -> dict[str, Any]:
    return {"id": str(number), "text": f"number {number}", "reactions": {}, **more}


class Shelf:
    """An archive of messages 1 to ``count``."""

    def __init__(self, count: int) -> None:
        self.count = count

    async def chat_history(self, topic, before, limit):
        end = self.count + 1 if before is None else int(before)
        return [message(n) for n in range(end - 1, max(0, end - 1 - limit), -1)]

    async def chat_search(self, topic, query, limit):
        return [message(7, reactions={"👍": ["ana", "ben"]})] if query == "seven" else []


def history(**params: Any) -> History:
    return History(by=ANA, topic="session/ux", **params)


async def test_a_page_that_memory_holds_is_left_as_it_is():
    answer = {"messages": [message(8), message(9)], "more": True}
    assert await recall(Shelf(9), history(limit=2), answer) == answer


async def test_rule_21_a_page_goes_on_in_the_archive_where_memory_ends():
    answer = {"messages": [message(8), message(9)], "more": True}
    whole = await recall(Shelf(9), history(limit=5), answer)
    assert [one["id"] for one in whole["messages"]] == ["5", "6", "7", "8", "9"]
    assert whole["more"]


async def test_rule_21_the_last_page_says_that_there_is_no_more():
    whole = await recall(Shelf(9), history(limit=5, before="3"), {"messages": [], "more": True})
    assert [one["id"] for one in whole["messages"]] == ["1", "2"]
    assert not whole["more"]


@pytest.mark.parametrize(("query", "found"), [("seven", ["7"]), ("eight", ["8"])])
async def test_rule_21_a_search_finds_what_the_archive_has_and_else_what_memory_has(query, found):
    command = Search(by=ANA, topic="session/ux", query=query)
    answer = await recall(Shelf(9), command, {"messages": [message(8)]})
    assert [one["id"] for one in answer["messages"]] == found


async def test_who_reacted_is_counted_not_named():
    command = Search(by=ANA, topic="session/ux", query="seven")
    answer = await recall(Shelf(9), command, {"messages": []})
    assert answer["messages"][0]["reactions"] == {"👍": {"count": 2, "mine": True}}
