"""Settings of the media plane's tests."""

import pytest
from hypothesis import settings

from tests.transport.media.hall import room_with_two

# What is measured here is behaviour; a busy machine may take its time over an example.
settings.register_profile("media", deadline=None)
settings.load_profile("media")


@pytest.fixture
def hall():
    """A room with Ana, who publishes, and Bob, who watches; both connected."""
    return room_with_two()
