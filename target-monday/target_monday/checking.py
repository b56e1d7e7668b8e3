"""`target-monday-check`: token, scopes, version, boards and mapping, tested without a write."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec
from singer_sdk.exceptions import ConfigValidationError

from target_monday.board_access import BoardAccess, board_access
from target_monday.delivery.connection_errors import Forbidden
from target_monday.errors import LedgerFailed, RunFailed
from target_monday.ledger.database import default_ledger_url, open_database
from target_monday.ledger.items import ItemStore
from target_monday.ledger.journal import Journal
from target_monday.ledger.leases import Leases
from target_monday.lookups import Lookups
from target_monday.mapping import is_left_out
from target_monday.monday.answers import part_of
from target_monday.monday.operations import BOARD_VIEWERS, ME, WORKSPACE
from target_monday.preparation import Preparation
from target_monday.privacy import privacy_of
from target_monday.questions import OneLine, questions, read_streams, settings_of, with_config
from target_monday.settings import lost_by_meltano, setting_faults

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Engine

    from target_monday.delivery.calls import Calls
    from target_monday.proposing.streams import KnownStream

__all__ = ["main"]

_SHOWN: Final = 20  # people of a board that are named
_TEAMS: Final = 100
_RUN: Final = "check"  # stands for a run where one has to be named; nothing is written


class _User(msgspec.Struct, frozen=True):
    name: str
    email: str = ""

    @property
    def shown(self) -> str:
        return f"{self.name} <{self.email}>" if self.email else self.name


class _Me(_User, frozen=True):
    id: str = ""
    kind: str = ""


class _Version(msgspec.Struct, frozen=True):
    value: str = ""
    kind: str = ""


class _Named(msgspec.Struct, frozen=True):
    name: str
    id: str = ""


class _Viewed(msgspec.Struct, frozen=True):
    id: str
    name: str
    board_kind: str
    owners: tuple[_User | None, ...] = ()
    subscribers: tuple[_User | None, ...] = ()
    team_owners: tuple[_Named, ...] | None = ()
    team_subscribers: tuple[_Named, ...] | None = ()

    @property
    def people(self) -> list[str]:
        """Its people and teams, each once."""
        users = [each.shown for each in (*self.owners, *self.subscribers) if each]
        teams = (*(self.team_owners or ()), *(self.team_subscribers or ()))
        return list(dict.fromkeys([*users, *(f"team {each.name}" for each in teams)]))


@click.command(cls=OneLine, name="target-monday-check")
@click.argument("source", required=False)
@with_config
@click.version_option(package_name="target-monday")
def main(source: str | None, *, configs: tuple[str, ...]) -> None:
    """Test token, scopes, API version, boards and mapping. Writes nothing to monday.com.

    SOURCE is a Singer catalog (`meltano invoke --dump=catalog TAP`), or what a tap wrote; - is the
    input. With it, the mapping is compared with the properties of each stream. Each board is
    listed with the people who see it.
    """
    config = settings_of(configs)
    _stop_for([*setting_faults(config), *lost_by_meltano(os.environ)])
    streams = {each.name: each for each in read_streams(source)} if source else {}
    with questions(config) as calls, _ledger(config) as engine:
        me = _check_token(calls)
        faults = [*_check_workspace(calls, config), *_check_people(calls, config, me)]
        faults += _check_boards(calls, engine, config, streams)
        _stop_for(faults)
        _say("check.ok", calls=calls.made)


def _stop_for(faults: Sequence[str]) -> None:
    if faults:
        raise ConfigValidationError("the settings cannot be used", errors=list(faults))


def _say(event: str, *words: str, **values: object) -> None:
    pairs = [f"{name}={_shown(value)}" for name, value in values.items()]
    click.echo(" ".join([event, *words, *pairs]))


def _shown(value: object) -> str:
    text = "".join(each if each.isprintable() else "?" for each in str(value))
    return f"'{text}'" if " " in text or not text else text


@contextmanager
def _ledger(config: Mapping[str, Any]) -> Iterator[Engine]:
    """Give the ledger, or an empty one in memory where there is none yet."""
    try:
        engine = open_database(config.get("ledger_url") or default_ledger_url(), create=False)
    except LedgerFailed:
        raise
    except RunFailed:
        engine = open_database("sqlite://")
    try:
        yield engine
    finally:
        engine.dispose()


def _check_token(calls: Calls) -> _Me:
    """Return the token's user. Raises ConnectionFailed."""
    answer = calls.query(ME, {})
    me = part_of(answer.data.get("me") or {"name": "unknown"}, _Me)
    version = part_of(answer.data.get("version") or {}, _Version)
    if "view" in me.kind.casefold():
        raise Forbidden(
            f"User {me.shown} of `api_token` is a viewer, who writes to no board. Use the token of "
            "a member of the account."
        )
    _say("check.token", "ok", user=me.shown, kind=me.kind or "unknown")
    outcome = "deprecated" if "deprecated" in version.kind else "ok"
    _say("check.version", outcome, version=version.value, kind=version.kind)
    return me


