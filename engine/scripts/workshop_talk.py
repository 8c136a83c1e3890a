"""The scripted workshop's questions and chat (rules 20 and 21)."""

from datetime import timedelta

from actors.rules.base import Person
from engine.scripts.venue import Venue
from engine.scripts.workshop_cast import BEN, CEM, DORA, FAY, GUESTS, HANA, HOSTS, HUGO, TOPIC
from engine.scripts.workshop_stage import HERE, all_heard, each, expect


async def questions_tab(venue: Venue) -> None:
    """Ask, vote, answer live and in text, dismiss; one asks without a name."""
    tell = venue.transcript.tell
    asked = []
    for person, text in ((BEN, "How large are the teams?"), (CEM, "Which tools do you use?")):
        question = (await venue.ask(person, "qa.ask", **HERE, text=text))["question"]
        asked.append(question["id"])
        tell(person.name, f"asks: {text}")
    secret = await venue.ask(DORA, "qa.ask", **HERE, text="And the pay?", anonymous=True)
    heard = await venue.heard(HANA, "qa.asked", {"text": "And the pay?"})
    expect(heard.data["person"] is None and heard.data["name"] is None, "no name on the question")
    asked.append(secret["question"]["id"])
    tell("Somebody", "asks without a name: And the pay?")

    async def vote(person: Person) -> None:
        await venue.ask(person, "qa.upvote", **HERE, id=asked[1])

    await each(GUESTS[10:40], vote)
    listed = (await venue.ask(FAY, "qa.list", **HERE))["questions"]
    expect([one["id"] for one in listed] == [asked[1], asked[0], asked[2]], "votes, then time")
    expect(listed[0]["votes"] == 30, "30 votes")  # noqa: PLR2004  as many as voted
    tell("", "30 participants upvote Cem's question; it stands at the top.")
    await venue.ask(HUGO, "qa.live", **HERE, id=asked[1])
    await all_heard(venue, GUESTS, "qa.lived", id=asked[1])
    await venue.ask(HUGO, "qa.answer", **HERE, id=asked[1])
    await venue.ask(HANA, "qa.answer", **HERE, id=asked[0], text="Six people each.")
    await venue.heard(BEN, "qa.answered", {"id": asked[0], "text": "Six people each."})
    await venue.ask(HANA, "qa.dismiss", **HERE, id=asked[2])
    tell(HUGO.name, "answers the first live; Hana answers the second in text, and drops the third.")


async def chat_tab(venue: Venue) -> None:
    """Everybody reads what everybody writes; authors and hosts take back; hosts slow it."""
    tell = venue.transcript.tell

    async def say(person: Person) -> None:
        await venue.ask(person, "chat.send", topic=TOPIC, text=f"Hello from {person.name}")

    await each(GUESTS, say)
    await all_heard(venue, (*HOSTS, *GUESTS[::10]), "chat.posted")
    page = await venue.ask(FAY, "chat.history", topic=TOPIC, limit=100)
    expect(len({message["person"] for message in page["messages"]}) == len(GUESTS), "60 voices")
    tell("", "60 participants say hello; every message is visible to everyone.")
    first = page["messages"][0]
    reply = {"topic": TOPIC, "text": "Welcome!", "reply_to": first["id"]}
    await venue.ask(HANA, "chat.send", **reply)
    await venue.ask(FAY, "chat.react", topic=TOPIC, id=first["id"], emoji="👋")
    await venue.ask(HANA, "chat.delete", topic=TOPIC, id=page["messages"][1]["id"])
    await all_heard(venue, GUESTS[:5], "chat.deleted", id=page["messages"][1]["id"])
    tell(HANA.name, "replies to the first, and deletes the second for all.")
    await venue.ask(HUGO, "chat.slow", **HERE, seconds=30)
    await venue.until(venue.now + timedelta(seconds=30))
    await venue.ask(BEN, "chat.send", topic=TOPIC, text="One")
    data = await venue.refused(BEN, "rate_limited", "chat.send", topic=TOPIC, text="Two")
    tell(HUGO.name, f"slows the chat. Ben, at once again: {data['message']}")
    await venue.ask(HUGO, "chat.slow", **HERE, seconds=0)
