"""A pseudo-terminal with the command in it, as ssh gives one, and what the command has written there."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
import time

ESCAPES = re.compile(rb"\x1b(\[[0-9;?<>=:$]*[ -/]*[@-~]|[P\]_^].*?(\x1b\\|\x07)|[()][A-Z0-9]|[=>78cDEHM])", re.DOTALL)
PATIENCE = 60.0


class PseudoTerminal:
    """The command `gridparley` in a window of its own.

    Attributes
    ----------
    written : bytes it has written so far
    """

    def __init__(self, *words, cwd, columns=80, lines=24):
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLORTERM")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gridparley", *map(str, words)],
            stdin=theirs, stdout=theirs, stderr=theirs, cwd=cwd, start_new_session=True,
            env=environment | {"TERM": "xterm-256color"},
        )  # fmt: skip
        os.close(theirs)
        self.written = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        while True:
            try:
                some = os.read(self._ours, 65536)
            except OSError:  # the command has ended
                return
            if not some:
                return
            self.written += some

    @property
    def text(self):
        """What it has written so far, without escape sequences."""
        return ESCAPES.sub(b" ", self.written).decode(errors="replace")

    def press(self, keys):
        os.write(self._ours, keys.encode())

    def signal(self, number):
        self._process.send_signal(number)

    def wait(self, holds):
        """Wait until something holds of this terminal, and fail with what is on it if it never does."""
        end = time.monotonic() + PATIENCE
        while not holds(self):
            assert time.monotonic() < end, self.text[-3000:]
            time.sleep(0.02)

    def see(self, pattern, after=0):
        """Wait until the text matches from a place on, and return the match."""
        self.wait(lambda now: re.search(pattern, now.text[after:]))
        return re.search(pattern, self.text[after:])

    @property
    def tick(self):
        """The tick it showed last."""
        return int(re.findall(r"tick (\d+) of", self.text)[-1])

    def end(self):
        """Wait until the command has ended, and return its status."""
        status = self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        os.close(self._ours)
        return status

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
