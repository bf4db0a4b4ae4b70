"""What every test has: the markers by which `make quick` chooses."""

import pytest

BROWSERS = frozenset({"browser"})
"""Fixtures that open a browser."""


def pytest_collection_modifyitems(items):
    """Mark what opens a browser, so that nobody has to remember it."""
    for item in items:
        if BROWSERS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.browser)
