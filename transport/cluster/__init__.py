"""Several nodes as one engine: links between them over NATS, and the fan-out across them."""
