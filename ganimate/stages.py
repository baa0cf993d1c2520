"""Work that goes on in several threads at once, one after another like the hands of a line."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import suppress
from queue import Empty, Queue
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")

_MOMENT = 0.1  # seconds; how soon a thread sees that nobody waits for it any more


def ahead(items: Iterator[T], room: int) -> Generator[T, None, None]:
    """Pass `items` on, made in a thread of their own, which runs ahead of who takes them.

    Args:
        items: an iterator, or a generator; of those, one may be the next one's items. It is
            closed in its thread.
        room: how many may wait to be taken; the thread rests while there are as many.

    Yields:
        The items in their order. What is raised while they are made is raised here. When this
        generator is closed the thread has ended.
    """
    line: Queue[T | None] = Queue(room)
    left = Event()
    failed: list[BaseException] = []

    def make() -> None:
        try:
            for item in items:
                line.put(item)
                if left.is_set():
                    break
        except BaseException as error:
            failed.append(error)
        finally:
            try:
                if isinstance(items, Generator):
                    items.close()
            finally:
                line.put(None)

    thread = Thread(target=make, daemon=True)
    thread.start()
    try:
        while (item := line.get()) is not None:
            yield item
        if failed:
            raise failed[0]
    finally:
        left.set()
        while thread.is_alive():
            with suppress(Empty):  # it may be waiting for room
                line.get(timeout=_MOMENT)
        thread.join()
