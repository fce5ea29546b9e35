"""The report: one HTML page with everything in it, and how it looks in a browser on a phone."""
import json
import re
import shutil
from html.parser import HTMLParser

import pytest
from golden_records import make
from record_tools import write, write_base_to_new

from experiments.reporting import report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update", "--hide-scrollbars")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The report of the checked-in records."""
    path = tmp_path_factory.mktemp("report") / "made" / "report.html"
    assert report.main([str(make.RECORDS), "--output", str(path)]) == 0
    assert [entry.name for entry in path.parent.iterdir()] == ["report.html"]
    return path


class Elements(HTMLParser):
    """All start tags of a page with their attributes; complains about tags that do not match."""

    VOID = ("meta", "link", "img", "br")

    def __init__(self, text):
        super().__init__()
        self.found, self.open = [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def all(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


def test_page_needs_nothing_else_and_says_what_is_what(page):
    text = page.read_text(encoding="utf-8")
    elements = Elements(text)
    for tag, key in (("img", "src"), ("link", "href"), ("script", "src"), ("a", "href")):
        for attributes in elements.all(tag):
            assert attributes[key].startswith(("data:", "#"))
    assert "@import" not in text and not re.search(r"url\((?!data:)", text)
    ids = [attributes["id"] for _, attributes in elements.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {attributes["href"][1:] for attributes in elements.all("a")} <= set(ids)
    assert all(len(attributes["alt"]) > 20 for attributes in elements.all("img")) and len(elements.all("img")) == 7
    assert all(attributes["scope"] in ("col", "row", "rowgroup") for attributes in elements.all("th"))
    assert len(elements.all("table")) == len(elements.all("caption")) == 10
    assert elements.all("html")[0]["lang"] == "en"


def test_page_holds_the_tables_what_is_missing_and_the_versions(page):
    text = page.read_text(encoding="utf-8")
    for shown in ("78.05 ± 0.14", "2.4.1", "2026-01-02T03:04:05+00:00"):
        assert shown in text
    assert "No figure of " not in text
    assert "<li>Caltech101: MaPLe_MAO, base, seed 3</li>" in text
    assert "<td><strong>" in text


def test_same_records_make_the_same_bytes(page, tmp_path):
    assert report.main([str(make.RECORDS), "--output", str(tmp_path / "again.html")]) == 0
    assert (tmp_path / "again.html").read_bytes() == page.read_bytes()


def test_names_from_records_are_text(tmp_path):
    for half in ("base", "new"):
        write(tmp_path, "<script>alert(1)</script>", half, 1, 500, dataset="A & B")
    assert report.main([str(tmp_path), "--output", str(tmp_path / "report.html")]) == 0
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script" not in text and "&lt;script&gt;" in text and "A &amp; B" in text


def test_parts_without_records_are_left_out_with_a_sentence(tmp_path):
    write_base_to_new(tmp_path)
    assert report.main([str(tmp_path), "--output", str(tmp_path / "report.html")]) == 0
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<h2>Base to new</h2>" in text and "<h2>Ablations</h2>" not in text
    assert "Ablations: no records; scripts/reproduce/ablation.sh makes them." in text
    assert "No figure of training curves, from training.jsonl: there are none." in text


def test_no_records_is_an_error_and_writes_nothing(tmp_path, capsys):
    assert report.main([str(tmp_path), "--output", str(tmp_path / "report.html")]) == 2
    assert re.fullmatch(r"error: no records in .*\n", capsys.readouterr().err)
    assert list(tmp_path.iterdir()) == []


# In a browser

@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs the package selenium (pip install selenium)")
    if not (CHROMIUM and DRIVER):
        pytest.skip("needs Chromium and its driver (on Debian: apt install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


def open_page(browser, page, width, scheme="light"):
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": width, "height": 740, "deviceScaleFactor": 2, "mobile": True})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {
        "features": [{"name": "prefers-color-scheme", "value": scheme}]})
    browser.get(page.as_uri())


@pytest.mark.parametrize("width", [360, 1280])
def test_page_is_no_wider_than_the_screen(browser, page, width):
    open_page(browser, page, width)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    boxes = browser.execute_script(
        "return [...document.querySelectorAll('.scroll')].map(box => [box.getBoundingClientRect().right,"
        " getComputedStyle(box).overflowX])")
    assert len(boxes) == 17 and all(right <= width and overflow == "auto" for right, overflow in boxes)


def test_figures_are_drawn_and_nothing_is_loaded(browser, page):
    for kind in ("browser", "performance"):
        browser.get_log(kind)  # of the pages before
    open_page(browser, page, 360)
    sizes = browser.execute_script(
        "return [...document.images].map(image => [image.complete, image.naturalWidth, image.clientHeight])")
    assert len(sizes) == 7 and all(complete and width > 300 and height > 100 for complete, width, height in sizes)
    assert browser.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [message["params"]["request"]["url"] for message in messages
             if message["method"] == "Network.requestWillBeSent"]
    assert page.as_uri() in asked
    assert [url for url in asked if not url.startswith("data:")] == [page.as_uri()]


def test_text_stands_out_by_day_and_by_night(browser, page):
    for scheme in ("light", "dark"):
        open_page(browser, page, 360, scheme)
        ink, paper = browser.execute_script(
            "const style = getComputedStyle(document.body); return [style.color, style.backgroundColor]")
        bright = [sum(map(int, re.findall(r"\d+", color)[:3])) for color in (ink, paper)]
        assert bright[0] < 150 and bright[1] > 600 if scheme == "light" else bright[0] > 600 and bright[1] < 150
