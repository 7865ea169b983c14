"""What the service does with MCP servers, as the conversation follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rtaudio.conversation import Conversation
from rtaudio.errors import ProtocolError
from rtaudio.protocol import decode_server_event, encode_event

if TYPE_CHECKING:
    from rtaudio.conversation.events import SessionEvent
    from rtaudio.conversation.items import Item

CALL = {"id": "m", "type": "mcp_call", "server_label": "s", "name": "open"}
ASKED = {**CALL, "id": "q", "type": "mcp_approval_request", "arguments": '{"n": 1}'}


class Driver:
    def __init__(self) -> None:
        self.conversation = Conversation()
        self.conversation.mcp.allow([("s", None)])

    def feed(self, kind: str, **fields: Any) -> list[SessionEvent]:
        event = decode_server_event(encode_event({"type": kind, "event_id": "e", **fields}))
        self.conversation.receive(event, 0.0)
        return self.conversation.take_events()

    def item(self, event: str, item: dict[str, Any], **fields: Any) -> list[SessionEvent]:
        return self.feed(f"conversation.item.{event}", item=item, **fields)

    def output_item(self, event: str, item: dict[str, Any]) -> list[SessionEvent]:
        kind = f"response.output_item.{event}"
        return self.feed(kind, response_id="r", output_index=0, item=item)

    def listed(self, *names: str, label: str = "s") -> list[SessionEvent]:
        tools = [{"name": name, "input_schema": {"type": "object"}} for name in names]
        item = {"id": "l", "type": "mcp_list_tools", "server_label": label, "tools": tools}
        return self.item("done", item)

    def available(self) -> list[str]:
        return [tool.name for tool in self.conversation.mcp.available]

    def sent(self) -> list[dict[str, Any]]:
        return self.conversation.take_outgoing()

    @property
    def last(self) -> Item:
        return self.conversation.history.snapshot()[-1]


@pytest.fixture
def driver() -> Driver:
    return Driver()


def kinds(events: list[SessionEvent]) -> list[str]:
    return [event.type for event in events]


class TestToolLists:
    def test_a_list_is_told_once_and_is_no_item_of_history(self, driver):
        (event,) = driver.listed("open", "close")
        assert event.type == "mcp_tools_changed"
        assert [tool.name for tool in event.tools] == ["open", "close"]
        assert event.tools == driver.conversation.mcp.available
        assert event.tools[0].input_schema == {"type": "object"}
        assert driver.listed("close", "open") == []
        assert len(driver.conversation.history) == 0

    def test_a_list_that_is_not_finished_says_nothing(self, driver):
        item = {"id": "l", "type": "mcp_list_tools", "server_label": "s", "tools": [{"name": "a"}]}
        assert driver.item("added", item) == []
        assert driver.item("retrieved", item) == []
        assert driver.available() == []

    def test_only_allowed_tools_are_available(self, driver):
        driver.conversation.mcp.allow([("s", frozenset({"open"}))])
        driver.listed("open", "close")
        assert driver.available() == ["open"]
        assert driver.listed("open") == []

    def test_of_two_servers_with_one_name_the_first_of_the_agent_counts(self, driver):
        driver.conversation.mcp.allow([("t", None), ("s", None)])
        driver.listed("open", "close")
        driver.listed("read", "open", label="t")
        assert driver.available() == ["read", "open", "close"]
        assert driver.conversation.mcp.available[1].server_label == "t"

    def test_another_agent_has_other_tools_of_the_same_lists(self, driver):
        driver.listed("open")
        driver.conversation.mcp.allow([])
        assert kinds(driver.conversation.take_events()) == ["mcp_tools_changed"]
        assert driver.available() == []
        driver.conversation.mcp.allow([("s", None)])
        driver.conversation.mcp.allow([("s", None)])
        assert kinds(driver.conversation.take_events()) == ["mcp_tools_changed"]
        assert driver.available() == ["open"]

    def test_a_new_connection_begins_without_lists(self, driver):
        driver.listed("open")
        driver.conversation.connecting()
        assert driver.available() == []
        assert kinds(driver.listed("open")) == ["mcp_tools_changed"]

    def test_of_more_servers_than_make_sense_the_latest_lists_are_kept(self, driver):
        driver.listed("open")
        for number in range(100):
            driver.listed("read", label=f"s{number}")
        assert driver.available() == []
        lists = driver.conversation.queues()["mcp_lists"]
        assert (lists.size, lists.lost) == (100, 1)

    def test_a_tool_without_a_name_is_left_out(self, driver):
        tools = [{"name": None}, {"name": "open", "annotations": None}, {}]
        item = {"id": "l", "type": "mcp_list_tools", "server_label": "s", "tools": tools}
        driver.item("done", item)
        assert driver.available() == ["open"]


class TestCalls:
    @pytest.mark.parametrize("kind", ["mcp_call", "mcp_tool_call"])
    def test_a_finished_call_is_told_and_asks_for_a_response(self, kind, driver):
        driver.item("added", {**CALL, "type": kind, "arguments": ""})
        assert (driver.last.type, driver.last.status, driver.last.role) == (
            kind,
            "in_progress",
            None,
        )
        done = {**CALL, "type": kind, "arguments": '{"n":1}', "output": "42"}
        events = driver.item("done", done)
        assert kinds(events) == ["history_updated", "mcp_tool_call_completed"]
        item = events[-1].tool_call
        assert item == driver.last
        assert (item.status, item.name, item.server_label) == ("completed", "open", "s")
        assert (item.arguments, item.output, item.error) == ('{"n":1}', "42", None)
        assert [event["type"] for event in driver.sent()] == ["response.create"]

    def test_without_the_option_only_the_event_comes(self, driver):
        driver.conversation.mcp.respond = False
        assert "mcp_tool_call_completed" in kinds(driver.item("done", CALL))
        assert driver.sent() == []

    def test_the_request_waits_for_the_end_of_the_response_that_called(self, driver):
        driver.feed("response.created", response={"id": "r", "output": []})
        driver.item("done", CALL)
        assert driver.sent() == []
        driver.feed("response.done", response={"id": "r", "output": []})
        assert [event["type"] for event in driver.sent()] == ["response.create"]

    def test_a_failed_call_says_why(self, driver):
        error = {"type": "http_error", "code": 502, "message": "bad gateway"}
        driver.item("done", {**CALL, "error": error})
        assert driver.last.error.code == 502
        assert driver.last.output is None

    @pytest.mark.parametrize("fields", [{}, {"output": None, "arguments": None}])
    def test_output_and_arguments_may_be_missing(self, fields, driver):
        driver.item("done", {**CALL, **fields})
        assert (driver.last.arguments, driver.last.output) == ("", None)

    def test_items_of_a_response_enter_history_without_further_effect(self, driver):
        assert kinds(driver.output_item("added", CALL)) == ["history_added", "history_updated"]
        assert driver.last.status == "in_progress"
        assert kinds(driver.output_item("done", CALL)) == ["history_updated"]
        assert driver.last.status == "completed"
        assert driver.sent() == []

    def test_a_call_goes_behind_its_predecessor(self, driver):
        user = {"type": "message", "role": "user", "content": []}
        driver.item("done", {**user, "id": "a"})
        driver.item("done", {**user, "id": "b"})
        driver.item("done", CALL, previous_item_id="a")
        ids = [item.item_id for item in driver.conversation.history.snapshot()]
        assert ids == ["a", "m", "b"]

    @pytest.mark.parametrize("event", ["retrieved", "added"])
    def test_a_completed_call_never_goes_on_again(self, event, driver):
        driver.item("done", {**CALL, "arguments": "{}", "output": "42"})
        driver.item(event, {**CALL, "arguments": ""})
        assert (driver.last.status, driver.last.output) == ("completed", "42")
        assert driver.last.arguments == "{}"

    def test_a_call_that_the_connection_did_not_survive_is_incomplete(self, driver):
        driver.item("added", CALL)
        driver.conversation.suspend()
        assert driver.last.status == "incomplete"

    def test_the_item_of_a_call_that_begins_is_asked_for_again(self, driver):
        driver.feed("response.mcp_call.in_progress", item_id="m", output_index=0)
        driver.feed("mcp_list_tools.in_progress", item_id="l")
        assert driver.sent() == [
            {"type": "conversation.item.retrieve", "item_id": "m"},
            {"type": "conversation.item.retrieve", "item_id": "l"},
        ]
        driver.item("retrieved", CALL)
        assert driver.last.status == "in_progress"


class TestApprovalRequests:
    def test_a_request_is_an_item_with_its_arguments_parsed(self, driver):
        events = driver.item("done", ASKED)
        assert kinds(events) == ["history_added", "history_updated"]
        (request,) = driver.conversation.take_requests()
        assert request == driver.last
        assert (request.type, request.server_label, request.name) == (
            "mcp_approval_request",
            "s",
            "open",
        )
        assert (request.arguments, request.approved, request.status) == ({"n": 1}, None, None)

    @pytest.mark.parametrize("event", ["added", "retrieved"])
    def test_a_request_that_is_not_finished_says_nothing(self, event, driver):
        assert driver.item(event, ASKED) == []
        assert driver.conversation.take_requests() == []

    @pytest.mark.parametrize("text", ["{secret", '["secret"]', '"secret"'])
    def test_malformed_arguments_are_reported_and_the_text_is_offered(self, text, driver):
        events = driver.item("done", {**ASKED, "arguments": text})
        assert isinstance(events[-1].error, ProtocolError)
        assert "secret" not in f"{events[-1].error!r} {driver.last!r}"
        (request,) = driver.conversation.take_requests()
        assert request.arguments == text

    @pytest.mark.parametrize("arguments", ["", None])
    def test_no_arguments_are_an_empty_object(self, arguments, driver):
        driver.item("done", {**ASKED, "arguments": arguments})
        assert driver.last.arguments == {}

    def test_a_request_without_an_id_cannot_be_answered(self, driver):
        (event,) = driver.item("done", {**ASKED, "id": None})
        assert isinstance(event.error, ProtocolError)
        assert driver.conversation.take_requests() == []

    def test_of_requests_with_one_id_the_first_stays_in_history(self, driver):
        driver.item("done", ASKED)
        assert driver.item("done", {**ASKED, "name": "shut"}) == []
        assert driver.last.name == "open"
        assert [each.name for each in driver.conversation.take_requests()] == ["open", "shut"]

    def test_the_answer_as_the_service_has_it_marks_the_request(self, driver):
        driver.item("done", ASKED)
        answer = {
            "id": "w",
            "type": "mcp_approval_response",
            "approval_request_id": "q",
            "approve": False,
        }
        assert kinds(driver.item("done", answer)) == ["history_updated"]
        assert driver.last.approved is False
        assert driver.item("done", answer) == []
        assert len(driver.conversation.history) == 1
