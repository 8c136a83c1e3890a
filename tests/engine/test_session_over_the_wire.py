"""The main job, from outside: a real daemon, a real socket, a client that is not ours."""


def test_a_participant_goes_from_the_audience_on_screen_and_back(daemon):
    with daemon.client("hana", sessions=frozenset({"ux"})) as hana, daemon.client("ana") as ana:
        hana.call("session.join", session="ux")
        hana.call("session.start", session="ux")
        ana.call("session.join", session="ux")
        snapshot = ana.wait_for("snapshot")
        assert snapshot["topic"] == "session/ux"
        assert snapshot["data"]["session"]["state"] == "live"

        ana.call("stage.request", session="ux", mic=True, camera=True)
        hana.wait_for("stage.requested", person="ana")
        hana.call("stage.accept", session="ux", person="ana")
        ana.wait_for("stage.accepted", person="ana")
        ana.call("stage.ready", session="ux")
        countdown = hana.wait_for("stage.countdown", person="ana")
        entered = hana.wait_for("stage.entered", person="ana")
        assert countdown["seq"] < entered["seq"]
        ana.call("stage.leave", session="ux")
        hana.wait_for("stage.left", person="ana")


def test_chat_and_questions_reach_everybody_in_order(daemon):
    with (
        daemon.client("ana") as ana,
        daemon.client("ben") as ben,
        daemon.client("hana", sessions=frozenset({"ux"})) as hana,
    ):
        hana.call("session.join", session="ux")
        hana.call("session.start", session="ux")
        for client in (ana, ben):
            client.call("session.join", session="ux")
        for number in range(8):
            ana.call("chat.send", topic="session/ux", text=f"number {number}")
        texts = [ben.wait_for("chat.posted")["data"]["text"] for _ in range(8)]
        assert texts == [f"number {number}" for number in range(8)]
        asked = ana.call("qa.ask", session="ux", text="Why?")
        ben.call("qa.upvote", session="ux", id=asked["question"]["id"])
        question = hana.call("qa.list", session="ux")["questions"][0]
        assert (question["text"], question["votes"]) == ("Why?", 1)
