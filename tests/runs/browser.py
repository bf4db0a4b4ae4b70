"""A headless Chromium for the tests of the page; what is asked of it stays on this machine."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager

import pytest
from playwright.sync_api import sync_playwright

from .command import call

NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")  # fmt: skip
RED, INK = (0xD5, 0x5E, 0x00), (0x1B, 0x1F, 0x24)


@contextmanager
def chromium():
    """A browser; without one the test is skipped, or fails where GRIDPARLEY_BROWSER says that one is required."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        missing = f"no Chromium on PATH ({', '.join(NAMES)}): the page is not tested"
        if os.environ.get("GRIDPARLEY_BROWSER") == "required":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=list(QUIET))
        yield browser
        browser.close()


def report_of(folder, *words):
    """The folder of a run with its report."""
    done = call("run", *words, "--no-reference", "--out", folder)
    assert done.exit_code == 0, done.output
    done = call("report", folder)
    assert done.exit_code == 0, done.output
    return folder


class Shown:
    """A page in the browser, of a file or an address, with every request and everything said on the console."""

    def __init__(self, browser, file, **options):
        self.page = browser.new_page(viewport={"width": 1280, "height": 800}, **options)
        self.requests, self.console, self.sockets = [], [], set()
        self.page.on(
            "websocket", lambda socket: self.sockets.add(socket.url.replace("ws", "http", 1).partition("socket")[0])
        )
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.console.append(message.text))
        self.page.on("pageerror", lambda error: self.console.append(str(error)))
        self.url = file if isinstance(file, str) else file.as_uri()
        self.page.goto(self.url)
        self.page.wait_for_selector("body[data-ready]")

    def close(self):
        """Close it; it must have kept to itself and had nothing to complain about."""
        self.page.close()
        assert [url for url in self.requests if url != self.url and not url.startswith("data:")] == []
        assert self.sockets <= {self.url}
        assert self.console == []

    def text(self, selector):
        self.settle()
        return self.page.inner_text(selector)

    @property
    def tick(self):
        return int(self.text("#clock").split()[1])

    def settle(self):
        """Wait until what was asked for is drawn."""
        self.page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))")

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def seek(self, tick):
        """Move the scrub bar as a hand does."""
        self.page.eval_on_selector(
            "#scrub", "(bar, tick) => { bar.value = tick; bar.dispatchEvent(new Event('input')); }", tick
        )
        self.settle()

    def rows(self, table):
        self.settle()
        return self.page.eval_on_selector_all(
            f"{table} tbody tr", "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
        )

    def pixels(self, canvas, colour=None):
        """How many pixels of a canvas have a colour; or are painted at all."""
        self.settle()
        return self.page.eval_on_selector(
            canvas,
            """(canvas, colour) => {
                // Read from a copy: a browser complains of a canvas that is read often and was not made for it.
                const copy = document.createElement("canvas");
                [copy.width, copy.height] = [canvas.width, canvas.height];
                const context = copy.getContext("2d", { willReadFrequently: true });
                context.drawImage(canvas, 0, 0);
                const data = context.getImageData(0, 0, copy.width, copy.height).data;
                let found = 0;
                for (let k = 0; k < data.length; k += 4) {
                    found += colour === null ? data[k + 3] > 0 : colour.every((value, i) => data[k + i] === value);
                }
                return found;
            }""",
            None if colour is None else list(colour),
        )
