"""The rules of a session (rules 1 to 24, 35), part by part; see :mod:`.rules`."""
