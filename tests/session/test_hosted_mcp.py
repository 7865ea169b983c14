"""Hosted MCP tools: what is accepted, and what of it is sent and shown."""

from __future__ import annotations

import re
from typing import Any

import pytest

from rtaudio import ConfigError, HostedMcpTool


def test_on_the_wire_are_exactly_the_settings_that_are_given():
    assert HostedMcpTool("s").wire() == {"type": "mcp", "server_label": "s"}
    given = {
        "server_label": "tickets",
        "server_url": "https://example.com/sse",
        "server_description": "Tickets of the help desk.",
        "authorization": "token",
        "headers": {"X-Tenant": "7"},
        "allowed_tools": ["open", "close"],
        "require_approval": "never",
    }
    assert HostedMcpTool(**given).wire() == {"type": "mcp", **given}


def test_a_connector_is_sent_with_its_credential():
    tool = HostedMcpTool("mail", connector_id="connector_gmail", authorization="token")
    assert tool.wire() == {
        "type": "mcp",
        "server_label": "mail",
        "connector_id": "connector_gmail",
        "authorization": "token",
    }


@pytest.mark.parametrize(
    ("given", "sent", "names"),
    [
        (["a"], ["a"], {"a"}),
        (("a", "b"), ["a", "b"], {"a", "b"}),
        ({"tool_names": ["a"]}, {"tool_names": ["a"]}, {"a"}),
        (
            {"toolNames": ["a"], "readOnly": False},
            {"tool_names": ["a"], "read_only": False},
            {"a"},
        ),
        ({"read_only": True}, {"read_only": True}, None),
        (None, None, None),
    ],
)
def test_allowed_tools_are_a_list_or_a_filter(given, sent, names):
    tool = HostedMcpTool("s", allowed_tools=given)
    assert tool.wire().get("allowed_tools") == sent
    assert tool.allowed_names == names


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("always", "always"),
        ("never", "never"),
        ({"always": {"read_only": False}}, {"always": {"read_only": False}}),
        (
            {"always": {"toolNames": ["a"]}, "never": {"tool_names": ["b"], "readOnly": True}},
            {"always": {"tool_names": ["a"]}, "never": {"tool_names": ["b"], "read_only": True}},
        ),
    ],
)
def test_require_approval_is_sent_in_the_spelling_of_the_wire(given, sent):
    assert HostedMcpTool("s", require_approval=given).wire()["require_approval"] == sent


@pytest.mark.parametrize(
    "wrong",
    [
        "sometimes",
        True,
        1,
        ["a"],
        {},
        {"always": {}},
        {"always": None},
        {"always": "a"},
        {"always": ["a"]},
        {"often": {"tool_names": ["a"]}},
        {"always": {"tool_names": ["a"]}, "often": {"read_only": True}},
        {"always": {"names": ["a"]}},
        {"always": {"tool_names": "a"}},
        {"always": {"tool_names": []}},
        {"always": {"tool_names": [""]}},
        {"always": {"tool_names": [1]}},
        {"always": {"tool_names": None}},
        {"always": {"read_only": "yes"}},
        {"always": {"read_only": None}},
        {"always": {"tool_names": ["a"], "toolNames": ["a"]}},
        {"always": {"read_only": True, "readOnly": True}},
        {"always": {"tool_names": ["a", "b"]}, "never": {"toolNames": ["b"]}},
    ],
)
def test_another_shape_of_require_approval_is_refused(wrong):
    with pytest.raises(ConfigError, match=r"hosted MCP tool 's': require_approval"):
        HostedMcpTool("s", require_approval=wrong)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"server_label": ""}, "needs a server_label, a non-empty str; got ''"),
        ({"server_label": None}, "needs a server_label, a non-empty str; got None"),
        ({"server_url": ""}, "server_url must be a non-empty str, got an empty str"),
        ({"authorization": 7}, "authorization must be a non-empty str, got int"),
        ({"server_url": "u", "connector_id": "c"}, "a server_url or a connector_id, not both"),
        ({"headers": ["secret"]}, "headers must be a mapping of str to str"),
        ({"headers": {"a": 1}}, "headers must be a mapping of str to str"),
        ({"allowed_tools": []}, "allowed_tools must be a list of names of tools, not empty"),
        ({"allowed_tools": "a"}, "allowed_tools must be a list of names"),
        ({"allowed_tools": {"always": {}}}, "allowed_tools must be a mapping with 'tool_names'"),
    ],
)
def test_another_wrong_setting_is_named(settings: dict[str, Any], message: str):
    with pytest.raises(ConfigError, match=re.escape(message)):
        HostedMcpTool(**{"server_label": "s", **settings})


def test_credentials_are_neither_shown_nor_part_of_an_error():
    tool = HostedMcpTool("s", authorization="hush", headers={"Cookie": "hush"})
    assert "hush" not in f"{tool!r} {tool}"
    for wrong in ({"authorization": ["hush"]}, {"headers": {"Cookie": ["hush"]}}):
        with pytest.raises(ConfigError) as caught:
            HostedMcpTool("s", **wrong)
        assert "hush" not in str(caught.value)
