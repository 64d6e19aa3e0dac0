"""The server of the page: in a thread of its own, on an address that only this machine reaches."""

from __future__ import annotations

import secrets
import socket
import threading
from html import escape
from typing import Any, Self

from glassnet.engine.errors import ConfigError
from glassnet.viewer.page import NEEDED, plotly
from glassnet.viewer.runs import Runs

LOOPBACK = "127.0.0.1"
#: Addresses that stand for all of a machine's: nobody could say under which name the page is asked for.
_WILDCARDS = ("0.0.0.0", "::", "")  # noqa: S104  # they are refused


class Server:
    """Serves runs until it is closed.

    runs: what it shows. host: the address that it is reached under, by default of this machine only. port: 0 takes a
    free one. Raises ConfigError where the packages of the page are missing, or the address cannot be had.
    """

    def __init__(self, runs: Runs, host: str = LOOPBACK, port: int = 0) -> None:
        self.runs, self.host = runs, host
        self.token = secrets.token_urlsafe(24)
        uvicorn, application = _packages()
        self._socket = _listen(host, port)
        self.port: int = self._socket.getsockname()[1]
        names = {host, "localhost"} if host == LOOPBACK else {host}
        hosts = frozenset(f"{f'[{name}]' if ':' in name else name}:{self.port}" for name in names)
        app = application(runs, hosts=hosts, token=self.token, ending=lambda: self._server.should_exit)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
            limit_concurrency=64,
        )
        self._server: Any = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name="glassnet page", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """What to open in a browser; with the token, so it is a secret."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/?token={self.token}"

    def close(self) -> None:
        """End the server, and wait until it has ended."""
        self._server.should_exit = True
        self._thread.join(5)
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])

    def __str__(self) -> str:
        return f"the page is at {self.address}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f'the page is at <a href="{escape(self.address)}" target="_blank">{escape(self.address)}</a>'


def _packages() -> tuple[Any, Any]:
    """uvicorn and the application, imported here so that nothing else needs the extra ``view``."""
    try:
        import uvicorn

        from glassnet.viewer.app import application
    except ModuleNotFoundError as error:
        raise ConfigError(f"the page needs the package {error.name}, which is missing. Install it: {NEEDED}.") from None
    plotly()
    return uvicorn, application


def _listen(host: str, port: int) -> socket.socket:
    if host in _WILDCARDS:
        raise ConfigError(
            f"--host must be one address of this machine, under which the page is asked for, got {host!r}. "
            "Give it, such as 192.168.1.5, or leave --host out."
        )
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, kind, protocol)
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(address)
            found.listen()  # whoever asks before the server runs has to wait a moment
        except OSError:
            found.close()
            raise
    except OSError as error:
        raise ConfigError(f"the page cannot be served at {host}, port {port}: {error.strerror or error}.") from None
    return found