def _check_workspace(calls: Calls, config: Mapping[str, Any]) -> Iterator[str]:
    workspace = config.get("workspace_id")
    if not workspace:
        return
    answer = calls.query(WORKSPACE, {"ids": [workspace]})
    found = part_of(answer.data.get("workspaces") or [], list[_Named])
    if not any(each.id == workspace for each in found):
        yield f"`workspace_id` {workspace}: there is no such workspace, or it is hidden from us."
        return
    _say("check.workspace", "ok", workspace=workspace, name=found[0].name)


def _check_people(calls: Calls, config: Mapping[str, Any], me: _Me) -> Iterator[str]:
    """Look for the users that the settings name, where any are or a column takes people."""
    entries = [each for each in (config.get("boards") or {}).values() if isinstance(each, dict)]
    named = [board_access(each, config) for each in ({}, *entries)]
    addresses = list(dict.fromkeys(each for one in named for each in one.addresses))
    if not addresses and not any(map(_has_people, entries)):
        return
    lookups = Lookups(calls, Journal(open_database("sqlite://"), config["api_url"], _RUN))
    lookups.know_people([*addresses, *([me.email.casefold()] if me.email else [])])
    _say("check.scope", "ok", scope="users:read")
    for each in addresses:
        if lookups.directory.people.get(each) is None:
            yield (
                f"No user, or more than one, has the address {each!r} (`board_owners`, "
                "`board_subscribers`). Give the user's id."
            )


def _has_people(entry: Mapping[str, Any]) -> bool:
    columns = (entry.get("columns") or {}).values()
    return any(isinstance(each, dict) and each.get("type") == "people" for each in columns)


def _preparation(calls: Calls, engine: Engine, config: Mapping[str, Any]) -> Preparation:
    scope = config["api_url"]
    journal, leases = Journal(engine, scope, _RUN), Leases(engine, scope, _RUN)
    return Preparation(calls, ItemStore(engine, scope), journal, leases, config, lambda *_: None)


def _check_boards(
    calls: Calls, engine: Engine, config: Mapping[str, Any], streams: Mapping[str, KnownStream]
) -> Iterator[str]:
    """Yield what keeps rows from their boards; list the boards, with the people who see them."""
    preparation = _preparation(calls, engine, config)
    preparation.finding.read()
    _say("check.scope", "ok", scope="boards:read")
    _say("check.scope", "untested", scope="boards:write", why="it takes a write")
    mapped = config.get("boards") or {}
    names = [*mapped, *(stream for stream, _ in preparation.finding.entries), *streams]
    for stream in dict.fromkeys(names):
        if is_left_out(stream, config):
            continue
        if streams and stream not in streams:
            _say("check.stream", "missing", stream=stream, why="the catalog does not have it")
        known = None if _is_changed(stream, config) else _after_privacy(streams.get(stream), config)
        schema, key = (known.schema, known.key) if known else (None, None)
        examined = preparation.examined(stream, schema, key)
        yield from examined.faults
        viewed = _viewed(calls, [board.id for board in examined.boards])
        for each in viewed:
            _say(
                "check.board",
                *(() if examined.faults else ("ok",)),
                stream=stream,
                board=each.id,
                name=each.name,
                kind=each.board_kind,
                seen_by=_seen_by(each.board_kind, each.people),
            )
        if not viewed and not examined.faults:
            access = board_access(mapped.get(stream) or {}, config)
            _say(
                "check.board",
                "missing",
                stream=stream,
                name=examined.name,
                kind=access.kind,
                seen_by=_seen_by(access.kind, _named(access)),
                why="the first run creates it",
            )


def _is_changed(stream: str, config: Mapping[str, Any]) -> bool:
    """Whether the rows come with other properties than the catalog says."""
    maps = config.get("stream_maps") or {}
    return bool(config.get("flattening_enabled")) or stream in maps or "__else__" in maps


def _after_privacy(stream: KnownStream | None, config: Mapping[str, Any]) -> KnownStream | None:
    privacy = privacy_of(stream.name, config) if stream else None
    if stream is None or privacy is None:
        return stream
    return replace(stream, schema=privacy.schema(stream.schema))


def _viewed(calls: Calls, ids: Sequence[str]) -> list[_Viewed]:
    if not ids:
        return []
    variables = {"ids": list(ids), "limit": len(ids), "teams": _TEAMS}
    return part_of(calls.query(BOARD_VIEWERS, variables).data.get("boards") or [], list[_Viewed])


def _named(access: BoardAccess) -> list[str]:
    people = (*access.owners, *access.subscribers)
    return list(dict.fromkeys(["the user of `api_token`", *people]))


def _seen_by(kind: str, people: Iterable[str]) -> str:
    if kind == "public":
        return "every member of the account"
    everyone = list(people)
    more = len(everyone) - _SHOWN
    return ", ".join([*everyone[:_SHOWN], *([f"and {more} more"] if more > 0 else [])])
