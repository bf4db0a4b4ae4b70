"""The server of the live page over real sockets: who may ask, for what, and what is left when a page is gone."""

from __future__ import annotations

import http.client
import json
import tempfile
import threading
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from gridparley.runs.common.errors import RunError
from gridparley.runs.watch import server as served
from gridparley.runs.watch.commands import TEXT_MAX
from gridparley.runs.watch.server import Server
from gridparley.runs.watch.source import Source

from ..served import SECONDS, Talk, address, live, serving, wait


@pytest.fixture(scope="module")
def server():
    with serving(live()) as found:
        yield found


@pytest.fixture
def talk(server):
    with Talk(server) as found:
        found.frame("open")
        yield found


def get(server, path, **headers):
    """Status, headers and text of an answer; the path goes as it is."""
    connection = http.client.HTTPConnection("127.0.0.1", server.guard.port, timeout=SECONDS)
    connection.putrequest("GET", path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, dict(answer.getheaders()), text


def refused(server, **options):
    """The status with which a socket is refused."""
    with pytest.raises(InvalidStatus) as caught, connect(address(server), open_timeout=SECONDS, **options):
        pass
    return caught.value.response.status_code


@pytest.fixture(scope="module", autouse=True)
def own_place(tmp_path_factory):
    """A place for temporary folders that no other worker's sessions use."""
    before, tempfile.tempdir = tempfile.tempdir, str(tmp_path_factory.mktemp("own"))
    yield
    tempfile.tempdir = before


def folders():
    return set(Path(tempfile.gettempdir()).glob("gridparley-watch-*"))


def test_the_page_comes_whole_and_says_what_it_may_do(server):
    status, headers, text = get(server, "/")
    assert status == 200
    assert "default-src 'none'" in text
    assert f"connect-src 'self' ws://127.0.0.1:{server.guard.port}\"" in text
    assert "{{" not in text.partition("<style>")[0]
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "path",
    ["/../pyproject.toml", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/page/main.js", "/etc/passwd", "/?file=/etc/passwd",
     "/..%2f..%2fpyproject.toml", "/socket/../../etc/passwd"],
)  # fmt: skip
def test_no_path_leads_to_a_file(server, path):
    status, _, text = get(server, path)
    assert status == 404 or text == get(server, "/")[2]
    assert "root:" not in text
    assert "build-system" not in text


def test_a_foreign_page_or_name_is_refused(server):
    port = server.guard.port
    assert get(server, "/", Host="evil.example")[0] == 403
    assert get(server, "/", Host=f"evil.example:{port}")[0] == 403
    assert get(server, "/", Origin="http://evil.example")[0] == 403
    assert get(server, "/", Host=f"localhost:{port}")[0] == 200
    assert refused(server, origin="http://evil.example") == 403
    assert refused(server, origin=f"http://127.0.0.1:{port + 1}") == 403
    assert refused(server, origin="null") == 403
    with connect(address(server), origin=f"http://127.0.0.1:{port}", max_size=None) as socket:
        assert socket.recv(timeout=SECONDS)


def test_beyond_this_machine_a_token_is_asked_for():
    with serving(live(), host="0.0.0.0") as server:
        token = server.guard.token
        assert len(token) > 20
        assert token in server.guard.url
        for query in ("", "?token=", "?token=wrong", f"?token={token}x"):
            assert get(server, f"/{query}")[0] == 403
            assert get(server, f"/any{query}")[0] == 403
        assert get(server, f"/?token={token}")[0] == 200
        assert get(server, f"/?token={token}", Host="a; script-src *")[0] == 403
        assert get(server, f"/?token={token}", Origin="http://evil.example")[0] == 403
        with pytest.raises(InvalidStatus), connect(address(server).partition("?")[0]):
            pass
        with Talk(server) as talk:
            assert talk.frame("open")[0]["ticks"] == 1


def test_a_server_of_this_machine_has_no_token_and_each_other_one_its_own():
    tokens = [
        served.Guard.of(host, 1).token for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "192.0.2.1", "x.org")
    ]
    assert tokens[:3] == ["", "", ""]
    assert len(set(tokens[3:])) == 3


def test_an_address_that_cannot_be_had_is_told(server):
    with pytest.raises(RunError, match=r"--port \d+: .*in use"):
        Server(Source(), port=server.guard.port).listen()
    with pytest.raises(RunError, match=r"--host no\.such\.host\.invalid"):
        Server(Source(), host="no.such.host.invalid").listen()


