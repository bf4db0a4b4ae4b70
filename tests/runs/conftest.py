"""What several tests of runs share."""

import pytest

from .browser import chromium


@pytest.fixture(scope="module")
def browser():
    """A Chromium for one file: its event loop would be in the way of files that have their own."""
    with chromium() as found:
        yield found
