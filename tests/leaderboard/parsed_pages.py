"""The pages of a report as tests look at them."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

VOID = {"meta", "link", "img"}


class Parsed(HTMLParser):
    """Tags with their attributes and the visible text; fails on tags that do not balance."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(source)
        self.close()
        assert self._open == []
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] not in ("style", "script"):
            self.text += f" {data}"

    def named(self, *tags: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.tags if tag in tags]

    @property
    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.tags if "id" in attributes]

    @property
    def references(self) -> list[tuple[str, str]]:
        """Tag and address of everything that the page points to."""
        return [
            (tag, attributes[name])
            for tag, attributes in self.tags
            for name in ("src", "href")
            if name in attributes
        ]


def parsed_report(index: Path) -> dict[str, Parsed]:
    """All pages of a report by their path in its folder, the index first."""
    paths = [index, *sorted((index.parent / "pages").glob("*.html"))]
    return {
        path.relative_to(index.parent).as_posix(): Parsed(path.read_text("utf-8")) for path in paths
    }


def check_links(index: Path) -> dict[str, Parsed]:
    """Every reference of every page leads somewhere; the pages, for more."""
    pages = parsed_report(index)
    for name, page in pages.items():
        here = (index.parent / name).parent
        assert len(page.ids) == len(set(page.ids)), name
        for tag, address in page.references:
            if address.startswith("data:"):
                continue
            assert ":" not in address, address
            file, _, anchor = unquote(address).partition("#")
            path = (here / file).resolve() if file else index.parent / name
            assert path.is_file(), (name, address)
            if tag == "a" and anchor:
                other = path.relative_to(index.parent.resolve()) if file else name
                assert anchor in pages[str(other)].ids, (name, address)
        labels = [a["aria-labelledby"] for _, a in page.tags if "aria-labelledby" in a]
        assert set(labels) <= set(page.ids)
        assert "http:" not in page.source and "https:" not in page.source
        assert "@import" not in page.source and "url(" not in page.source
        assert "fetch(" not in page.source and "XMLHttp" not in page.source
    return pages
