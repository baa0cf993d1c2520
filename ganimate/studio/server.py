"""The studio's server: the page, and what it asks for."""

from __future__ import annotations

import json
import secrets
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from importlib import resources
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from ganimate import __version__
from ganimate.errors import GanimateError, UsageError
from ganimate.facs import ACTION_UNITS, ActionUnits
from ganimate.media.stills import PHOTO_FORMATS
from ganimate.studio import wishes
from ganimate.studio.guard import Guard
from ganimate.studio.session import FILMS, MAX_UPLOAD, Session, open_given, open_upload
from ganimate.studio.view import Patch
from ganimate.timeline.keys import read_look, read_seconds
from ganimate.trajectory import IN_BETWEENS, Trajectory

if TYPE_CHECKING:
    from ganimate.animator import Animator

MAX_WISH = 256_000
"""Bytes of JSON in a request."""

MAX_SESSIONS = 6
"""Photos that are open at once; the one that was used longest ago makes room."""

PLAY_FPS = 13.0
"""Frames a second that a film is played with in place: about what two cores can paint."""

PAGE = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

T = TypeVar("T")


class Studio:
    """All tabs of one run.

    Args:
        animator: what opens photos and paints.
        expressions: those that are offered, by name.
        photo: what a new tab opens first, if anything.
    """

    def __init__(
        self, animator: Animator, expressions: wishes.Expressions, photo: Path | None = None
    ) -> None:
        self.animator, self.expressions, self.photo = animator, expressions, photo
        self.sessions: dict[str, Session] = {}
        # One paints at a time: the networks take all cores, and a view is not made twice.
        self._painting = Lock()

    def app(self, *, token: str, port: int) -> ASGIApp:
        """The application, guarded."""
        one = "/api/photos/{id}"
        routes = [
            Route("/", self._page),
            Route("/page/{name}", self._page),
            Route("/api/facts", self._facts),
            Route("/api/photos", self._open, methods=["POST"]),
            Route(one, self._close, methods=["DELETE"]),
            Route(f"{one}/picture", self._picture),
            Route(f"{one}/preview", self._preview, methods=["POST"]),
            Route(f"{one}/words", self._words, methods=["POST"]),
            Route(f"{one}/play", self._play, methods=["POST"]),
            Route(f"{one}/save", self._save, methods=["POST"]),
            Route(f"{one}/film", self._make_film, methods=["POST"]),
            Route(f"{one}/film", self._film),
        ]
        handlers: dict[Any, Any] = {
            GanimateError: _told,
            HTTPException: _missing,
            Exception: _failed,
        }
        return Guard(Starlette(routes=routes, exception_handlers=handlers), token=token, port=port)

    def close(self) -> None:
        """Put all photos away."""
        while self.sessions:
            self.sessions.popitem()[1].close()

    # The page

    async def _page(self, request: Request) -> Response:
        name = request.path_params.get("name", "index.html")
        file = resources.files("ganimate.studio") / "page" / name
        kind = PAGE.get(Path(name).suffix)
        if kind is None or name != Path(name).name or not file.is_file():
            raise HTTPException(404, "there is no such page")
        return Response(file.read_bytes(), media_type=kind)

    async def _facts(self, request: Request) -> Response:
        return JSONResponse(
            {
                "version": __version__,
                "photo": str(self.photo) if self.photo else None,
                "units": [
                    {"number": unit.number, "name": unit.name, "muscle": unit.muscle}
                    for unit in ACTION_UNITS
                ],
                "expressions": [
                    {
                        "name": one.name,
                        "intensities": {str(au): v for au, v in one.intensities.items()},
                        "source": one.source,
                        "note": one.note,
                    }
                    for one in self.expressions.values()
                ],
                "easings": list(IN_BETWEENS),
                "pictures": list(PHOTO_FORMATS),
                "films": list(FILMS),
                "max_seconds": wishes.MAX_SECONDS,
                "max_upload": MAX_UPLOAD,
            }
        )

    # Photos

    async def _open(self, request: Request) -> Response:
        """Open the photo in the body; an empty body means the one that the command named."""
        data = await _body(request, MAX_UPLOAD, "this file is too large for a photo")
        name = request.query_params.get("name", "photo")
        given = self.photo if "given" in request.query_params else None

        if given:
            session = await self._paint(open_given, self.animator, given, self.expressions)
        else:
            session = await self._paint(open_upload, self.animator, data, name, self.expressions)
        key = secrets.token_urlsafe(12)
        self.sessions[key] = session
        for old in list(self.sessions)[:-MAX_SESSIONS]:
            self.sessions.pop(old).close()
        return JSONResponse({"id": key, **session.summary()})

    async def _close(self, request: Request) -> Response:
        session = self.sessions.pop(request.path_params["id"], None)
        if session:
            session.close()
        return Response(status_code=204)

    async def _picture(self, request: Request) -> Response:
        session, scale = self._session(request), _scale(request)
        picture = await self._paint(lambda: session.view(scale).picture)
        return Response(picture, media_type="image/jpeg")

    async def _preview(self, request: Request) -> Response:
        """One face of the picture: of a look, or of a film at a moment."""
        session, wish = self._session(request), await _wish(request)
        face = wishes.read_face(wish, len(session.portrait.faces))
        look, scale = self._look(session, wish), _scale(request)
        attention, expressions = wish.get("attention") is True, self.expressions

        def painted() -> tuple[Patch, float]:
            start = perf_counter()
            view = session.view(scale)
            patch = view.patch(face, look, attention=attention, expressions=expressions)
            return patch, perf_counter() - start

        patch, seconds = await self._paint(painted)
        headers = {
            "X-Box": _spaced(patch.box),
            "X-Action-Units": json.dumps(patch.action_units.to_dict()),
            "Server-Timing": f"paint;dur={1000 * seconds:.1f}",
        }
        return Response(patch.jpeg, media_type="image/jpeg", headers=headers)

    def _look(self, session: Session, wish: dict[str, Any]) -> ActionUnits | str:
        faces = len(session.portrait.faces)
        if "at" not in wish:
            return read_look(wish.get("look"), self.expressions)
        film = wishes.read_film(wish, faces, self.expressions)
        path = film.trajectory(session.portrait.currents[film.face], self.expressions)
        frame = round(read_seconds(wish["at"]) * path.fps)
        return ActionUnits(path.sides[min(frame, len(path) - 1)])

    async def _words(self, request: Request) -> Response:
        """The commands that make what the page shows, and its timeline."""
        session, wish = self._session(request), await _wish(request)
        faces = len(session.portrait.faces)
        looks = wishes.read_looks(wish, faces, self.expressions)
        words = {"edit": wishes.edit_command(session.name, looks, faces)}
        if wish.get("keys"):
            film = wishes.read_film(wish, faces, self.expressions)
            words["animate"] = wishes.animate_command(session.name, film, faces)
            words["story"] = film.story
        return JSONResponse(words)

    # Pictures and films out

    async def _save(self, request: Request) -> Response:
        session, wish = self._session(request), await _wish(request)
        looks = wishes.read_looks(wish, len(session.portrait.faces), self.expressions)
        picture = await self._paint(session.save, looks, str(wish.get("suffix")))
        return Response(picture, media_type="application/octet-stream")

    async def _play(self, request: Request) -> Response:
        """A film in place: for each frame its length in 4 bytes and a JPEG of the face's patch."""
        session, wish = self._session(request), await _wish(request)
        film = wishes.read_film(wish, len(session.portrait.faces), self.expressions)
        path = film.trajectory(session.portrait.currents[film.face], self.expressions)
        step = max(1, round(path.fps / PLAY_FPS))
        thinned = Trajectory(path.sides[::step], max(1.0, path.fps / step))
        view = await self._paint(session.view, _scale(request))
        headers = {
            "X-Box": _spaced(view.box(film.face)),
            "X-Frames": str(len(thinned)),
            "X-Fps": f"{thinned.fps:g}",
        }

        async def stream() -> AsyncIterator[bytes]:
            async for jpeg in self._one_by_one(view.play(film.face, thinned)):
                yield struct.pack(">I", len(jpeg)) + jpeg

        return StreamingResponse(stream(), headers=headers, media_type="application/octet-stream")

    async def _make_film(self, request: Request) -> Response:
        """Make a film; a line of JSON tells of each frame, and the last one of the file."""
        session, wish = self._session(request), await _wish(request)
        film = wishes.read_film(wish, len(session.portrait.faces), self.expressions)
        path = film.trajectory(session.portrait.currents[film.face], self.expressions)
        frames, steps = len(path), session.film(film, str(wish.get("suffix")))
        first = await self._paint(next, steps)  # what is wrong with the wish is said by the status

        async def lines() -> AsyncIterator[str]:
            try:
                yield json.dumps({"done": first, "frames": frames}) + "\n"
                async for step in self._one_by_one(steps):
                    self._touch(request)
                    told: dict[str, Any] = (
                        {"file": step.name}
                        if isinstance(step, Path)
                        else {"done": step, "frames": frames}
                    )
                    yield json.dumps(told) + "\n"
            except GanimateError as error:
                yield json.dumps({"message": error.message, "hint": error.hint}) + "\n"

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    async def _film(self, request: Request) -> Response:
        path = self._session(request).finished
        if path is None:
            raise HTTPException(404, "there is no film yet")
        return FileResponse(path, filename=path.name)

    # Helpers of the above

    def _session(self, request: Request) -> Session:
        key = request.path_params["id"]
        if key not in self.sessions:
            raise HTTPException(410, "this photo was put away, as others were opened since")
        self._touch(request)
        return self.sessions[key]

    def _touch(self, request: Request) -> None:
        """The session used last comes last: it is put away last."""
        key = request.path_params["id"]
        if key in self.sessions:
            self.sessions[key] = self.sessions.pop(key)

    async def _paint(self, make: Callable[..., T], *arguments: Any) -> T:
        """Do in a thread what takes the networks, while nobody else does."""

        def made() -> T:
            with self._painting:
                return make(*arguments)

        return await run_in_threadpool(made)

    async def _one_by_one(self, steps: Iterator[T]) -> AsyncIterator[T]:
        """Each step in a thread, so that sliders move between the frames of a film.

        A tab that goes away ends its film: nothing is left of it.
        """
        try:
            while (step := await self._paint(next, steps, None)) is not None:
                yield step
        finally:
            steps.close()  # type: ignore[attr-defined]


async def _body(request: Request, limit: int, problem: str) -> bytes:
    """The body, of which no more is held than is allowed."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise HTTPException(413, problem)
        parts.append(part)
    return b"".join(parts)


async def _wish(request: Request) -> dict[str, Any]:
    data = await _body(request, MAX_WISH, "this request is too large")
    try:
        wish = json.loads(data)
    except (ValueError, RecursionError):
        raise UsageError("this request is not JSON") from None
    if not isinstance(wish, dict):
        raise UsageError("this request is not a set of fields")
    return wish


def _scale(request: Request) -> float:
    try:
        scale = float(request.query_params.get("scale", "1"))
        if 0 < scale <= 16:
            return scale
    except ValueError:
        pass
    raise UsageError("this is no scale", "0 to 16")


def _spaced(box: tuple[float, ...]) -> str:
    return " ".join(f"{edge:.3f}" for edge in box)


async def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, GanimateError)
    return JSONResponse({"message": error.message, "hint": error.hint}, 422)


async def _missing(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"message": str(error.detail), "hint": ""}, error.status_code)


async def _failed(request: Request, error: Exception) -> Response:
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return JSONResponse({"message": f"unexpected {reason}", "hint": ""}, 500)
