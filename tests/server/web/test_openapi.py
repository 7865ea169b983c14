"""The service's description, held against what it describes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

import rtaudio.server
from rtaudio.protocol import CLIENT_EVENTS, SERVER_EVENTS
from rtaudio.server.web import openapi
from rtaudio.server.web.app import make_app
from rtaudio.server.web.endpoints import ENDPOINTS
from rtaudio.server.web.openapi import REF, describe, sent_events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SOURCE = Path(rtaudio.server.__file__).parent


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for one in part:
            yield from references(one)


async def test_every_route_is_described_and_nothing_else(http: Callable[..., Any]) -> None:
    async with http() as (_, server):
        routes = {
            (route.method, route.resource.canonical)
            for route in make_app(server._service, "127.0.0.1").router.routes()
            if route.method != "HEAD" and route.resource is not None
        }
    described = {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}
    # The console is no interface, and the session's path may end in a slash.
    own = {("GET", "/"), ("GET", "/v1/realtime/")}
    console = {one for one in routes if one[1].startswith("/console/")}
    assert routes - own - console == described
    assert {(m.upper(), p) for p, ms in describe()["paths"].items() for m in ms} == described


def test_every_event_is_described_by_its_name_on_the_wire() -> None:
    schemas = describe()["components"]["schemas"]
    for side, events in (("ClientEvent", CLIENT_EVENTS), ("ServerEvent", sent_events())):
        names = [one["$ref"].removeprefix(REF) for one in schemas[side]["oneOf"]]
        tags = [schemas[name]["properties"]["type"]["enum"][0] for name in names]
        assert tags == [event.__struct_config__.tag for event in events]


def test_events_that_are_not_described_are_sent_nowhere() -> None:
    source = "".join(path.read_text("utf-8") for path in SOURCE.rglob("*.py"))
    missing = set(SERVER_EVENTS) - set(sent_events())
    assert missing
    for event in missing:
        assert not re.search(rf"\b{event.__name__}\b", source), event


def test_fields_have_their_docstrings_words_inherited_and_renamed_ones_too() -> None:
    schemas = describe()["components"]["schemas"]
    fields = schemas["ResponseOutputAudioDelta"]["properties"]
    assert fields["delta"]["contentEncoding"] == "base64"
    assert "output format" in fields["delta"]["description"]
    assert "unique" in fields["event_id"]["description"]
    assert "512 characters" in schemas["SessionUpdate"]["properties"]["event_id"]["description"]
    text = schemas["ConversationItemTruncate"]["properties"]["audio_end_ms"]["description"]
    assert text == "what was heard, in milliseconds from the part's beginning."


def test_all_references_lead_somewhere() -> None:
    document = describe()
    schemas = document["components"]["schemas"]
    found = list(references(document))
    assert found
    assert [one for one in found if one.removeprefix(REF) not in schemas] == []
    assert "UnknownItem" not in json.dumps(document)


def test_settings_are_described_down_to_their_ranges() -> None:
    schemas = describe()["components"]["schemas"]
    for holder in ("SessionUpdate", "ClientSecretRequest"):
        kinds = {
            one["$ref"].removeprefix(REF)
            for one in schemas[holder]["properties"]["session"]["anyOf"]
        }
        assert {"Conversing", "Transcribing"} <= kinds
    assert schemas["ServerVad"]["properties"]["threshold"]["maximum"] == 1
    response = schemas["ResponseCreate"]["properties"]["response"]["anyOf"][0]
    assert response == {"$ref": f"{REF}ResponseParameters"}
    body = describe()["paths"]["/v1/realtime/client_secrets"]["post"]["requestBody"]
    assert body["content"]["application/json"]["schema"] == {"$ref": f"{REF}ClientSecretRequest"}
    assert schemas["ExpiresAfter"]["properties"]["seconds"]["maximum"] == 7200


def test_no_two_structures_share_a_name() -> None:
    names = [one.__name__.removeprefix("_") for one in openapi._derived(msgspec.Struct)]
    assert sorted(set(names)) == sorted(names)
