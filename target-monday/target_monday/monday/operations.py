"""The GraphQL documents that are sent. Values always travel as variables.

Each document, the generated ones included, is validated in the tests against monday's own schema.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = [
    "BOARDS_BY_ID",
    "BOARD_NAMES",
    "BOARD_VIEWERS",
    "CREATE_BOARD",
    "FIRST_PAGE",
    "ITEMS_BY_ID",
    "LOOKUP",
    "ME",
    "NEXT_PAGE",
    "PEOPLE",
    "WEEK_BEGIN",
    "WORKSPACE",
    "ArchiveItem",
    "CreateColumn",
    "CreateGroup",
    "CreateItem",
    "GetTag",
    "Making",
    "Mutation",
    "NewBoard",
    "StartUpload",
    "UpdateItem",
    "job_statuses",
    "json_variable",
    "making",
    "without_daily_limit",
    "write_batch",
]

_COMPLEXITY: Final = "complexity { before query after reset_in_x_seconds }"
_BOARD: Final = """
    id name state hierarchy_type workspace_id items_count items_limit
    columns { id title type archived settings }
    groups { id title archived deleted }"""
_DAILY_LIMIT: Final = "platform_api { daily_limit { base total } }"
_ITEMS: Final = """items { id name group { id } column_values(ids: $columns) {
    id text value ... on BoardRelationValue { linked_item_ids } } }"""
_JOB: Final = """... on ItemsJobStatus {
    status failure_reason failure_message report_created report_url
    counts { submitted invalid skipped created updated failed } }"""

BOARDS_BY_ID: Final = f"""
query BoardsById($ids: [ID!]!, $limit: Int!) {{
  {_COMPLEXITY}
  {_DAILY_LIMIT}
  boards(ids: $ids, limit: $limit, state: all) {{ {_BOARD} }}
}}"""
BOARD_NAMES: Final = f"""
query BoardNames($workspaces: [ID], $limit: Int!, $page: Int!) {{
  {_COMPLEXITY}
  {_DAILY_LIMIT}
  boards(workspace_ids: $workspaces, limit: $limit, page: $page, state: active) {{ id name }}
}}"""
CREATE_BOARD: Final = f"""
mutation CreateBoard($name: String!, $workspace: ID, $kind: BoardKind!, $owners: [ID!],
    $owner_teams: [ID!], $subscribers: [ID!], $subscriber_teams: [ID!]) {{
  {_COMPLEXITY}
  create_board(board_name: $name, board_kind: $kind, workspace_id: $workspace, empty: true,
    board_owner_ids: $owners, board_owner_team_ids: $owner_teams,
    board_subscriber_ids: $subscribers, board_subscriber_teams_ids: $subscriber_teams) {{
    {_BOARD}
  }}
}}"""
FIRST_PAGE: Final = f"""
query FirstPage($board: ID!, $limit: Int!, $columns: [String!]) {{
  {_COMPLEXITY}
  boards(ids: [$board]) {{ items_page(limit: $limit) {{ cursor {_ITEMS} }} }}
}}"""
NEXT_PAGE: Final = f"""
query NextPage($cursor: String!, $limit: Int!, $columns: [String!]) {{
  {_COMPLEXITY}
  next_items_page(cursor: $cursor, limit: $limit) {{ cursor {_ITEMS} }}
}}"""
LOOKUP: Final = f"""
query Lookup($board: ID!, $key_column: String!, $keys: [String]!, $limit: Int!,
    $cursor: String, $columns: [String!]) {{
  {_COMPLEXITY}
  items_page_by_column_values(board_id: $board, limit: $limit, cursor: $cursor,
    columns: [{{column_id: $key_column, column_values: $keys}}]) {{ cursor {_ITEMS} }}
}}"""
ITEMS_BY_ID: Final = f"""
query ItemsById($ids: [ID!]!, $limit: Int!, $columns: [String!]) {{
  {_COMPLEXITY}
  items(ids: $ids, limit: $limit) {{
    id name state board {{ id }} group {{ id }}
    column_values(ids: $columns) {{ id text value }} }}
}}"""

PEOPLE: Final = f"""
query People($emails: [String!]!, $limit: Int!) {{
  {_COMPLEXITY}
  users(emails: $emails, limit: $limit) {{ id email }}
}}"""
ME: Final = f"""
query Me {{
  {_COMPLEXITY}
  me {{ id name email kind }}
  version {{ kind value }}
}}"""
WORKSPACE: Final = f"""
query Workspace($ids: [ID!]) {{
  {_COMPLEXITY}
  workspaces(ids: $ids) {{ id name }}
}}"""
BOARD_VIEWERS: Final = f"""
query BoardViewers($ids: [ID!]!, $limit: Int!, $teams: Int!) {{
  {_COMPLEXITY}
  boards(ids: $ids, limit: $limit, state: all) {{
    id name board_kind
    owners {{ name email }} subscribers {{ name email }}
    team_owners(limit: $teams) {{ name }} team_subscribers(limit: $teams) {{ name }} }}
}}"""
WEEK_BEGIN: Final = f"""
query WeekBegin {{
  {_COMPLEXITY}
  account {{ first_day_of_the_week }}
}}"""


class CreateItem(msgspec.Struct, frozen=True):
    """A new item; `column_values` maps column ids to values as monday takes them."""

    board_id: str
    name: str
    column_values: Mapping[str, Any]
    group_id: str | None = None
    create_labels: bool = True


class UpdateItem(msgspec.Struct, frozen=True):
    """Changed cells of an item. A `name` among the column values renames it.

    With `group_id` it moves there too, by a mutation of its own under the alias g0, g1, ...
    """

    board_id: str
    item_id: str
    column_values: Mapping[str, Any]
    create_labels: bool = True
    group_id: str | None = None


@dataclass(frozen=True, slots=True)
class ArchiveItem:
    """An item that leaves the board, into the archive or, with `delete`, into the bin."""

    item_id: str
    delete: bool = False


@dataclass(frozen=True, slots=True)
class NewBoard:
    """A new, empty board; without a workspace in the main one. People and teams by their ids."""

    name: str
    workspace: str | None = None
    kind: str = "private"
    owners: Sequence[str] = ()
    owner_teams: Sequence[str] = ()
    subscribers: Sequence[str] = ()
    subscriber_teams: Sequence[str] = ()

    @property
    def variables(self) -> dict[str, Any]:
        """The variables of CREATE_BOARD; a list without members is not sent."""
        people = {
            "owners": self.owners,
            "owner_teams": self.owner_teams,
            "subscribers": self.subscribers,
            "subscriber_teams": self.subscriber_teams,
        }
        given = {name: list(ids) for name, ids in people.items() if ids}
        return {"name": self.name, "workspace": self.workspace, "kind": self.kind, **given}


@dataclass(frozen=True, slots=True)
class CreateColumn:
    """A new column. A status column needs its labels, each with a colour of its own.

    `defaults` are its first settings, in the form of its type.
    """

    board_id: str
    title: str
    column_type: str
    labels: Sequence[tuple[str, str]] = ()  # (text, colour)
    defaults: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class CreateGroup:
    """A new group of a board."""

    board_id: str
    title: str


@dataclass(frozen=True, slots=True)
class GetTag:
    """A tag of the account, made where it is missing."""

    name: str


@dataclass(frozen=True, slots=True)
class StartUpload:
    """An upload of items: `ingest_items`, or `backfill_items`, which only creates.

    `match_column` is the column by which rows find their items; without, every row makes one.
    """

    board_id: str
    group_id: str
    match_column: str | None = None
    backfill: bool = False


Mutation = CreateItem | UpdateItem | ArchiveItem | CreateColumn | CreateGroup | GetTag | StartUpload


_encode: Final = msgspec.json.Encoder().encode


def json_variable(values: Mapping[str, Any]) -> str:
    """Column values as monday takes them: a JSON text inside a variable."""
    return _encode(values).decode()


class _Variables:
    """Variables of a generated document."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.declarations: list[str] = []
        self._shared: dict[tuple[str, Any], str] = {}

    def add(self, kind: str, value: Any) -> str:
        """The `$name` of a new variable of this GraphQL type."""
        name = f"v{len(self.values)}"
        self.values[name] = value
        self.declarations.append(f"${name}: {kind}")
        return "$" + name

    def share(self, kind: str, value: Any) -> str:
        """The same for a value that comes again and again: it is declared once."""
        known = self._shared.get((kind, value))
        if known is None:
            known = self._shared[kind, value] = self.add(kind, value)
        return known


