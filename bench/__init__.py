"""Load scripts, peers and plots."""
