"""The guard: every route refuses what it must, and no request reaches a route that is not in the table."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from glassnet.engine.errors import ConfigError
from glassnet.viewer.app import application
from glassnet.viewer.panels import PANELS, Panel
from glassnet.viewer.runs import Runs
from glassnet.viewer.saved import SavedRun
from glassnet.viewer.security import LONGEST_BODY, LONGEST_QUERY, Guard
from glassnet.viewer.server import Server

from .pages import Client, fit, fit_digits, ids, served, training


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guarded") / "run"
    fit_digits(folder)
    with training() as live, served(SavedRun(folder), live) as client:
        yield client


@pytest.fixture(scope="module")
def routes(client):
    """A request for every route of the table, with what its parameters can be."""
    table = application(Runs(), hosts=frozenset(["a:1"]), token="t").app.routes  # noqa: S106
    saved, _ = ids(client)
    values = {"name:path": ["app.js", "panels/run.js"], "run": [saved], "panel": list(PANELS), "action": ["stop"]}
    found = []
    for route in table:
        paths = [route.path]
        for name, choices in values.items():
            if f"{{{name}}}" in route.path:
                paths = [path.replace(f"{{{name}}}", choice) for path in paths for choice in choices]
        assert all("{" not in path for path in paths), f"{route.path} has a parameter that this test does not know"
        found += [(method, path) for method in sorted(route.methods) for path in paths]
    assert len(found) > 10
    return found


def allowed(method, path):
    """Reads answer; a saved run cannot be stopped, which is said only to who may ask."""
    return 422 if method == "POST" else 200


def test_what_is_right_is_answered(client, routes):
    for method, path in routes:
        assert client(path, method).status == allowed(method, path), (method, path)


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (403, {"Cookie": None}),
        (403, {"Cookie": "glassnet-1=x; other=y"}),
        (403, {"Cookie": "a wrong cookie"}),
        (421, {"Host": None}),
        (421, {"Host": "example.com"}),
        (421, {"Host": "127.0.0.1"}),
        (421, {"Host": "127.0.0.1:1"}),
        (403, {"Origin": "http://example.com"}),
        (403, {"Origin": "null"}),
        (403, {"Origin": ""}),
        (403, {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}),
        (411, {"Transfer-Encoding": "chunked", "Content-Length": None}),
        (413, {"Content-Length": str(LONGEST_BODY + 1)}),
    ],
)
def test_every_route_refuses(client, routes, status, headers):
    for method, path in routes:
        answer = client(path, method, **headers)
        # a request without a host never gets as far as the guard
        wanted = {400, status} if headers.get("Host", "") is None else {status}
        assert answer.status in wanted, (method, path)
        assert b"Traceback" not in answer.body
        assert client.server.token.encode() not in answer.body


def test_a_token_that_is_almost_right_is_refused(client):
    token = client.server.token
    for wrong in (token[:-1], token + "a", token.swapcase(), "", "%00", "\u00e4"):
        assert client(f"/?token={quote(wrong)}", Cookie=None).status in (400, 403), wrong
        assert client("/", Cookie=f"glassnet-{client.server.port}={wrong}".encode()).status == 403


def test_the_token_in_the_address_gives_a_cookie_for_this_page_only(client):
    answer = client(f"/?token={client.server.token}", Cookie=None)
    assert answer.status == 200
    assert answer.headers["set-cookie"] == f"{client.cookie}; HttpOnly; SameSite=Strict; Path=/"
    assert "set-cookie" not in client("/").headers
    assert client(f"/api/events?token={client.server.token}", Cookie=None).status == 403  # only for the page itself


def test_two_headers_of_one_name_are_refused(client):
    for name, value in (("Cookie", client.cookie), ("Origin", f"http://{client.host}")):
        assert client("/", **{name: [value, value]}).status == 400


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get"])
def test_other_methods_are_refused(client, routes, method):
    for _, path in routes:
        assert client(path, method).status in (400, 405), path


def test_a_read_cannot_be_made_as_a_write_and_a_write_not_as_a_read(client, routes):
    for method, path in routes:
        other = "GET" if method == "POST" else "POST"
        assert client(path, other).status == 405, (other, path)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Glassnet": None},
        {"X-Glassnet": "read"},
        {"Origin": None},
        {"Origin": "http://127.0.0.1"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_a_write_that_the_page_did_not_make_is_refused(client, headers):
    live = ids(client)[1]
    assert client(f"/api/runs/{live}/ask/stop", "POST", **headers).status == 403
    assert client(f"/api/runs/{live}/run").json["curves"] is not None
    assert client.server.runs[live].state() == "running"


TRICKS = [
    *("/../pyproject.toml", "/page/../app.py", "/page/..", "/page/%2e%2e/app.py", "/page/..%2fapp.py", "/page//etc"),
    *("/page/./app.js", "/page/app.js/", "//example.com/", "/page/\\..\\app.py", "/page/app.js%00", "/page/.hidden"),
    *("http://example.com/", "*", "/api/runs/%2e%2e/run", "/page/app.js;x", "/page/panels/../app.js", "/page/a:b"),
]


@pytest.mark.parametrize("path", TRICKS)
def test_tricks_with_paths_are_refused(client, path):
    assert client(path).status in (400, 404), path


def through_the_guard(path="/", method="GET", **headers):
    """Whether a request comes through a guard to an application that would answer anything."""
    reached, sent = [], []

    async def anything(scope, receive, send):
        reached.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message):
        sent.append(message)

    guard = Guard(anything, hosts=frozenset(["127.0.0.1:1"]), token="t")  # noqa: S106
    given = {"host": "127.0.0.1:1", "cookie": "glassnet-1=t", "origin": "http://127.0.0.1:1", "x-glassnet": "write"}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    scope = {
        "type": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "method": method,
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }
    run(guard(scope, None, send))
    assert bool(reached) == (sent[0]["status"] == 200)
    return bool(reached)


def run(coroutine):
    """What a coroutine gives, from a thread of its own: Playwright keeps a loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def test_the_guard_itself_keeps_everything_out():
    assert through_the_guard()
    assert through_the_guard("/api/runs/a/ask/stop", "POST", sec_fetch_site="same-origin")
    assert [path for path in [*TRICKS, "", "/a b"] if through_the_guard(path)] == []
    methods = ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "", "post"]
    assert [method for method in methods if through_the_guard(method=method)] == []
    assert not through_the_guard(sec_fetch_site="cross-site", sec_fetch_mode="cors")
    assert through_the_guard(origin="http://127.0.0.1:1", sec_fetch_site="cross-site", sec_fetch_mode="navigate")
    assert not through_the_guard(origin="http://127.0.0.1:1.example.com")
    assert not through_the_guard(content_length="1")
    assert not through_the_guard(method="POST", content_length="-1")


