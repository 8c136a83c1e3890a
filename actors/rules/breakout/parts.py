"""The parts that a session's rules take in for breakout rooms."""

from actors.rules.breakout import effects, moving, opening, rights, timing

PARTS = (opening, moving, timing, rights, effects)
