"""What lasts: the journal's implementations, snapshots and the read model."""
