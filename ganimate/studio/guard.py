"""Who may talk to the studio: the browser that was given the token, and nobody else.

Any page that a person has open can send requests to 127.0.0.1, and any other account of the
machine can connect to the port. So every request needs the token of this run; the name it was
sent to must be this machine's (against DNS rebinding); and what changes something must come from
the studio's own page.
"""

from __future__ import annotations

import secrets
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
HARMLESS = ("GET", "HEAD")


class Guard:
    """Wraps the studio's application.

    Args:
        app: what answers requests that are let through.
        token: the secret of this run: in the address once, then in a cookie, or for programs in
            `Authorization: Bearer TOKEN`.
        port: where the studio listens.
    """

    def __init__(self, app: ASGIApp, *, token: str, port: int) -> None:
        self.app = app
        self.token = token
        self.hosts = [f"127.0.0.1:{port}", f"localhost:{port}"]
        if port == 80:
            self.hosts += ["127.0.0.1", "localhost"]  # browsers leave this one out
        # Cookies know no ports: two studios at once must not take each other's.
        self.cookie = f"ganimate-studio-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        refused = self._refusal(scope)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                if not refused and _offered(scope):
                    headers["Set-Cookie"] = (
                        f"{self.cookie}={self.token}; HttpOnly; SameSite=Strict; Path=/"
                    )
            await send(message)

        answer = JSONResponse({"message": refused[1], "hint": ""}, refused[0]) if refused else None
        await (answer or self.app)(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """The status and the reason, or None for a request that is let through."""
        if scope["type"] != "http":
            return 403, "only HTTP is spoken here"
        headers = Headers(scope=scope)
        if any(host not in self.hosts for host in headers.getlist("host") or [""]):
            return 403, "this is not the address that ganimate studio printed"
        origins = headers.getlist("origin")
        if any(origin not in [f"http://{host}" for host in self.hosts] for origin in origins):
            return 403, "another page may not talk to the studio"
        if scope["path"] != "/" and headers.get("sec-fetch-site", "same-origin") in (
            "cross-site",
            "same-site",
        ):
            return 403, "another page may not talk to the studio"
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            given = [bearer]
        else:
            if scope["method"] not in HARMLESS and not origins:
                return 403, "a request that changes something must say where it comes from"
            cookie = HTTPConnection(scope).cookies.get(self.cookie)
            given = _offered(scope) or ([cookie] if cookie else [])
        if not given:
            return 401, "open the address that ganimate studio printed, with its token"
        right = all(secrets.compare_digest(one.encode(), self.token.encode()) for one in given)
        return None if right else (403, "this token is of another run of ganimate studio")


def _offered(scope: Scope) -> list[str]:
    """The token in the address of the page itself; no other address takes it."""
    if scope["path"] != "/":
        return []
    return parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