def write_batch(mutations: Sequence[Mutation]) -> tuple[str, dict[str, Any]]:
    """One document with an alias per mutation, m0, m1, ..., and its variables."""
    variables = _Variables()
    fields = [line for at, each in enumerate(mutations) for line in _lines(at, each, variables)]
    head = f"mutation Write({', '.join(variables.declarations)}) {{\n  {_COMPLEXITY}\n"
    return head + "\n".join(fields) + "\n}", variables.values


def _lines(at: int, mutation: Mutation, variables: _Variables) -> Iterator[str]:
    """A mutation under its alias; a move to another group has one of its own beside it."""
    if not isinstance(mutation, UpdateItem) or mutation.group_id is None:
        yield f"  m{at}: {_field(mutation, variables)}"
        return
    item = variables.share("ID!", mutation.item_id)
    group = variables.share("String!", mutation.group_id)
    alias = f"m{at}"
    if mutation.column_values:
        yield f"  {alias}: {_field(mutation, variables)}"
        alias = f"g{at}"
    yield f"  {alias}: move_item_to_group(item_id: {item}, group_id: {group}) {{ id }}"


def _field(mutation: Mutation, variables: _Variables) -> str:
    match mutation:
        case CreateItem():
            return _create_item(mutation, variables)
        case UpdateItem():
            return _update_item(mutation, variables)
        case ArchiveItem(item_id, delete):
            verb = "delete_item" if delete else "archive_item"
            return f"{verb}(item_id: {variables.add('ID!', item_id)}) {{ id }}"
        case StartUpload():
            return _start_upload(mutation, variables)
        case _:
            return _make(mutation, variables)


