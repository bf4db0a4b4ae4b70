"""What every test has: the markers by which `make quick` chooses, and the order in which files are tested."""

from collections import Counter

import pytest

BROWSERS = frozenset({"browser"})
"""Fixtures that open a browser."""


def pytest_itemcollected(item):
    """Mark what opens a browser, so that nobody has to remember it."""
    if BROWSERS & set(getattr(item, "fixturenames", ())):
        item.add_marker(pytest.mark.browser)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Put files with many dear tests first: a worker that took a long file last would keep the others waiting."""
    dear = Counter(item.path for item in items if any(map(item.get_closest_marker, ("slow", "browser"))))
    items.sort(key=lambda item: -dear[item.path])  # tests of one file stay in their order
