"""Puts Greenroom together: the Engine facade, daemon, command line and configuration."""
