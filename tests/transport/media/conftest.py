"""Settings of the media plane's tests."""

from hypothesis import settings

# What is measured here is behaviour; a busy machine may take its time over an example.
settings.register_profile("media", deadline=None)
settings.load_profile("media")
