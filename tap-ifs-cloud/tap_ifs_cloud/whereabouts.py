"""Where a projection is served, and why not: the causes behind IFS's one 404 told apart.

IFS answers alike for a wrong gateway, a wrong name, an entity service that is not activated and a
missing grant. The other gateways and the tenant's list of projections tell which it is.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from tap_ifs_cloud.catalogue import CATALOGUE, Catalogue, read_catalogue
from tap_ifs_cloud.definition import StreamDefinition
from tap_ifs_cloud.odata.errors import Forbidden, IfsError, NotFound
from tap_ifs_cloud.odata.pacing import Patience

if TYPE_CHECKING:
    from tap_ifs_cloud.odata.session import Session

__all__ = [
    "PLACES",
    "EntityServiceInactive",
    "EntitySetRefused",
    "GatewayWrong",
    "GrantMissing",
    "Place",
    "ProjectionUnknown",
    "ProjectionUnreachable",
    "Whereabouts",
]


@dataclass(frozen=True, slots=True)
class Place:
    """A gateway and a family of services: what comes before the name in an address."""

    gateway: str
    service: str

    @override
    def __str__(self) -> str:
        return f"{self.gateway}/{self.service}"

    def url(self, base_url: str, projection: str) -> str:
        """The address of a projection there; ends in "/"."""
        definition = StreamDefinition("", "", projection, self.service, self.gateway)
        return definition.url(base_url, self.gateway)

    def settings(self, asked: Place) -> str:
        """What must be set to read here and not at `asked`."""
        told = {
            f"`service: {self.service}`": self.service != asked.service,
            f"`gateway: {self.gateway}`": self.gateway != asked.gateway,
        }
        return " and ".join(setting for setting, differs in told.items() if differs)


# All there are: IFS serves entity services on the integration gateway only.
PLACES: Final = (
    Place("main", "projection"),
    Place("int", "projection"),
    Place("int", "entity"),
    Place("b2b", "projection"),
)


class _Unserved(NotFound):
    """A projection that is not served where it was asked for, and why."""

    def __init__(self, sentence: str) -> None:
        self.said = sentence
        IfsError.__init__(self, sentence)


class EntitySetRefused(_Unserved):
    """The service declares the set but does not give its rows."""

    code = "ENTITY_SET_REFUSED"

    def __init__(self, entity_set: str, error: Forbidden | NotFound) -> None:
        super().__init__(
            f"{entity_set}: {error.said.rstrip('.')}. The projection is served, its set is not: "
            "grant the set in a permission set of the service user"
        )


class GatewayWrong(_Unserved):
    """Another gateway, or the other family of services, has the projection."""

    code = "GATEWAY_WRONG"

    def __init__(self, projection: str, asked: Place, found: Place) -> None:
        self.found = found
        super().__init__(
            f"{projection} is not served at {asked} but at {found}: set {found.settings(asked)}"
        )


class GrantMissing(_Unserved):
    """The tenant has the projection; the service user may not see it."""

    code = "GRANT_MISSING"

    def __init__(self, projection: str) -> None:
        super().__init__(
            f"the tenant has a projection {projection}, but serves it to this service user on no "
            "gateway: grant it in a permission set of the user"
        )


class EntityServiceInactive(_Unserved):
    """The tenant has the entity service; it is not activated, or not granted."""

    code = "ENTITY_SERVICE_INACTIVE"

    def __init__(self, projection: str) -> None:
        super().__init__(
            f"the tenant has an entity service {projection}, but does not serve it: activate it in "
            "API Explorer and grant it in a permission set of the service user"
        )


class ProjectionUnknown(_Unserved):
    """The tenant's list has no such projection."""

    code = "PROJECTION_UNKNOWN"

    def __init__(self, projection: str, nearest: tuple[str, ...]) -> None:
        near = f"; the nearest names are {', '.join(nearest)}" if nearest else ""
        super().__init__(f"the tenant has no projection {projection!r}{near}")


class ProjectionUnreachable(_Unserved):
    """No gateway has the projection, and the tenant's list cannot be looked at."""

    code = "PROJECTION_UNREACHABLE"

    def __init__(self, projection: str, why: IfsError) -> None:
        super().__init__(
            f"no gateway serves {projection} (asked: {', '.join(map(str, PLACES))}). Either the "
            "name is misspelt, or the service user has no grant on it, or it is an entity service "
            "that is not activated in API Explorer. Which of them, the tenant's list of "
            f"projections could tell: grant {CATALOGUE} to the user ({why.code})"
        )


@dataclass(slots=True)
class Whereabouts:
    """Looks for projections of one tenant. Safe between threads.

    The list is read once, when it is first needed.
    """

    session: Session
    base_url: str
    _catalogue: Catalogue | IfsError | None = field(default=None, init=False)
    _reading: Lock = field(default_factory=Lock, init=False, repr=False)

    def catalogue(self) -> Catalogue:
        """The tenant's list. Raises IfsError where it cannot be read."""
        with self._reading:
            if self._catalogue is None:
                self._catalogue = self._read()
        if isinstance(self._catalogue, IfsError):
            raise self._catalogue
        return self._catalogue

    def _read(self) -> Catalogue | IfsError:
        try:
            return read_catalogue(self.session, PLACES[0].url(self.base_url, CATALOGUE))
        except IfsError as error:
            return error

    def elsewhere(self, projection: str, asked: Place) -> Place | None:
        """The first other place that serves the projection; all are asked side by side."""
        others = [place for place in PLACES if place != asked]
        with ThreadPoolExecutor(len(others)) as pool:
            served = list(pool.map(lambda place: self._serves(projection, place), others))
        return next(
            (place for place, is_served in zip(others, served, strict=True) if is_served), None
        )

    def _serves(self, projection: str, place: Place) -> bool:
        # One try: a gateway that is not set up may answer with errors that pass for transient ones.
        hurried = replace(self.session, patience=Patience(tries=1))
        url = f"{place.url(self.base_url, projection)}$metadata"
        try:
            return hurried.get(url, accept="application/xml", read=lambda _: True)
        except IfsError:
            return False

    def why_not(self, projection: str, asked: Place) -> NotFound:
        """Why a projection is not served at `asked`, where IFS has said 403 or 404."""
        found = self.elsewhere(projection, asked)
        if found is not None:
            return GatewayWrong(projection, asked, found)
        try:
            catalogue = self.catalogue()
        except IfsError as error:
            return ProjectionUnreachable(projection, error)
        listed = catalogue.named(projection)
        if listed is None:
            return ProjectionUnknown(projection, catalogue.nearest(projection))
        return (EntityServiceInactive if listed.is_entity_service else GrantMissing)(projection)

    def explained(self, definition: StreamDefinition, gateway: str, error: IfsError) -> IfsError:
        """The cause behind a 403 or 404 of a stream's `$metadata`; any other error as it is.

        `gateway` is the general one, which holds if the stream names none.
        """
        if not isinstance(error, Forbidden | NotFound) or definition.service_url is not None:
            return error
        asked = Place(definition.gateway or gateway, definition.service)
        return self.why_not(definition.projection, asked)
