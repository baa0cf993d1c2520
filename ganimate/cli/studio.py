"""``ganimate studio``: sliders and a keyframe strip for one photo, in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ganimate.cli import options
from ganimate.cli.console import Console
from ganimate.cli.opening import open_animator
from ganimate.cli.options import Argument, Option

if TYPE_CHECKING:
    from socket import socket

    from starlette.types import ASGIApp


def studio(
    photo: Annotated[
        Path | None,
        Argument(metavar="[PHOTO]", help="A photo to begin with; else choose it there."),
    ] = None,
    port: Annotated[
        int, Option(metavar="N", min=0, max=65535, help="Where to listen; 0 takes any free port.")
    ] = 0,
    no_browser: Annotated[
        bool, Option("--no-browser", help="Print the address and open no browser.")
    ] = False,
    expressions_file: options.ExpressionsFile = None,
    locator: options.LocatorChoice = "auto",
    face_model: options.FaceModel = None,
    offline: options.Offline = False,
    weights: options.Weights = None,
    device: options.Device = "auto",
    quiet: options.Quiet = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Change a face in the browser, with sliders.

    Serves a page to this machine alone, until Ctrl-C. Photos stay in memory, and nothing leaves
    the machine.

    \b
    ganimate studio face.jpg
    ganimate studio --port 8000 --no-browser
    """
    import secrets
    import webbrowser
    from threading import Thread

    from ganimate.errors import GanimateError, UsageError
    from ganimate.facs import load_expressions

    if quiet and no_browser and not json:
        raise UsageError("--quiet and --no-browser leave nobody the address")
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        problem = f"the studio needs {error.name}, which is not installed"
        raise GanimateError(problem, 'pip install "ganimate[studio]"') from error
    expressions = load_expressions(expressions_file)
    listener = _listen(port)
    port = listener.getsockname()[1]

    from ganimate.media.stills import read_photo
    from ganimate.studio.server import Studio

    console = Console(quiet=quiet, as_json=json)
    if photo:
        read_photo(photo)  # what is wrong with it is said here, not in the browser
    animator = open_animator(
        console,
        weights=weights,
        device=device,
        locator=locator,
        face_model=face_model,
        offline=offline,
    )
    with console.busy("loading the networks"):
        fingerprint = animator.engine.fingerprint
    served = Studio(animator, expressions, photo)
    token = secrets.token_urlsafe(24)
    address = f"http://127.0.0.1:{port}/?token={token}"
    console.result(
        address,
        {
            "address": address,
            "port": port,
            "photo": str(photo) if photo else None,
            "weights": fingerprint,
            "device": animator.engine.device_name,
        },
    )
    if not no_browser:
        Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    try:
        _serve(served.app(token=token, port=port), listener, debug=debug)
    finally:
        served.close()


def _listen(port: int) -> socket:
    """A socket of this machine alone.

    Raises:
        GanimateError: the port is taken, or may not be.
    """
    import socket

    from ganimate.errors import GanimateError

    listener = socket.socket()
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(64)
    except OSError as error:
        listener.close()
        problem = f"--port {port}: {error.strerror or error}"
        raise GanimateError(problem, "choose another, or leave --port out") from error
    return listener


def _serve(app: ASGIApp, listener: socket, *, debug: bool) -> None:
    """Answer requests until Ctrl-C, or until the system ends this process."""
    import signal
    import sys
    from contextlib import suppress

    import uvicorn

    sys.stdout.flush()  # whoever reads the address through a pipe waits for it
    config = uvicorn.Config(
        app,
        log_level="info" if debug else "critical",
        access_log=debug,
        server_header=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=2,
    )
    # uvicorn hands a signal on when it is done; as an interrupt it lets films be cleared away.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])
