"""The report in a browser: it loads whole from disk, fits narrow screens, sorts and plays."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_records import CROWD, comparison, write

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

OSC, FM = "DiffMoog-Osc-v0", "DiffMoog-FM-v0"
KINDS = {
    "index": "index.html",
    "level": "pages/board-1-level-4.html",
    "task": f"pages/board-1-task-{FM}.html",
    "sounds": f"pages/board-1-sounds-{FM}.html",
}
LOADED = """
return [...document.querySelectorAll('img')].every((i) => i.complete && i.naturalWidth > 0)
    && [...document.querySelectorAll('audio')].every((a) => a.readyState > 0 && a.duration > 0);
"""
SOLVERS = (
    "return [...document.querySelectorAll('.ranking tbody th')].map((e) => e.innerText.trim())"
)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory) -> Path:
    """A report on as many solvers as a large leaderboard has, with all their sounds."""
    root = tmp_path_factory.mktemp("crowd")
    tasks = {task: get_task(task).dimension for task in (OSC, FM)}
    write(comparison(tasks, n_targets=2, solvers=tuple(CROWD)), root / "records")
    return write_report(root / "records", root / "report", sounds="all", title="A" * 60)


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


def visit(driver: WebDriver, index: Path, page: str) -> None:
    """Open a page with all that is folded unfolded."""
    driver.get((index.parent / page).as_uri())
    driver.execute_script(
        "document.querySelectorAll('details').forEach((d) => { d.open = true; });"
    )


@pytest.mark.parametrize("page", KINDS.values(), ids=KINDS)
def test_everything_loads_and_nothing_complains(browser, index, page):
    visit(browser, index, page)
    browser.execute_script(
        "document.querySelectorAll('img').forEach((i) => { i.loading = 'eager'; });"
        "document.querySelectorAll('audio').forEach((a) => { a.preload = 'metadata'; });"
    )
    WebDriverWait(browser, 20).until(lambda b: b.execute_script(LOADED))
    n_players = 5 + 2 + 2 if "sounds" in page else 0
    assert len(browser.find_elements(By.CSS_SELECTOR, "audio")) == n_players
    assert browser.get_log("browser") == []
    requested = browser.execute_script(
        "return performance.getEntriesByType('resource').map((e) => e.name)"
    )
    assert all(name.startswith(("file:", "data:")) for name in requested)


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("page", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("report", ["index", "crowd"])
def test_no_page_is_wider_than_the_window(browser, request, report, page, width):
    show(browser, width)
    visit(browser, request.getfixturevalue(report), page)
    root = "const page = document.documentElement; return "
    assert browser.execute_script(f"{root} window.innerWidth") == width
    assert browser.execute_script(f"{root} page.scrollWidth - page.clientWidth") == 0
    # Tables scroll within their own frame, and can be reached to do so.
    frames = browser.find_elements(By.CSS_SELECTOR, ".scroll")
    assert frames and all(frame.get_attribute("tabindex") == "0" for frame in frames)


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("page", [KINDS["index"], KINDS["level"], KINDS["task"]])
def test_labels_of_figures_are_not_cut_off(browser, crowd, page, width):
    show(browser, width)
    visit(browser, crowd, page)
    assert browser.execute_script(CUT_OFF) == []


@pytest.mark.parametrize("page", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("report", ["index", "crowd"])
def test_at_full_width_the_tables_need_no_scrolling(browser, request, report, page):
    visit(browser, request.getfixturevalue(report), page)
    overflow = browser.execute_script(
        "return [...document.querySelectorAll('.scroll')].map((f) => f.scrollWidth - f.clientWidth)"
    )
    assert max(overflow) == 0


@pytest.mark.parametrize("page", KINDS.values(), ids=KINDS)
def test_the_themes_differ_and_both_can_be_read(browser, index, page):
    grounds = set()
    for scheme in ("light", "dark"):
        show(browser, 1280, scheme)
        visit(browser, index, page)
        ratios = browser.execute_script(CONTRAST)
        assert len(ratios) > 3, scheme
        assert min(ratios.values()) >= 4.5, (scheme, ratios)
        grounds.add(browser.execute_script(GROUND))
    assert len(grounds) == 2


def test_a_link_leads_to_a_target_and_opens_it(browser, index):
    row = browser.find_elements(By.CSS_SELECTOR, ".hardest tbody tr")[-1]
    link = row.find_element(By.LINK_TEXT, "listen")
    anchor = link.get_attribute("href").partition("#")[2]
    browser.execute_script("arguments[0].scrollIntoView(); arguments[0].click();", link)
    WebDriverWait(browser, 10).until(lambda b: "-sounds-" in b.current_url)
    assert browser.find_element(By.ID, anchor).get_property("open")


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


def test_only_one_player_plays(browser, index):
    visit(browser, index, KINDS["sounds"])
    first, second = browser.find_elements(By.CSS_SELECTOR, "audio")[:2]
    browser.execute_script("arguments[0].loop = true; arguments[0].play();", first)
    WebDriverWait(browser, 10).until(lambda b: not first.get_property("paused"))
    browser.execute_script("arguments[0].play();", second)
    WebDriverWait(browser, 10).until(lambda b: first.get_property("paused"))


def test_pointing_at_a_solver_picks_out_its_curves(browser, index):
    visit(browser, index, KINDS["task"])
    dimmed = "return [...document.querySelectorAll('.plot .dim')].map((e) => e.dataset.solver)"
    assert browser.execute_script(dimmed) == []
    entry = browser.find_element(By.CSS_SELECTOR, ".legend li[data-solver='adam']")
    webdriver.ActionChains(browser).move_to_element(entry).perform()
    others = browser.execute_script(dimmed)
    assert set(others) == {"cma-es", "differential-evolution", "random"}


def test_a_crowd_shows_the_quartiles_of_the_solver_that_is_pointed_at(browser, crowd):
    visit(browser, crowd, KINDS["task"])
    seen = (
        "return [...document.querySelectorAll('.bands path')]"
        ".filter((e) => getComputedStyle(e).opacity > 0.9).map((e) => e.dataset.solver)"
    )
    assert browser.execute_script(seen) == []
    entry = browser.find_element(By.CSS_SELECTOR, ".legend li[data-solver='solver-c']")
    webdriver.ActionChains(browser).move_to_element(entry).perform()
    WebDriverWait(browser, 5).until(lambda b: b.execute_script(seen) == ["solver-c"])


def test_the_keyboard_reaches_the_results_first(browser):
    webdriver.ActionChains(browser).send_keys("\ue004").perform()  # Tab
    skip = browser.switch_to.active_element
    assert skip.text == "Skip to the results" and skip.rect["x"] >= 0
    skip.send_keys("\ue007")  # Enter
    assert browser.switch_to.active_element.get_attribute("id") == "main"


# Texts of figures that reach beyond their view box, or over each other.
CUT_OFF = """
const found = [];
for (const plot of document.querySelectorAll('.plot')) {
  const frame = plot.getBoundingClientRect();
  const texts = [...plot.querySelectorAll('text')].filter((t) => t.textContent.trim());
  const boxes = texts.map((t) => t.getBoundingClientRect());
  boxes.forEach((box, i) => {
    if (box.left < frame.left - 0.5 || box.right > frame.right + 0.5
        || box.top < frame.top - 0.5 || box.bottom > frame.bottom + 0.5)
      found.push(`cut off: ${texts[i].textContent}`);
    for (let j = i + 1; j < boxes.length; j += 1) {
      const other = boxes[j];
      if (box.left < other.right - 1 && other.left < box.right - 1
          && box.top < other.bottom - 3 && other.top < box.bottom - 3)
        found.push(`over each other: ${texts[i].textContent}, ${texts[j].textContent}`);
    }
  });
}
return found;
"""

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
                    'tbody td', 'td small', '.note', '.muted', 'figcaption', 'summary', 'footer',
                    '.eyebrow a', '.legend li', '.heat small', '.distance']) {
  const e = document.querySelector(kind);
  if (!e) continue;
  const [x, y] = [light(parse(getComputedStyle(e).color)), light(ground(e))].sort((a, b) => b - a);
  result[kind] = (x + 0.05) / (y + 0.05);
}
return result;
"""
