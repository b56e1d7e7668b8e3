"""A stream as the user (or a preset) asks for it, before the service has been seen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from tap_ifs_cloud.odata.query import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["StreamDefinition", "service_name", "stream_name"]

_LISTS: Final = ("select", "expand", "key_properties")


@dataclass(frozen=True, slots=True)
class StreamDefinition:
    """One entry of the setting `streams`; `None` means that the general setting applies."""

    name: str
    entity_set: str
    projection: str = ""
    service: str = "projection"
    gateway: str | None = None
    service_url: str | None = None
    replication: str = "auto"
    replication_key: str | None = None
    key_properties: tuple[str, ...] = ()
    filter: str | None = None
    select: tuple[str, ...] = ()
    expand: tuple[str, ...] = ()
    send_select: bool = True
    page_size: int | None = None
    time_zone_aware: bool = False
    paging: str = "auto"
    completeness: str | None = None
    on_bad_value: str | None = None
    on_null_key: str | None = None

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Self:
        """From an entry whose types the settings' JSON schema has checked."""
        given = {name: value for name, value in entry.items() if value not in (None, "")}
        lists: dict[str, Any] = {name: tuple(given[name]) for name in _LISTS if name in given}
        texts = {
            "name": given.get("name") or stream_name(given["entity_set"]),
            "projection": service_name(given.get("projection", "")),
        }
        if "filter" in given:
            texts["filter"] = one_line(given["filter"])
        return cls(**(given | lists | texts))

    def url(self, base_url: str, gateway: str) -> str:
        """Where its service is; ends in "/"."""
        root = base_url.rstrip("/")
        if self.service_url is None:
            path = f"{self.gateway or gateway}/ifsapplications/{self.service}/v1"
            return f"{root}/{path}/{self.projection}.svc/"
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", self.service_url):
            return self.service_url.rstrip("/") + "/"
        relative = self.service_url.strip("/")
        return f"{root}/{relative}/" if relative else f"{root}/"


def service_name(text: str) -> str:
    """The name of a projection or entity service, as addresses and lists of IFS may show it."""
    return text.strip("/").removesuffix(".svc")


def stream_name(entity_set: str) -> str:
    """The entity set's name without `Set`, in snake case (`purchase_order`)."""
    base = entity_set.removesuffix("Set") or entity_set
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", base)
    return words.lower()