WRONG = [
    ("", "Invalid JSON"),
    ("nonsense", "Invalid JSON"),
    ("[]", "command"),
    ("{}", "Unable to extract tag"),
    ('{"do":"format"}', "does not match"),
    ('{"do":"step","ticks":0}', "ticks"),
    ('{"do":"step","ticks":1e99}', "ticks"),
    ('{"do":"step","ticks":true}', "ticks"),
    ('{"do":"step","more":1}', "more"),
    ('{"do":"play","speed":NaN}', "speed"),
    ('{"do":"play","until":{"residual":-1}}', "residual"),
    ('{"do":"fault","add":[{"kind":"loss","probability":7}]}', "probability"),
    ('{"do":"fault","add":[{"kind":"/tmp/code.py:Evil"}]}', "wanted one of"),
    ('{"do":"fault","add":[{"kind":"os:system"}]}', "wanted one of"),
    ('{"do":"fault","add":[{"kind":"loss","probability":0.1,"agent":"Z.operator"}]}', "Z.operator"),
    ('{"do":"fault","end":["rain"]}', "no fault is called 'rain'"),
    ('{"do":"fault"}', "nothing to add"),
    ('{"do":"branch","tick":5000}', "holds ticks 0 to"),
    ('{"do":"show","run":3}', "there are 1"),
    ('{"do":"inspect","agent":900,"tick":0}', "there are 9"),
    ('{"do":"open","scenario":"/etc/passwd"}', "open already"),
    (json.dumps({"do": "step", "x": "y" * TEXT_MAX}), "longer than"),
    ("x" * (4 * TEXT_MAX), "longer than"),
]


@pytest.mark.parametrize(("text", "told"), WRONG, ids=range(len(WRONG)))
def test_a_wrong_command_is_told_and_changes_nothing(talk, text, told):
    before = talk.ask("schedule")["schedule"]
    talk.send(text)
    assert told in talk.next()["error"]
    assert talk.ask("schedule")["schedule"] == before
    assert talk.ask("step") == {"re": talk.number}
    assert talk.meta["ticks"] == 2
    assert talk.meta["commands"] == []


def test_bytes_are_no_command_and_too_much_ends_the_session(server, talk):
    talk.socket.send(b"\x00" * 100)
    assert "error" in talk.next()
    talk.socket.send("x" * (served.SOCKET_MAX + 1))
    with pytest.raises(ConnectionClosed) as caught:
        talk.next()
    assert caught.value.rcvd.code == 1009
    wait(lambda: not server.sessions)


def test_a_scenario_is_one_of_those_there_are():
    with serving(Source()) as server, Talk(server) as talk:
        names = [name for name, _ in talk.next()["catalogue"]]
        assert "three-microgrids" in names
        assert "no scenario is open" in talk.ask("step")["error"]
        for name in ("/etc/passwd", "../secret.toml", "three-microgrids.toml", ""):
            assert "wanted one of" in talk.ask("open", scenario=name)["error"]
        assert talk.ask("open", scenario="three-microgrids", seed=7) == {"re": talk.number}
        assert talk.meta["seed"] == 7
        assert "open already" in talk.ask("open", scenario="three-microgrids")["error"]


def test_a_page_that_goes_takes_its_thread_and_folder_with_it(server):
    wait(lambda: not server.sessions)
    before, threads = folders(), threading.active_count()
    with Talk(server) as talk:
        talk.frame("open")
        (folder,) = folders() - before
        assert (folder / "0" / "unfinished.sqlite").stat().st_size > 0
        talk.send({"do": "play"})  # and it goes in the middle of it
        talk.frame("ticks")
    wait(lambda: not server.sessions)
    wait(lambda: folders() == before)
    wait(lambda: threading.active_count() <= threads + 1)  # the event loop keeps a helper of its own


def test_two_pages_do_not_disturb_each_other(server):
    with Talk(server) as one, Talk(server) as two:
        one.frame("open"), two.frame("open")
        assert one.ask("fault", add=[{"kind": "loss", "probability": 1.0}]) == {"re": one.number}
        one.ask("step", ticks=20), two.ask("step", ticks=5)
        assert (one.meta["ticks"], two.meta["ticks"]) == (21, 6)
        assert (len(one.meta["commands"]), len(two.meta["commands"])) == (1, 0)
    wait(lambda: not server.sessions)


def test_so_many_pages_and_no_more(monkeypatch):
    monkeypatch.setattr(served, "SESSIONS_MAX", 1)
    with serving(live()) as server, Talk(server) as first:
        first.frame("open")
        with Talk(server) as second:
            assert second.next() == {"fatal": "1 pages are open already"}
            with pytest.raises(ConnectionClosed):
                second.next()
        assert first.ask("step") == {"re": first.number}
