"""The way of a command from the door: by the person's mailbox, or past it while that is empty."""

from tests.actors.house import GUESTS, House, everybody_in, open_house

ANA = GUESTS[0]
MINE = "person/fair.ana"


def say(text: str):
    return House.command(ANA, "chat.send", "ana", topic="session/ux", text=text, key=text)


def read():
    return House.command(ANA, "notifications.read", "ana", ids=["1"], key="read")


def taken(house: House) -> int:
    """Return how many messages the person's actor has handled."""
    return house.services.address(MINE)._cell.handled


async def test_what_is_for_others_passes_by_a_person_whose_mailbox_is_empty(autojump_clock):
    async with open_house() as house:
        await everybody_in(house)
        before = taken(house)
        assert house.services.address(MINE).idle
        assert (await house.door.begin(say("Hello")))["message"]["id"] == "1"
        assert taken(house) == before
        assert await house.door.begin(read()) == {"unread": 0}
        assert taken(house) == before + 1


async def test_a_persons_commands_keep_their_order_while_something_is_in_the_mailbox(
    autojump_clock,
):
    async with open_house() as house:
        await everybody_in(house)
        before = taken(house)
        begun = [house.door.begin(one) for one in (say("a"), read(), say("b"), say("c"))]
        assert not house.services.address(MINE).idle
        for future in begun:
            await future
        assert taken(house) == before + 3
        said = house.state("session/ux").chat.messages
        assert [one.text for one in said] == ["a", "b", "c"]


async def test_a_person_out_of_memory_is_brought_back_for_their_command(autojump_clock):
    async with open_house() as house:
        await everybody_in(house)
        house.services.address(MINE)._cell.ref.kill()
        assert not house.services.address(MINE).idle
        assert (await house.door.begin(say("Hello")))["message"]["id"] == "1"
