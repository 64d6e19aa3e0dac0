"""The guard around the page: whatever is not allowed here is refused, before any route sees it.

The page can stop a training and shows what is in private data. Other pages in the same browser, other programs that
make the browser ask in their name, and other users of the machine must not get at it:

- every request needs the token that was printed with the address; the first one brings it in the address, the others
  in a cookie that the browser sends with requests of this page only (HttpOnly, SameSite=Strict);
- ``Host`` must be the very address that is served, so that no name of someone else can be pointed at it (DNS
  rebinding); ``Origin``, where the browser sends it, must be the page's own;
- a write needs a header that only a script of the page itself can set, and its ``Origin``;
- paths are plain: no per cent signs, dots that climb or empty parts; queries and bodies are short;
- the page may run the scripts that are served here and no others, and load nothing from anywhere else.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

READS, WRITES = ("GET", "HEAD"), ("POST",)
#: The header of a write; a form or an image on another page cannot set it.
WRITE_HEADER = (b"x-glassnet", b"write")
LONGEST_QUERY, LONGEST_BODY = 8192, 65536  # bytes
_PATH = re.compile(rb"/|(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+")
#: Plotly makes a style element without content, adds rules to it, and gives elements of its drawings style attributes.
_EMPTY_STYLE = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
_LENGTH = re.compile(rb"[0-9]{1,9}")


class RefusedError(Exception):
    """A request that the guard does not let through: the status of the answer, and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Guard:
    """An ASGI application around another one.

    hosts: what ``Host`` may be, such as ``127.0.0.1:8000``. token: what a request must know. policy: the hashes of the
    inline parts of the page that are allowed, for the content security policy.
    """

    def __init__(self, app: App, *, hosts: frozenset[str], token: str, hashes: tuple[str, ...] = ()) -> None:
        self.app, self.hosts, self.token = app, hosts, token
        port = next(iter(hosts)).rsplit(":", 1)[-1]
        self.cookie = f"glassnet-{port}"  # cookies do not tell ports apart
        self.headers = _headers(hashes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or hand it on; either way the answer gets the headers of the guard."""
        if scope["type"] != "http":  # websockets: none are served
            raise RuntimeError(f"the page serves no {scope['type']}")
        more = list(self.headers)
        begun = False

        async def guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message["headers"] = [*message.get("headers", []), *more]
            await send(message)

        try:
            if self._check(scope):
                more.append((b"set-cookie", f"{self.cookie}={self.token}; HttpOnly; SameSite=Strict; Path=/".encode()))
        except RefusedError as refused:
            await _answer(scope, guarded, refused)
            return
        try:
            await self.app(scope, receive, guarded)
        except asyncio.CancelledError:  # the server ends, and whoever waits for an answer is told so
            if begun:
                await send({"type": "http.response.body", "body": b""})
            else:
                await _answer(scope, guarded, RefusedError(503, "the program that serves this page is ending."))

    def _check(self, scope: Scope) -> bool:
        """Whether the token came in the address. Raises RefusedError for what is not allowed."""
        path, query = scope.get("raw_path") or scope["path"].encode(), scope["query_string"]
        headers: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.lower(), []).append(value)
        if any(len(headers.get(name, [])) > 1 for name in (b"host", b"origin", b"content-length", b"cookie")):
            raise RefusedError(400, "a header is given twice.")
        one = {name: values[0] for name, values in headers.items()}
        host = one.get(b"host", b"").decode("latin-1")
        if host not in self.hosts:
            raise RefusedError(421, "this page is served under another address: copy the one that was printed.")
        method = scope["method"]
        if method not in READS + WRITES:
            raise RefusedError(405, f"{method[:20]} is no method of this page.")
        if not _PATH.fullmatch(path):
            raise RefusedError(400, "there is no such path.")
        if len(query) > LONGEST_QUERY:
            raise RefusedError(414, f"a query has at most {LONGEST_QUERY} bytes.")
        self._check_origin(method, host, one)
        _check_body(method, one)
        return self._check_token(path, query, one.get(b"cookie", b""))

    def _check_origin(self, method: str, host: str, headers: dict[bytes, bytes]) -> None:
        origin, site = headers.get(b"origin"), headers.get(b"sec-fetch-site")
        own = f"http://{host}".encode()
        if (origin is not None and origin != own) or (
            site == b"cross-site" and headers.get(b"sec-fetch-mode") != b"navigate"
        ):
            raise RefusedError(403, "another page may not ask for this.")
        name, value = WRITE_HEADER
        if method in WRITES and (origin != own or headers.get(name) != value or site not in (None, b"same-origin")):
            raise RefusedError(403, "only the page itself may ask for this.")

    def _check_token(self, path: bytes, query: bytes, cookies: bytes) -> bool:
        """Whether the token came in the address of the page; otherwise it must be in the cookie."""
        if path == b"/" and query:
            given = parse_qs(query.decode("latin-1"), max_num_fields=8).get("token", [""])[0]
            if self._is_token(given):
                return True
        try:
            found = SimpleCookie(cookies.decode("latin-1")).get(self.cookie)
        except CookieError:
            found = None
        if found is None or not self._is_token(found.value):
            raise RefusedError(403, "this page needs the token in its address: copy all of the one that was printed.")
        return False

    def _is_token(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), self.token.encode())


def _check_body(method: str, headers: dict[bytes, bytes]) -> None:
    """A read has no body, a write a short one that says its length. The server reads no more than that."""
    length = headers.get(b"content-length", b"0")
    if b"transfer-encoding" in headers or not _LENGTH.fullmatch(length):
        raise RefusedError(411, "the length of the body must be given.")
    if int(length) > (LONGEST_BODY if method in WRITES else 0):
        raise RefusedError(413, f"a body has at most {LONGEST_BODY} bytes, and that of a read has none.")


def _headers(hashes: tuple[str, ...]) -> list[tuple[bytes, bytes]]:
    """What every answer says: to the browser what the page may load, and to everyone that it is not to be kept."""
    scripts = " ".join(["'self'", *(f"'{one}'" for one in hashes)])
    policy = (
        f"default-src 'none'; script-src {scripts}; style-src-elem 'self' {_EMPTY_STYLE}; "
        "style-src-attr 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return [
        (b"content-security-policy", policy.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cross-origin-resource-policy", b"same-origin"),
        (b"cache-control", b"no-store"),
    ]


async def _answer(scope: Scope, send: Send, refused: RefusedError) -> None:
    """A sentence for people, or as JSON for scripts of the page."""
    if scope["path"].startswith("/api/"):
        kind, body = b"application/json", json.dumps({"error": str(refused)}).encode()
    else:
        kind, body = b"text/plain; charset=utf-8", f"{refused}\n".encode()
    length = str(len(body)).encode()
    await send(
        {
            "type": "http.response.start",
            "status": refused.status,
            "headers": [(b"content-type", kind), (b"content-length", length), (b"connection", b"close")],
        }
    )
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
