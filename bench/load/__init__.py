"""Open-loop load: what to send, who sends it, how long it took, and what was the limit."""
