"""What every structure of the protocol has in common.

Two rules decide how the structures of this package are declared:

* Reading is lenient. A field the service may leave out or send as null has the default None, so a
  reader never has to tell "absent" from "null"; unknown fields are ignored.
* Writing is exact. None is left out (`omit_defaults`), except in the few structures where the
  service always writes the field, null included; those say `omit_defaults=False`. Where a null has
  to be written elsewhere, give `NULL`. Objects whose nulls carry meaning of their own, such as
  the session's configuration, are plain dicts and travel as they are.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

__all__ = ["NULL", "ClientEvent", "Detail", "ServerEvent", "Tagged", "UnknownEvent"]

MAX_EVENT_ID: Final = 512  # characters of a client's event_id, by the protocol

#: A field value that is written as JSON null where None would be left out.
NULL: Any = msgspec.Raw(b"null")


class Tagged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """A JSON object that says in `type` which kind it is."""

    @property
    def type(self) -> str:
        """The name on the wire, such as `session.created`."""
        return str(self.__struct_config__.tag)


class Detail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A JSON object inside an event."""


class ServerEvent(Tagged, frozen=True, kw_only=True):
    """An event that the service sends.

    Attributes:
        event_id: unique; None where a server leaves it out.
    """

    event_id: str | None = None


class ClientEvent(Tagged, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """An event that the client sends.

    Attributes:
        event_id: chosen by the client, at most 512 characters; an `error` event that answers this
            event repeats it.
    """

    event_id: Annotated[str, msgspec.Meta(max_length=MAX_EVENT_ID)] | None = None


class UnknownEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event of a type this library does not know; the service may add types at any time.

    Attributes:
        type: the name on the wire.
        raw: the whole parsed object.
    """

    type: str
    raw: dict[str, Any]

    @property
    def event_id(self) -> str | None:
        """The event's id, where it has one."""
        value = self.raw.get("event_id")
        return value if isinstance(value, str) else None