def test_what_is_no_request_is_not_served():
    guard = Guard(None, hosts=frozenset(["a:1"]), token="t")  # noqa: S106
    with pytest.raises(RuntimeError, match="serves no websocket"):
        run(guard({"type": "websocket"}, None, None))


@pytest.mark.parametrize("path", ["/page/index.html/x", "/page/nothing.js", "/page/page.py", "/api/runs", "/nothing"])
def test_what_is_not_there(client, path):
    answer = client(path)
    assert answer.status == 404
    assert "error" in answer.json


def test_runs_are_not_found_by_paths_or_names(client):
    for name in ("run", "live", "runs", "0", "__class__", "a" * 3000):
        assert client(f"/api/runs/{name}/run").status == 404
    saved = ids(client)[0]
    for panel in ("nothing", "ask", "__init__", "data"):
        assert client(f"/api/runs/{saved}/{panel}").status == 404
    assert client(f"/api/runs/{saved}/ask/destroy", "POST").status == 404


def test_long_queries_and_odd_values(client):
    saved = ids(client)[0]
    assert client(f"/api/runs/{saved}/run?{'a' * (LONGEST_QUERY + 1)}").status == 414
    answer = client(f"/api/runs/{saved}/health?show=everything")
    assert (answer.status, answer.json) == (422, {"error": "show must be one of histograms, map, got 'everything'."})
    assert client(f"/api/runs/{saved}/health?layer=%3Cscript%3E").status == 422


def test_headers_of_every_answer(client, routes):
    for method, path in [*routes, ("GET", "/nothing"), ("GET", "/page/..")]:
        headers = client(path, method).headers
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert "unsafe" not in policy["script-src"]
        assert "http" not in headers["content-security-policy"]
        assert policy["frame-ancestors"] == "'none'"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in headers


def test_a_mistake_of_the_page_is_a_sentence(client, monkeypatch, capfd):
    saved = ids(client)[0]
    monkeypatch.setitem(PANELS, "run", type(PANELS["run"])(lambda run, query: 1 // 0))
    answer = client(f"/api/runs/{saved}/run")
    assert answer.status == 500
    assert answer.json == {"error": "the page made a mistake (ZeroDivisionError); the terminal says where."}
    assert "ZeroDivisionError" in capfd.readouterr().err


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])  # noqa: S104
def test_all_addresses_at_once_are_refused(host):
    with pytest.raises(ConfigError, match="must be one address"):
        Server(Runs(), host)


def test_the_server_is_reached_at_its_own_address_only():
    with Server(Runs()) as server:
        assert server._socket.getsockname()[0] == "127.0.0.1"
        assert Client(server)("/", Host=f"localhost:{server.port}").status == 200
    with pytest.raises(OSError, match="refused"):
        Client(server)("/")


def test_a_port_that_is_taken():
    with (
        Server(Runs()) as server,
        pytest.raises(ConfigError, match=f"cannot be served at 127.0.0.1, port {server.port}"),
    ):
        Server(Runs(), port=server.port)


def test_who_waits_when_the_server_ends_is_told_so(tmp_path, capfd, monkeypatch):
    asked, ended = threading.Event(), threading.Event()

    def slow(run, query):
        asked.set()
        assert ended.wait(30)

    monkeypatch.setitem(PANELS, "run", Panel(slow))
    fit(tmp_path / "run")
    with served(SavedRun(tmp_path / "run")) as client:
        (name,) = ids(client)
        answers = []
        threads = [
            threading.Thread(target=lambda path=path: answers.append(client(path)))
            for path in (f"/api/runs/{name}/run", "/api/events")
        ]
        [thread.start() for thread in threads]
        assert asked.wait(30)
        client.server.close()
        [thread.join(30) for thread in threads]
    ended.set()
    assert sorted(answer.status for answer in answers) == [200, 503]
    assert "Traceback" not in capfd.readouterr().err
