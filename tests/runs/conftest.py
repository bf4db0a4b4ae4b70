"""What several tests of runs share."""

import signal

import pytest

from .browser import chromium


@pytest.fixture(scope="module")
def browser():
    """A Chromium for one file: its event loop would be in the way of files that have their own."""
    with chromium() as found:
        yield found


@pytest.fixture(scope="session", autouse=True)
def _signals_as_in_a_terminal():
    """Undo what `nohup` and `&` do: a process that they start ignores some signals, and so do those that it starts."""
    usual = {signal.SIGINT: signal.default_int_handler}
    usual |= {getattr(signal, name): signal.SIG_DFL for name in ("SIGHUP",) if hasattr(signal, name)}
    ignored = [sort for sort in usual if signal.getsignal(sort) is signal.SIG_IGN]
    for sort in ignored:
        signal.signal(sort, usual[sort])
    yield
    for sort in ignored:
        signal.signal(sort, signal.SIG_IGN)
