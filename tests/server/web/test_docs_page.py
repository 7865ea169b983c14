"""The description as a page."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from rtaudio.protocol import CLIENT_EVENTS
from rtaudio.server.web.docs_page import write_page
from rtaudio.server.web.endpoints import ENDPOINTS
from rtaudio.server.web.openapi import describe, sent_events

if TYPE_CHECKING:
    from collections.abc import Callable


class Page(HTMLParser):
    """What is in a page: its text, its anchors, what it links to and what it would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = ""
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.append(str(value))
            elif name == "href" and tag == "a":
                self.links.append(str(value))
            elif name in ("src", "href"):
                self.loads.append(str(value))

    def handle_data(self, data: str) -> None:
        self.text += data


async def test_the_page_is_served_with_all_events_and_endpoints(http: Callable[..., Any]) -> None:
    async with http(token="s3cret") as (client, _), client.get("/docs") as response:
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        page = Page(await response.text())
    for event in (*CLIENT_EVENTS, *sent_events()):
        assert str(event.__struct_config__.tag) in page.text
    for endpoint in ENDPOINTS:
        assert f"{endpoint.method} {endpoint.path}" in page.text
    assert "what was heard, in milliseconds from the part's beginning." in page.text


def test_the_page_needs_nothing_else_and_its_links_lead_somewhere() -> None:
    text = write_page(describe())
    page = Page(text)
    assert page.loads == []
    assert "<script" not in text
    assert not re.search(r"https?://|url\(|@import", text)
    assert len(page.ids) == len(set(page.ids))
    inside = {link[1:] for link in page.links if link.startswith("#")}
    assert inside <= set(page.ids)
    assert {link for link in page.links if not link.startswith("#")} == {"openapi.json"}


def test_texts_are_escaped() -> None:
    document = describe()
    schemas = document["components"]["schemas"]
    odd = {**schemas["SessionUpdate"], "description": "<b>&`x<y`"}
    components = {"schemas": {**schemas, "SessionUpdate": odd}}
    text = write_page({**document, "components": components})
    assert "&lt;b&gt;&amp;<code>x&lt;y</code>" in text


async def test_the_description_for_programs_is_open_to_all(http: Callable[..., Any]) -> None:
    async with http(token="s3cret") as (client, _), client.get("/openapi.json") as response:
        document = await response.json()
    assert document == describe()
    assert document["openapi"] == "3.1.0"
