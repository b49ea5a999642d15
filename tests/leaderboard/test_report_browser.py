"""The report in a browser: it loads whole from disk, fits narrow screens, sorts and plays."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_records import comparison, write

from synthgym.leaderboard.report import write_report
from synthgym.leaderboard.score import score_records
from synthgym.tasks import get_task

pytest.importorskip("selenium", reason="selenium is not installed")

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.wait import WebDriverWait

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None or DRIVER is None, reason="no chromium and chromedriver installed"
    ),
]

TASKS = ("DiffMoog-Osc-v0", "DiffMoog-FM-v0")
LOADED = """
return [...document.querySelectorAll('img')].every((i) => i.complete && i.naturalWidth > 0)
    && [...document.querySelectorAll('audio')].every((a) => a.readyState > 0 && a.duration > 0);
"""
SOLVERS = (
    "return [...document.querySelectorAll('.ranking tbody th')].map((e) => e.innerText.trim())"
)


@pytest.fixture(scope="module")
def suite() -> list:
    tasks = {task: get_task(task).dimension for task in TASKS}
    return comparison(tasks, n_targets=3)


@pytest.fixture(scope="module")
def index(suite, tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("browser")
    write(suite, root / "records")
    return write_report(root / "records", root / "report")


@pytest.fixture(scope="module")
def chromium(tmp_path_factory) -> Iterator[WebDriver]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    profile = tmp_path_factory.mktemp("profile")
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
    yield driver
    driver.quit()


@pytest.fixture
def browser(chromium, index) -> WebDriver:
    show(chromium, width=1280)
    chromium.get(index.as_uri())
    return chromium


def show(driver: WebDriver, width: int, scheme: str = "light") -> None:
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )


def test_everything_loads_and_nothing_complains(browser):
    browser.execute_script(
        "document.querySelectorAll('details').forEach((d) => { d.open = true; });"
        "document.querySelectorAll('img').forEach((i) => { i.loading = 'eager'; });"
    )
    WebDriverWait(browser, 20).until(lambda b: b.execute_script(LOADED))
    assert len(browser.find_elements(By.CSS_SELECTOR, "audio")) == 2 * (5 + 2 + 2)
    assert browser.get_log("browser") == []
    requested = browser.execute_script(
        "return performance.getEntriesByType('resource').map((e) => e.name)"
    )
    assert all(name.startswith(("file:", "data:")) for name in requested)


@pytest.mark.parametrize("width", [400, 768, 1280])
def test_the_page_is_no_wider_than_the_window(browser, width):
    show(browser, width)
    browser.execute_script(
        "document.querySelectorAll('details').forEach((d) => { d.open = true; });"
    )
    page = "const page = document.documentElement; return "
    assert browser.execute_script(f"{page} window.innerWidth") == width
    assert browser.execute_script(f"{page} page.scrollWidth - page.clientWidth") == 0
    # Tables scroll within their own frame, and can be reached to do so.
    frames = browser.find_elements(By.CSS_SELECTOR, ".scroll")
    assert frames and all(frame.get_attribute("tabindex") == "0" for frame in frames)


def test_at_full_width_the_tables_need_no_scrolling(browser):
    overflow = browser.execute_script(
        "return [...document.querySelectorAll('.scroll')].map((f) => f.scrollWidth - f.clientWidth)"
    )
    assert max(overflow) == 0


def test_the_themes_differ_and_both_can_be_read(browser):
    for scheme in ("light", "dark"):
        show(browser, 1280, scheme)
        ratios = browser.execute_script(CONTRAST)
        assert ratios, scheme
        assert min(ratios.values()) >= 4.5, (scheme, ratios)
    light, dark = (
        (show(browser, 1280, scheme), browser.execute_script(GROUND))[1]
        for scheme in ("light", "dark")
    )
    assert light != dark


def test_the_ranking_shows_the_scores(browser, suite):
    (board,) = score_records(suite)
    rows = [row.text.split() for row in browser.find_elements(By.CSS_SELECTOR, ".ranking tbody tr")]
    assert [row[:3] for row in rows] == [
        [str(s.rank), s.solver, f"{s.score.value:.3f}"] for s in board.standings
    ]


def test_tables_sort_by_a_press_on_their_heads(browser):
    ranked = browser.execute_script(SOLVERS)
    rank, solver = browser.find_elements(By.CSS_SELECTOR, ".ranking thead button")[:2]
    solver.click()
    assert browser.execute_script(SOLVERS) == sorted(ranked)
    assert solver.find_element(By.XPATH, "..").get_attribute("aria-sort") == "ascending"
    rank.click()
    assert browser.execute_script(SOLVERS) == ranked
    rank.click()
    assert browser.execute_script(SOLVERS) == ranked[::-1]


def test_only_one_player_plays(browser):
    first, second = browser.find_elements(By.CSS_SELECTOR, "audio")[:2]
    browser.execute_script("arguments[0].loop = true; arguments[0].play();", first)
    WebDriverWait(browser, 10).until(lambda b: not first.get_property("paused"))
    browser.execute_script("arguments[0].play();", second)
    WebDriverWait(browser, 10).until(lambda b: first.get_property("paused"))


def test_pointing_at_a_solver_picks_out_its_curves(browser):
    dimmed = "return [...document.querySelectorAll('.lines .dim')].map((e) => e.dataset.solver)"
    assert browser.execute_script(dimmed) == []
    entry = browser.find_element(By.CSS_SELECTOR, ".legend li[data-solver='adam']")
    webdriver.ActionChains(browser).move_to_element(entry).perform()
    others = browser.execute_script(dimmed)
    assert set(others) == {"cma-es", "differential-evolution", "random"}


def test_the_keyboard_reaches_the_results_first(browser):
    webdriver.ActionChains(browser).send_keys("\ue004").perform()  # Tab
    skip = browser.switch_to.active_element
    assert skip.text == "Skip to the results" and skip.rect["x"] >= 0
    skip.send_keys("\ue007")  # Enter
    assert browser.switch_to.active_element.get_attribute("id") == "main"


GROUND = "return getComputedStyle(document.body).backgroundColor"

# WCAG 2.2 contrast of the text in each kind of element against the ground behind it.
CONTRAST = """
const channel = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
const parse = (text) => text.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const ground = (e) => {
  for (; e; e = e.parentElement) {
    const [r, g, b, a = 1] = parse(getComputedStyle(e).backgroundColor);
    if (a === 1 && !getComputedStyle(e).backgroundColor.startsWith('color')) return [r, g, b];
  }
  return [255, 255, 255];
};
const result = {};
for (const kind of ['h1', '.lead', '.facts dt', 'nav a', '.flags li', 'thead th', 'tbody th',
                    'tbody td', 'td small', '.note', '.muted', 'figcaption', 'summary', 'footer']) {
  const e = document.querySelector(kind);
  if (!e) continue;
  const [x, y] = [light(parse(getComputedStyle(e).color)), light(ground(e))].sort((a, b) => b - a);
  result[kind] = (x + 0.05) / (y + 0.05);
}
return result;
"""
