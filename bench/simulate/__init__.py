"""A fair on a clock that jumps, with everything that can go wrong, from one seed.

``greenroom simulate --seed 7`` runs the engine's own actors and rules over a journal in memory.
People book 1-1 chats, register, chat, ask, vote, come on screen, go into rooms, drop and come
back, for days; meanwhile appends fail, answers get lost, actors die and the whole engine is
started again from its journal. At every moment and at the end what anybody was told must be true.
"""

from bench.simulate.plan import Outcome, Plan
from bench.simulate.run import simulate

__all__ = ["Outcome", "Plan", "simulate"]
