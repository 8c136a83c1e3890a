"""What is acknowledged is on disk: the daemon is killed in the middle of a chat."""

import threading
import time

import pytest
from websockets.exceptions import ConnectionClosed

WRITERS = 4


def chat_until_the_end(daemon, person, said, voted):
    """Send messages and votes as fast as they are acknowledged; note each acknowledgement."""
    with daemon.client(person) as client:
        client.call("session.join", session="ux")
        number = 0
        while True:
            number += 1
            text = f"{person} {number}"
            try:
                reply = client.ask("chat.send", topic="session/ux", text=text)
                if "result" in reply:
                    said.append(text)
                vote = "qa.upvote" if number % 2 else "qa.unvote"
                if "result" in client.ask(vote, session="ux", id="1"):
                    voted[person] = number % 2 == 1
            except (ConnectionClosed, OSError):
                return


@pytest.mark.slow
def test_every_acknowledged_message_and_vote_survives_kill_9(daemon):
    with daemon.client("hana", sessions=frozenset({"ux"})) as hana:
        hana.call("session.join", session="ux")
        hana.call("session.start", session="ux")
        assert hana.call("qa.ask", session="ux", text="Why?")["question"]["id"] == "1"
    said, voted = [], {}
    writers = [
        threading.Thread(target=chat_until_the_end, args=(daemon, f"p{n}", said, voted))
        for n in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    time.sleep(1.0)
    daemon.kill()
    for writer in writers:
        writer.join(10)
    assert len(said) > WRITERS * 10
    daemon.start()
    with daemon.client("hana", sessions=frozenset({"ux"})) as hana:
        kept, before = [], None
        while True:
            page = {"before": before} if before else {}
            messages = hana.call("chat.history", topic="session/ux", limit=100, **page)["messages"]
            if not messages:
                break
            kept += [message["text"] for message in messages]
            before = min((message["id"] for message in messages), key=int)
        assert len(kept) == len(set(kept))
        assert set(said) <= set(kept)
        # One command a writer may have been on its way: committed, not yet acknowledged.
        assert len(kept) <= len(said) + WRITERS
        votes = hana.call("qa.list", session="ux")["questions"][0]["votes"]
        assert abs(votes - sum(voted.values())) <= WRITERS


def test_a_stopped_daemon_ends_by_itself_and_cleanly(daemon):
    with daemon.client("ana"):
        assert daemon.end() == 0
