"""Breakout rooms (rules 25 to 33), as parts of a session's rules.

Who is in which room is the session's to say, so that nobody is ever in two or in none. What is
said and shown inside a room is the room's own (:mod:`actors.rules.room`).
"""
