"""Sans-IO state machines: what people may do, and what becomes of it.

Nothing here knows an actor, a socket, a clock or a disk. ``now`` is always a parameter.
"""
