"""Several nodes on one machine: what they share, and what each has for itself."""

import pytest

from engine.config import Config, ConfigError, MediaOptions
from engine.workers import media_port, run_workers

KEY = ("k:" + "s" * 32,)


def test_each_node_has_ports_of_its_own_for_media():
    config = Config(key=KEY, media=MediaOptions(workers=2, port=40_000))
    assert [media_port(config, number) for number in range(3)] == [40_000, 40_002, 40_004]
    assert media_port(Config(key=KEY), 2) == 0


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (Config(key=KEY, metrics_port=9_000), "cannot share a metrics_port"),
        (Config(key=KEY, media=MediaOptions(workers=1, port=65_530)), "below 65536"),
    ],
)
def test_ports_that_cannot_be_shared_are_refused_at_once(config, why):
    with pytest.raises(ConfigError, match=why):
        run_workers(config, None, 8)
