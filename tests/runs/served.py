"""What the tests of the live page share: a server in this process, a socket that speaks to it, and the page in a browser."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager

import numpy as np
from websockets.sync.client import connect

from gridparley import Record, load_scenario
from gridparley.runs.watch.server import Server
from gridparley.runs.watch.source import Source

from .browser import Shown

SECONDS = 60


@contextmanager
def serving(source, **options):
    """A server in a thread of its own; when it has stopped nothing is left of its sessions."""
    server = Server(source, **options)
    server.listen()
    thread = threading.Thread(target=server.serve, name="server")
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(SECONDS)
        assert not thread.is_alive()
        assert not server.sessions
        wait(lambda: not [each for each in threading.enumerate() if each.name == "gridparley watch"])


def live(name="three-microgrids", settings=(), faults=(), out=None):
    words = ["gridparley", "run", str(name), *(word for text in settings for word in ("--set", text))]
    return Source(scenario=load_scenario(name, settings, faults=list(faults)), command=tuple(words), out=out)


def address(server):
    return server.guard.url.replace("http", "ws", 1).replace("/?", "/socket?") + (
        "" if server.guard.token else "socket"
    )


def wait(condition):
    """Wait for something that another thread does; fail if it never comes."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


class Talk:
    """A socket that asks and reads what comes back."""

    def __init__(self, server, **options):
        self.opened = connect(address(server), max_size=None, open_timeout=SECONDS, **options)
        self.socket = self.opened.__enter__()
        self.frames = []
        self.number = 0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.opened.__exit__(*error)

    def next(self):
        """The next message: an object from JSON, or (meta, columns) of a frame, which are kept too."""
        message = self.socket.recv(timeout=SECONDS)
        if isinstance(message, str):
            return json.loads(message)
        self.frames.append(read(message))
        if self.frames[-1][0]["what"] == "ticks":
            self.send({"do": "seen"})
        return self.frames[-1]

    def send(self, command):
        self.socket.send(command if isinstance(command, str) else json.dumps(command))

    def ask(self, do, **told):
        """Ask, and return the answer; frames that come before it are kept."""
        self.number += 1
        self.send({"do": do, "id": self.number, **told})
        while True:
            message = self.next()
            if isinstance(message, dict) and (message.get("re") == self.number or "fatal" in message):
                return message

    def frame(self, what=None):
        """The next frame, of a sort if one is named."""
        while True:
            message = self.next()
            if isinstance(message, tuple) and what in (None, message[0]["what"]):
                return message

    def play(self, **until):
        """Play as fast as it can until it stops; return what the last frame tells."""
        before = self.frames[-1]
        assert "error" not in self.ask("play", until=until)
        while self.frames[-1] is before or self.meta["running"]:
            self.next()
        return self.meta

    @property
    def meta(self):
        return self.frames[-1][0]


def read(block):
    """(meta, columns) of a frame."""
    size = int.from_bytes(block[:4], "little")
    head = json.loads(block[4 : 4 + size])
    return head["meta"], {
        name: np.frombuffer(block, dtype=f"<{kind}", count=count, offset=4 + size + start).reshape(-1, width)
        for name, (kind, start, count, width) in head["columns"].items()
    }


def blocks(path, ticks):
    """What a record holds of its first ticks, byte for byte."""
    with Record.open(path) as record:
        return [record.blocks(tick) for tick in range(ticks)]


class Live(Shown):
    """The live page in the browser; it may ask this server, and nobody else."""

    def __init__(self, browser, server, **options):
        self.server = server
        super().__init__(browser, server.guard.url, **options)

    @property
    def mode(self):
        return self.text("#mode")

    def until(self, script, arg=None):
        """Wait until a condition holds in the page."""
        self.page.wait_for_function(script, arg=arg, timeout=1000 * SECONDS)
        self.settle()

    def at(self, tick):
        """Wait until the page shows a tick."""
        self.until("tick => document.querySelector('#clock').textContent.startsWith(`tick ${tick} of`)", tick)

    def forward(self, ticks=1):
        for _ in range(ticks):
            tick = self.tick
            self.page.click("#forward")
            self.at(tick + 1)

    def choose(self, agent, peer=None):
        """Choose on the steering tab whom faults are given to."""
        self.page.click("#tab-steer")
        self.page.select_option("#target", label=agent)
        self.settle()
        if peer is not None:
            self.page.select_option("#target-peer", label=f"link with {peer}")
            self.settle()

    def commands(self):
        self.settle()
        return self.page.eval_on_selector_all("#commands li", "items => items.map(item => item.textContent)")