def _make(mutation: CreateColumn | CreateGroup | GetTag, variables: _Variables) -> str:
    """What items need around them."""
    match mutation:
        case CreateColumn():
            return _create_column(mutation, variables)
        case CreateGroup(board_id, title):
            board, name = variables.share("ID!", board_id), variables.add("String!", title)
            return f"create_group(board_id: {board}, group_name: {name}) {{ id title }}"
        case GetTag(name):
            return f"create_or_get_tag(tag_name: {variables.add('String', name)}) {{ id name }}"


def _create_item(mutation: CreateItem, variables: _Variables) -> str:
    board = variables.share("ID!", mutation.board_id)
    name = variables.add("String!", mutation.name)
    values = variables.add("JSON!", json_variable(mutation.column_values))
    labels = variables.share("Boolean!", mutation.create_labels)
    group = mutation.group_id
    place = "" if group is None else f", group_id: {variables.share('String!', group)}"
    return (
        f"create_item(board_id: {board}, item_name: {name}, column_values: {values}, "
        f"create_labels_if_missing: {labels}{place}) {{ id }}"
    )


def _update_item(mutation: UpdateItem, variables: _Variables) -> str:
    board = variables.share("ID!", mutation.board_id)
    item = variables.share("ID!", mutation.item_id)
    values = variables.add("JSON!", json_variable(mutation.column_values))
    labels = variables.share("Boolean!", mutation.create_labels)
    return (
        f"change_multiple_column_values(board_id: {board}, item_id: {item}, "
        f"column_values: {values}, create_labels_if_missing: {labels}) {{ id }}"
    )


def _create_column(mutation: CreateColumn, variables: _Variables) -> str:
    place = (
        f"board_id: {variables.share('ID!', mutation.board_id)}, "
        f"title: {variables.add('String!', mutation.title)}"
    )
    answer = "{ id title type archived settings }"
    if mutation.labels and mutation.column_type == "status":
        labels = [
            {"label": text, "color": colour, "index": at}
            for at, (text, colour) in enumerate(mutation.labels)
        ]
        kind = variables.add("[CreateStatusLabelInput!]!", labels)
        return f"create_status_column({place}, defaults: {{labels: {kind}}}) {answer}"
    if mutation.labels:
        labels = [{"label": text} for text, _ in mutation.labels]
        kind = variables.add("[CreateDropdownLabelInput!]!", labels)
        return f"create_dropdown_column({place}, defaults: {{labels: {kind}}}) {answer}"
    kind = variables.share("ColumnType!", mutation.column_type)
    if mutation.defaults:
        place += f", defaults: {variables.add('JSON', mutation.defaults)}"
    return f"create_column({place}, column_type: {kind}) {answer}"


def _start_upload(mutation: StartUpload, variables: _Variables) -> str:
    arguments = [
        f"board_id: {variables.add('ID!', mutation.board_id)}",
        f"group_id: {variables.add('ID!', mutation.group_id)}",
    ]
    if mutation.match_column is not None and not mutation.backfill:
        column = variables.add("String!", mutation.match_column)
        arguments.append(f"on_match: {{match_column_id: {column}, behaviour: UPSERT}}")
    verb = "backfill_items" if mutation.backfill else "ingest_items"
    return f"{verb}({', '.join(arguments)}) {{ job_id upload_url }}"


_CREATES: Final = re.compile(
    r"create_(?:\w+_)?(column|group)\(board_id: \$(\w+), (?:title|group_name): \$(\w+)"
)


@dataclass(frozen=True, slots=True)
class Making:
    """A board (`board_id` is None), or a column or group of a board, that a request makes."""

    kind: str  # board, column or group
    title: str
    board_id: str | None = None
    workspace: str | None = None


def making(body: bytes) -> list[Making]:
    """What a request, as it was encoded here, makes around items."""
    request = msgspec.json.decode(body)
    document, values = request["query"], request["variables"]
    if document.lstrip().startswith("mutation CreateBoard("):  # of any version of this program
        return [Making("board", values["name"], workspace=values["workspace"])]
    return [
        Making(kind, values[title], values[board])
        for kind, board, title in _CREATES.findall(document)
    ]


def without_daily_limit(document: str) -> str:
    """The same question for a token that may not ask for the account's daily limit."""
    return document.replace(_DAILY_LIMIT, "")


def job_statuses(job_ids: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """One question about several uploads, j0, j1, ..., and its variables."""
    variables = _Variables()
    fields = [
        f"  j{at}: fetch_job_status(job_id: {variables.add('ID!', job_id)}) {{ {_JOB} }}"
        for at, job_id in enumerate(job_ids)
    ]
    head = f"query Jobs({', '.join(variables.declarations)}) {{\n  {_COMPLEXITY}\n"
    return head + "\n".join(fields) + "\n}", variables.values
