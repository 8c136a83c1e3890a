"""Params become commands, or are refused by the member that is wrong."""

import pytest

from actors.errors import Refused
from actors.rules.base import COMMANDS, Person
from transport.params import structure

OLGA = Person(id="olga", name="Olga", event="fair", role="organizer")


@pytest.mark.parametrize(
    ("method", "params", "path"),
    [
        ("notifications.read", {"ids": "abc"}, "ids"),
        ("session.change", {"session": "ux", "hosts": "hana"}, "hosts"),
        ("session.change", {"session": "ux", "hosts": {"hana": 1}}, "hosts"),
        ("breakout.open", {"session": "ux", "assign": "list", "groups": ["ab"]}, "groups"),
    ],
)
def test_a_text_or_an_object_is_no_list(method, params, path):
    with pytest.raises(Refused) as refused:
        structure(COMMANDS[method], params, OLGA, "c")
    assert refused.value.reason == "invalid_params"
    assert refused.value.data["path"].startswith(path)
