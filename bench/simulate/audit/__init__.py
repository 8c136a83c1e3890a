"""The promises a simulation is held to, in words of their own."""
