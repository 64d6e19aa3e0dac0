"""Runs to look at, a server that shows them, and a client that says to it exactly what it is told to."""

import contextlib
import http.client
import json
import threading
from dataclasses import dataclass

import numpy as np

import glassnet as gn
from glassnet import nn, optim
from glassnet.recipe.recipe import Recipe
from glassnet.viewer.live import LiveRun, Watch
from glassnet.viewer.runs import Runs
from glassnet.viewer.server import Server

X = np.random.default_rng(0).standard_normal((90, 4)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] > 0).astype(np.int64) + (X[:, 2] > 1)


def network():
    gn.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3))


def fit(folder, lr=0.1, **options):
    net = network()
    options = {"epochs": 3, "batch_size": 16, "validation": 0.2, "diagnostics": 2, "progress": False, **options}
    return gn.fit(
        net, (X, Y), loss=nn.CrossEntropyLoss(), optimizer=optim.SGD(net.parameters(), lr=lr), folder=folder, **options
    )


def fit_digits(folder, **options):
    """A run as the command makes it, with its data."""
    digits = gn.data.load("digits")
    gn.manual_seed(0)
    net = nn.Sequential(nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, 10))
    notes = {"recipe": Recipe("digits", hidden=(16,)).as_json(), "data_sha256": None}
    options = {"steps": 40, "batch_size": 50, "diagnostics": 5, "progress": False, "notes": notes, **options}
    return gn.fit(
        net, digits, loss=nn.CrossEntropyLoss(), optimizer=optim.SGD(net.parameters(), lr=0.1), folder=folder, **options
    )


@contextlib.contextmanager
def training(name="live", **options):
    """A training in a thread of its own that goes on until it is stopped, and the run that the page sees."""
    live = LiveRun(name)
    begun = threading.Event()

    class Begun(gn.Callback):
        every_step = False

        def on_step_end(self, loop):
            begun.set()

    options = {"epochs": 10**6, "callbacks": [Watch(live), Begun()], **options}
    thread = threading.Thread(target=lambda: fit(None, **options))
    thread.start()
    assert begun.wait(30)
    try:
        yield live
    finally:
        live.between_steps(lambda loop: loop.stop("the test is over"))
        thread.join(30)
    assert not thread.is_alive()


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class Client:
    """Asks a server; what is right unless it is said otherwise: host, cookie, and the headers of a write."""

    def __init__(self, server):
        self.server = server
        self.host = f"127.0.0.1:{server.port}"
        self.cookie = f"glassnet-{server.port}={server.token}"

    def __call__(self, path, method="GET", body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        given = {"Host": self.host, "Cookie": self.cookie}
        if method == "POST":
            given |= {"Origin": f"http://{self.host}", "X-Glassnet": "write", "Content-Length": "0"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        with contextlib.closing(connection):
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in given.items():
                for one in value if isinstance(value, list) else [value]:
                    if one is not None:
                        connection.putheader(name, one)
            connection.endheaders(body)
            answer = connection.getresponse()
            stream = answer.headers.get_content_type() == "text/event-stream"
            content = answer.readline() if stream else answer.read()
            return Answer(answer.status, dict(answer.headers), content)


@contextlib.contextmanager
def served(*runs, folder=None):
    with Server(Runs(runs, folder)) as server:
        yield Client(server)


def ids(client):
    """The names of the runs that a server shows."""
    return [one["id"] for one in json.loads(client("/api/events").body.removeprefix(b"data: "))["runs"]]
