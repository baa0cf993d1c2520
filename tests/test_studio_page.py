"""The studio as a person uses it: a real photo in a real browser."""

from __future__ import annotations

import base64
import io
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from studio import Client

from ganimate.facs import AU_NUMBERS, ActionUnits, parse_look
from ganimate.timeline import Timeline

pytest.importorskip("starlette")
playwright = pytest.importorskip("playwright.sync_api")

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

PATIENCE = 60_000  # milliseconds; a busy machine paints slowly


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        playwright.expect.set_options(timeout=PATIENCE)
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any, studio: Client) -> Iterator[Any]:
    """A tab of its own, with the photo of two people; nothing may go wrong in it unseen."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda one: wrong.append(one.url) if elsewhere(one.url, studio) else None)
    page.goto(studio.address)
    shows(page, "")
    yield page
    context.close()
    assert not wrong


def elsewhere(url: str, studio: Client) -> bool:
    return not url.startswith((f"http://127.0.0.1:{studio.port}/", "blob:", "data:"))


def shows(page: Any, look: str) -> NDArray[np.int16]:
    """Wait until the picture shows a look; its pixels, (H, W, 3)."""
    page.wait_for_selector(f'canvas[data-look="{look}"]')
    return picture(page)


def plays(page: Any, start: float, end: float) -> NDArray[np.int16]:
    """Wait until a film that plays is at some moment; a slow machine skips frames."""
    patience = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < patience:  # the page forbids the eval that waiting in it would need
        look = page.locator("#canvas").get_attribute("data-look") or ""
        if look.endswith(" s") and start <= float(look.removesuffix(" s")) <= end:
            return picture(page)
    raise TimeoutError(f"never between {start} and {end} s")


def picture(page: Any) -> NDArray[np.int16]:
    address = page.evaluate("document.getElementById('canvas').toDataURL('image/png')")
    data = base64.b64decode(address.partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), np.int16)


def changed(before: NDArray[np.int16], after: NDArray[np.int16]) -> NDArray[np.bool_]:
    """The columns of the picture in which something is different."""
    return (np.abs(after - before).max(2) > 8).any(0)


def test_the_token_leaves_the_address_and_the_page_fits(page: Any) -> None:
    assert "token" not in page.url
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    for part in ("panel", "names", "expressions"):
        size = "const e = document.getElementById(id); return e.scrollHeight <= e.clientHeight"
        assert page.evaluate(f"(id) => {{ {size} }}", part), part
    assert page.locator("#sliders input[type=range]").count() == 17


def test_a_slider_moves_the_face(page: Any) -> None:
    before = shows(page, "")
    page.focus("#au12")
    page.keyboard.press("End")
    after = shows(page, "12=1")
    assert changed(before, after).any()
    page.keyboard.press("Home")
    shows(page, "12=0")
    command = re.compile("ganimate edit two.jpg --au 12=0 --face [01] -o two-edited.png")
    playwright.expect(page.locator("#command")).to_have_value(command)
    page.dblclick("#au12")
    assert np.array_equal(shows(page, ""), before)
    # What is in a person's fingers
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    shows(page, "12=1")
    page.keyboard.press("Control+Shift+Z")
    shows(page, "12=0")
    page.click("#undo")
    assert np.array_equal(shows(page, "12=1"), after)
    page.keyboard.down("b")
    assert np.array_equal(picture(page), before)
    page.keyboard.up("b")
    assert np.array_equal(picture(page), after)
    page.click("#reset")
    shows(page, "")


def test_ten_quick_moves_end_in_the_last_ones_picture(page: Any) -> None:
    page.evaluate(
        """() => {
          const slider = document.getElementById("au26");
          for (let step = 1; step <= 10; step += 1) {
            slider.value = step / 10;
            slider.dispatchEvent(new Event("input"));
          }
          slider.dispatchEvent(new Event("change"));
        }"""
    )
    quick = shows(page, "26=1")
    page.wait_for_timeout(500)
    assert page.get_attribute("#canvas", "data-look") == "26=1"
    page.click("#undo")  # ten moves of one hand are one step
    shows(page, "")
    page.fill("#au26", "1")
    assert np.array_equal(shows(page, "26=1"), quick)


def test_sliders_say_what_an_expression_sets(page: Any) -> None:
    def sliders() -> ActionUnits:
        return ActionUnits({unit: float(page.input_value(f"#au{unit}")) for unit in AU_NUMBERS})

    now = sliders()
    assert max(now[1], now[2], now[5]) > 0.1  # which are this face's own
    for name in ("smile", "surprise"):
        page.click(f"button[data-name={name}]")
        shows(page, name)
        assert sliders().vector == pytest.approx(parse_look(name, now).vector, abs=0.02)


def test_a_face_is_picked_and_each_keeps_its_own(page: Any) -> None:
    before = shows(page, "")
    half = before.shape[1] // 2
    page.click("#faces button:nth-child(1)")
    page.click("button[data-name=anger]")
    left = changed(before, shows(page, "anger"))
    assert left[:half].any() and not left[half:].any()
    page.click("#faces button:nth-child(2)")
    assert page.input_value("#au4") != "0.9"
    page.click("button[data-name=surprise]")
    page.fill("#strength", "0.5")
    both = changed(before, shows(page, "surprise*0.5"))
    assert both[:half].any() and both[half:].any()
    command = "ganimate edit two.jpg --at 0 anger --at 1 'surprise*0.5' -o two-edited.png"
    playwright.expect(page.locator("#command")).to_have_value(command)
    # Before on the left, after on the right
    page.click("#divide")
    page.fill("#divider", "0.5")
    divided = changed(before, picture(page))
    assert not divided[:half].any() and divided[half:].any()


def test_one_side_of_a_face(page: Any) -> None:
    before = shows(page, "")
    page.check("#side input[value=L]", force=True)
    page.fill("#au45", "1")
    columns = np.flatnonzero(changed(before, shows(page, "45L=1")))
    corners = page.evaluate("document.querySelector('#faces [aria-pressed=true]').offsetLeft")
    width = page.evaluate("document.querySelector('#faces [aria-pressed=true]').offsetWidth")
    assert columns.min() > corners + 0.4 * width  # the subject's left is our right


def test_keys_make_a_film(page: Any, tmp_path: Path) -> None:
    page.click("#faces button:nth-child(1)")
    for name in ("neutral", "surprise", "smile"):
        page.click(f"button[data-name={name}]")
        shows(page, name)
        page.click("#add")
    keys = page.locator("#keys button")
    assert keys.count() == 3
    # Drag the last key to the left, and say how the second one is reached.
    box = keys.nth(2).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    second = page.evaluate("document.getElementById('keys').clientWidth / 4")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - second * 0.8, y, steps=4)
    page.mouse.up()
    keys.nth(1).focus()
    for _ in range(12):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    playwright.expect(keys.nth(1)).to_have_attribute("aria-pressed", "true")
    playwright.expect(page.locator("#key-at")).to_have_value("0.4")
    page.select_option("#key-easing", "ease-out")
    playwright.expect(page.locator("#key-easing")).to_have_value("ease-out")
    command = "ganimate animate two.jpg two.mp4 --timeline story.yaml --face 0"
    playwright.expect(page.locator("#command")).to_have_value(command)
    with page.expect_download() as story:
        page.click("#story")
    story.value.save_as(tmp_path / "story.yaml")
    timeline = Timeline.load(tmp_path / "story.yaml")
    assert [(key.at, key.look, key.easing) for key in timeline.keyframes] == [
        (0, "neutral", None),
        (0.4, "surprise", "ease-out"),
        (1.2, "smile", None),
    ]
    page.click("#play")
    surprised, smiling = plays(page, 0.3, 0.7), plays(page, 1.0, 1.2)
    assert changed(surprised, smiling).any()
    page.click("#play")
    for suffix in (".mp4", ".gif"):
        page.select_option("#film-format", suffix)
        with page.expect_download(timeout=PATIENCE) as film:
            page.click("#export")
        assert film.value.suggested_filename == f"two{suffix}"
        film.value.save_as(tmp_path / f"film{suffix}")
        assert len(iio.imread(tmp_path / f"film{suffix}")) == 31


def test_a_photo_is_opened_and_saved(page: Any, portrait: Path, tmp_path: Path) -> None:
    page.set_input_files("#file", str(portrait))
    playwright.expect(page).to_have_title("portrait.jpg · ganimate studio")
    assert page.locator("#faces button").count() == 1
    page.click("button[data-name=smile]")
    shows(page, "smile")
    with page.expect_download() as picture:
        page.click("#save")
    assert picture.value.suggested_filename == "portrait-edited.png"
    picture.value.save_as(tmp_path / "saved.png")
    assert Image.open(tmp_path / "saved.png").size == (800, 800)


def test_a_wrong_file_shows_a_message(page: Any, tmp_path: Path) -> None:
    (tmp_path / "notes.jpg").write_text("no picture")
    before = shows(page, "")
    page.set_input_files("#file", str(tmp_path / "notes.jpg"))
    page.wait_for_selector("#message:not([hidden])")
    assert "notes.jpg" in page.inner_text("#message")
    page.click("button[data-name=smile]")  # the photo before is still there
    assert changed(before, shows(page, "smile")).any()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it(page: Any, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page.emulate_media(color_scheme=scheme)
    page.click("button[data-name=smile]")
    page.click("#add")
    page.click("#add")
    page.click("#keys button:nth-child(1)")
    page.click("#divide")
    found = axe.run(page).response["violations"]
    assert not [(one["id"], one["impact"]) for one in found]
