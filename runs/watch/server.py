"""The server of the live page: one page, one socket, and nothing else that could be asked for.

Requests are accepted, on a loopback address, from pages that came from this server alone, which Host and Origin tell; on
any other address they must name the token too.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import re
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from ..common.errors import RunError
from ..page.report import live_text
from .commands import TEXT_MAX
from .session import Session
from .source import Source

__all__ = ["Guard", "Server", "is_loopback"]

SESSIONS_MAX = 16
"""Pages at one time."""
SOCKET_MAX = 1 << 20
"""Bytes of a message that the socket reads at all; what is longer than a command may be gets an answer up to here."""
WAITING_MAX = 1 << 25
"""Bytes that may wait for a page to read them before its session does no more."""
GRACE_SECONDS = 3
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach a host.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Guard:
    """Refuses what does not come from the server's own page.

    Parameters
    ----------
    host, port : where the server listens
    token : that every request has to name; "" for none, on a loopback address
    """

    host: str
    port: int
    token: str

    @classmethod
    def of(cls, host: str, port: int) -> Guard:
        """Return the guard of an address, with a new token where others can reach it."""
        return cls(host, port, "" if is_loopback(host) else secrets.token_urlsafe(24))

    @property
    def url(self) -> str:
        """Where the page is."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/" + (f"?token={self.token}" if self.token else "")

    def refuses(self, scope: Scope) -> str:
        """Return why a request is refused; "" where it is not."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        host, origin = headers.get("host", ""), headers.get("origin")
        if not re.fullmatch(r"[\w.:\[\]-]+", host):
            return "the name of the host is missing or wrong"
        if origin is not None and origin != f"http://{host}":
            return "another page may not ask this server"
        if self.token:
            given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
            return (
                "" if secrets.compare_digest(given.encode(), self.token.encode()) else "the token is missing or wrong"
            )
        # Under a foreign name that points to this machine, a foreign page would pass for one of ours.
        names = (f"127.0.0.1:{self.port}", f"localhost:{self.port}", f"[::1]:{self.port}", f"{self.host}:{self.port}")
        return "" if host in names else "this server answers to its own name only"

    def around(self, app: ASGIApp) -> ASGIApp:
        """Return an application that answers only what is not refused."""

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            why = self.refuses(scope) if scope["type"] in ("http", "websocket") else ""
            if not why:
                await app(scope, receive, send)
            elif scope["type"] == "http":
                await PlainTextResponse(f"{why}\n", 403, HEADERS)(scope, receive, send)
            else:
                await receive()
                await send({"type": "websocket.close", "code": 1008, "reason": why})

        return guarded


@dataclass
class Server:
    """Serves pages until it is stopped.

    Parameters
    ----------
    source : what each page shows
    host, port : where to listen; port 0 is any that is free

    Attributes
    ----------
    guard
    sessions : of the pages that are open, or have something left to write
    """

    source: Source
    host: str = "127.0.0.1"
    port: int = 0
    sessions: set[Session] = field(default_factory=set)
    _count: int = 0

    def listen(self) -> str:
        """Open the port and return where the page is.

        Raises
        ------
        RunError
            The host is unknown, or the port is in use.
        """
        try:
            family, kind, proto, _, address = socket.getaddrinfo(
                self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            self._socket = socket.socket(family, kind, proto)
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                self._socket.bind(address)
                self._socket.listen(128)
            except BaseException:
                self._socket.close()
                raise
        except OSError as error:
            raise RunError(f"--host {self.host} --port {self.port}: {error.strerror or error}") from None
        self.guard = Guard.of(self.host, self._socket.getsockname()[1])
        routes = [Route("/", self._page), WebSocketRoute("/socket", self._watch)]
        config = uvicorn.Config(
            self.guard.around(Starlette(routes=routes)),
            log_level="error",
            access_log=False,
            lifespan="off",
            ws="websockets-sansio",
            ws_max_size=SOCKET_MAX,
            ws_per_message_deflate=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        self._server = uvicorn.Server(config)
        return self.guard.url

    def serve(self) -> None:
        """Answer until a signal, or `stop`, ends it; then every session is closed, before the signal ends the process."""
        with _held_back(self.stop):
            try:
                with contextlib.suppress(KeyboardInterrupt):
                    self._server.run(sockets=[self._socket])
            finally:
                for session in list(self.sessions):
                    session.leave()
                    session.thread.join()
                self._socket.close()

    def stop(self) -> None:
        """Make `serve` return; from any thread."""
        self._server.should_exit = True

    async def _page(self, request: Request) -> HTMLResponse:
        return HTMLResponse(live_text(request.headers["host"]), headers=HEADERS)

    async def _watch(self, web: WebSocket) -> None:
        await web.accept()
        if len(self.sessions) >= SESSIONS_MAX:
            await web.send_text(json.dumps({"fatal": f"{SESSIONS_MAX} pages are open already"}))
            await web.close(1013)
            return
        self._count += 1
        outbox = _Outbox()
        session = Session(self.source.numbered(self._count), outbox, self.sessions.discard)
        self.sessions.add(session)
        session.thread.start()
        sending = asyncio.create_task(outbox.send_all(web))
        try:
            await _listen(web, session)
        finally:
            sending.cancel()
            session.leave()  # it removes itself, which may take long where a run is kept


@contextlib.contextmanager
def _held_back(stop: Callable[[], object]) -> Iterator[None]:
    """Let a signal that ends the process call `stop`, and take effect at the end.

    uvicorn raises those that it knows again as soon as it has stopped: the process would end before its sessions have cleared
    up.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread receives signals
        return
    came: list[int] = []

    def note(which: int, _frame: object) -> None:
        came.append(which)
        stop()

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {each: signal.signal(each, note) for each in numbers if signal.getsignal(each) is not signal.SIG_IGN}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        if came:
            signal.raise_signal(came[0])


class _Outbox:
    """What a session has to say to its page, from its thread to the event loop's."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[str | bytes] = asyncio.Queue()
        self._put = self._sent = 0  # bytes; each is written by one thread only

    def put(self, message: str | bytes) -> None:
        """Send a message when its turn comes; from the session's thread."""
        self._put += len(message)
        with contextlib.suppress(RuntimeError):  # the loop has ended, and the page with it
            self._loop.call_soon_threadsafe(self._queue.put_nowait, message)

    def full(self) -> bool:
        """Tell whether so much waits for the page to read it that no more should be made."""
        return self._put - self._sent > WAITING_MAX

    async def send_all(self, web: WebSocket) -> None:
        """Send as fast as the page reads, until it is gone."""
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            while True:
                message = await self._queue.get()
                if isinstance(message, str):
                    await web.send_text(message)
                else:
                    await web.send_bytes(message)
                self._sent += len(message)


async def _listen(web: WebSocket, session: Session) -> None:
    while True:
        message: dict[str, Any] = dict(await web.receive())
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        # What is no text is refused by the same words as what is no JSON; what is too long is not even copied.
        session.give("" if text is None else text[: TEXT_MAX + 1])
