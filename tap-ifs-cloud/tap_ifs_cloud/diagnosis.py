"""The connection test: which of token, gateway, projection, grant or company filter is at fault.

Step by step, each told in a line: the token, then for each stream its service, its set and columns,
and one row. What IFS answers alike is told apart by asking further (`whereabouts`).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from tap_ifs_cloud.odata.auth import GivenHeaders
from tap_ifs_cloud.odata.errors import (
    EntitySetMissing,
    Forbidden,
    IfsError,
    NotFound,
    RunStopper,
)
from tap_ifs_cloud.odata.pacing import Patience
from tap_ifs_cloud.odata.peek import peek
from tap_ifs_cloud.odata.query import Query
from tap_ifs_cloud.odata.service import Service
from tap_ifs_cloud.plan import StreamPlan
from tap_ifs_cloud.whereabouts import EntitySetRefused

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping, Sequence

    from tap_ifs_cloud.definition import StreamDefinition
    from tap_ifs_cloud.odata.metadata import Metadata
    from tap_ifs_cloud.odata.session import Session
    from tap_ifs_cloud.whereabouts import Whereabouts

__all__ = ["diagnose"]

# Who tests waits for the verdict; a run has more patience.
PATIENCE: Final = Patience(tries=3, longest=5.0, longest_asked=30.0)
ASKERS: Final = 8  # streams that are tested side by side

NO_ROWS = "NO_ROWS"
NO_ROWS_FILTERED = "NO_ROWS_FILTERED"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of a stream: an error, or none and perhaps a warning with its code."""

    stream: str
    steps: tuple[str, ...]
    error: IfsError | None = None
    warning: str | None = None


def diagnose(
    whereabouts: Whereabouts,
    config: Mapping[str, Any],
    streams: Sequence[StreamDefinition],
    logger: logging.Logger,
    *,
    are_presets: bool,
) -> dict[str, IfsError]:
    """Test the token and each stream; gives the streams that cannot be read, and why.

    Each step is a line in the log, and so is the verdict on each stream. A preset that the tenant
    does not have is a proposal that does not fit, so it is warned of; unless none of them fits.
    The session has less patience from now on.
    Raises RunStopper where nothing can be read: no token, no connection.
    """
    session = whereabouts.session
    session.patience = PATIENCE
    _test_token(session, logger)
    test = _StreamTest(session, config, whereabouts)
    with ThreadPoolExecutor(ASKERS) as pool:
        urls = sorted({test.url(definition) for definition in streams})
        declared = pool.map(lambda url: Service(session, url).metadata_or_why_not(), urls)
        metadata = dict(zip(urls, declared, strict=True))
        verdicts = list(
            pool.map(lambda each: test.verdict(each, metadata[test.url(each)]), streams)
        )
    is_proposal = are_presets and any(verdict.error is None for verdict in verdicts)
    failed: dict[str, IfsError] = {}
    for verdict in verdicts:
        for step in verdict.steps:
            logger.info("%s stream=%s ok", step, verdict.stream)
        _tell(verdict, logger, is_proposal=is_proposal)
        if verdict.error is not None and not (is_proposal and _is_missing(verdict.error)):
            failed[verdict.stream] = verdict.error
    return failed


def _tell(verdict: Verdict, logger: logging.Logger, *, is_proposal: bool) -> None:
    """The one line that counts; on presets, discovery says the rest in one for them all."""
    if verdict.error is not None and is_proposal and _is_missing(verdict.error):
        logger.warning("test.stream stream=%s missing %s", verdict.stream, verdict.error.code)
    elif verdict.error is not None:
        logger.error("test.stream stream=%s failed %s", verdict.stream, verdict.error)
    elif verdict.warning is not None:
        logger.warning("test.stream stream=%s empty %s", verdict.stream, verdict.warning)
    else:
        logger.info("test.stream stream=%s ok", verdict.stream)


def _is_missing(error: IfsError) -> bool:
    """Whether discovery leaves the stream out; a set whose rows are refused fails the run."""
    if isinstance(error, EntitySetRefused):
        return False
    return isinstance(error, Forbidden | NotFound | EntitySetMissing)


def _test_token(session: Session, logger: logging.Logger) -> None:
    if isinstance(session.credentials, GivenHeaders):
        logger.info("test.token skipped reason='no client_id: headers alone let the tap in'")
        return
    try:
        session.credentials.headers()
    except RunStopper as error:
        logger.error("test.token failed %s", error.code)  # noqa: TRY400 # it is raised and told
        raise
    logger.info("test.token ok")


@dataclass(frozen=True, slots=True)
class _StreamTest:
    """Tests streams of one tenant."""

    session: Session
    config: Mapping[str, Any]
    whereabouts: Whereabouts

    def url(self, definition: StreamDefinition) -> str:
        return definition.url(self.config["base_url"], self.config["gateway"])

    def verdict(self, definition: StreamDefinition, metadata: Metadata | IfsError) -> Verdict:
        verdict = partial(Verdict, definition.name)
        if isinstance(metadata, IfsError):
            gateway = self.config["gateway"]
            return verdict((), self.whereabouts.explained(definition, gateway, metadata))
        steps: tuple[str, ...] = ("test.service",)
        try:
            service = Service(self.session, self.url(definition))
            plan = StreamPlan.of(definition, service, metadata)
            steps += ("test.columns",)
            has_rows = self._has_rows(plan, definition.filter)
            steps += ("test.rows",)
            warning = None if has_rows else self._why_empty(plan)
        except (Forbidden, NotFound) as error:
            return verdict(steps, EntitySetRefused(definition.entity_set, error))
        except RunStopper:
            raise
        except IfsError as error:
            return verdict(steps, error)
        return verdict(steps, None, warning)

    def _has_rows(self, plan: StreamPlan, narrowed_by: str | None) -> bool:
        """Whether one row comes, asked for as a run asks: with the columns, in order."""
        query = Query(
            select=plan.select(plan.properties),
            filter=narrowed_by,
            orderby=plan.skip_order,
            top=1,
        )
        return bool(peek(self.session, plan.where, query, headers=plan.headers))

    def _why_empty(self, plan: StreamPlan) -> str:
        if plan.definition.filter is not None and self._has_rows(plan, None):
            return (
                f"{NO_ROWS_FILTERED}: {plan.definition.entity_set} has rows, but none that meets "
                f"`filter`: {plan.definition.filter}"
            )
        return (
            f"{NO_ROWS}: {plan.definition.entity_set} has no rows for this service user. If it "
            "should have, the company or site is missing among the user's Allowed Companies: IFS "
            "leaves such rows out without a word"
        )
