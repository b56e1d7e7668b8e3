"""Tables for people. The only module that draws, so that the tap itself never loads `rich`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tap_ifs_cloud.exploring.paste import streams_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tap_ifs_cloud.catalogue import Projection
    from tap_ifs_cloud.exploring.looking import Sample
    from tap_ifs_cloud.exploring.survey import Column, EntitySet, Service

__all__ = ["show_projections", "show_sample", "show_service"]

ROW_ID = "Objid"  # the key of views

_MARKS = {
    "auto": "stamp, taken by auto",
    "stamp": "stamp",
    "doubtful": "stamp? day only",
    "unsafe": "not a stamp",
}


def _console() -> Console:
    """Names are shown as they are: no markup, no emoji, no guessed colours."""
    return Console(markup=False, emoji=False, highlight=False)


def _table(*columns: str, right: Iterable[str] = ()) -> Table:
    """Values are folded, never cut: a name that is not whole cannot be copied."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold", justify="right" if name in right else "left")
    return table


def show_projections(projections: Sequence[Projection], *, of: int) -> None:
    """The list, and how to go on."""
    console = _console()
    table = _table("Projection", "Category", "Description")
    for each in projections:
        category = ", ".join(filter(None, (*each.categories, each.api_class)))
        table.add_row(Text(each.name, "bold"), category, each.description)
    console.print(table)
    console.print(f"{len(projections)} of {of} projections. Name one to see its entity sets.")


def show_service(service: Service) -> None:
    """All sets in one table, those worth reading one by one, and the settings for them."""
    console = _console()
    console.print(
        Text(service.projection, "bold"), f"({service.service}, gateway {service.gateway})"
    )
    console.print(service.url, soft_wrap=True)
    table = _table(
        "Entity set", "Rows", "Columns", "Key", "auto reads by", right=("Rows", "Columns")
    )
    for each in service.entity_sets:
        table.add_row(
            Text(each.name, "dim" if each.is_lookup else "bold"),
            _rows(each),
            str(each.columns),
            ", ".join(each.key) or "none",
            Text(each.replication_key or "-", "green" if each.replication_key else ""),
        )
    console.print(table)
    for each in service.entity_sets:
        if each.not_counted:
            console.print(f"{each.name} was not counted: {each.not_counted}", soft_wrap=True)
    wanted = {entry["entity_set"] for entry in service.streams}
    for each in service.entity_sets:
        if each.name in wanted:
            _show_details(console, each)
    _show_settings(console, service.streams)


def _rows(each: EntitySet) -> str:
    if each.rows is None:
        return "?" if each.not_counted else ""
    return f"{each.rows:,}"


def _show_details(console: Console, each: EntitySet) -> None:
    console.print()
    console.print(Text(each.name, "bold"))
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for label, told in _details(each):
        grid.add_row(f"  {label}", told)
    console.print(grid)


def _details(each: EntitySet) -> Iterator[tuple[str, str | Text]]:
    """What there is to say of a set, by its label."""
    yield "key", _key(each.key)
    if each.replication_key:
        more = [name for name in each.stamps if name != each.replication_key]
        yield "stamps", ", ".join([f"{each.replication_key} (taken by auto)", *more])
        if each.stamp_refused:
            refused = f"the service does not filter by it: set `replication`. {each.stamp_refused}"
            yield "but", refused
    else:
        yield "stamps", "none: auto cannot ask for changed rows only"
    if each.doubtful_dates:
        yield "perhaps stamps", f"{', '.join(each.doubtful_dates)} (tell the day only)"
    if each.unsafe_dates:
        told = ", ".join(each.unsafe_dates)
        yield "not stamps", f"{told} (set at creation or by hand: changes would be missed)"
    lists = {
        "custom fields": each.custom_fields,
        "enumerations": [f"{name} ({len(members)})" for name, members in each.enums.items()],
        "to expand": each.references,
    }
    for label, names in lists.items():
        if names:
            yield label, ", ".join(names)


def _key(key: Sequence[str]) -> str:
    if not key:
        return "none declared: set `key_properties`"
    told = ", ".join(key)
    if ROW_ID in key:
        return f"{told} (a row's place, which changes when data is moved: set `key_properties`)"
    return told


def _show_settings(console: Console, streams: Sequence[Mapping[str, str]]) -> None:
    console.print()
    console.print("For meltano.yml, under the extractor's `config:`")
    console.print()
    console.print(streams_yaml(streams), soft_wrap=True)


def show_sample(sample: Sample) -> None:
    """The columns of one set."""
    console = _console()
    each = sample.entity_set
    console.print(
        Text(each.name, "bold"),
        f"of {sample.projection} ({sample.service}, gateway {sample.gateway})",
    )
    console.print(f"{sample.url}{each.name}", soft_wrap=True)
    if each.rows is not None:
        console.print(f"{each.rows:,} rows")
    elif each.not_counted:
        console.print(f"Not counted: {each.not_counted}", soft_wrap=True)
    if sample.not_sampled:
        console.print(f"No rows: {sample.not_sampled}", soft_wrap=True)
    filled = f"Of {sample.sample}" if sample.sample else ""
    table = _table("Column", "Type", "Remarks", *filter(None, [filled]), right=(filled,))
    for column in sample.columns:
        style = "bold" if column.key else "" if column.selected else "dim"
        count = (str(column.filled),) if filled else ()
        table.add_row(Text(column.name, style), _type(column), _remarks(column), *count)
    console.print(table)
    if filled:
        console.print(f"`{filled}`: how many of the first rows have a value there.")
    _show_settings(console, sample.streams)


def _type(column: Column) -> str:
    return f"{column.type}: {', '.join(column.members)}" if column.members else column.type


def _remarks(column: Column) -> str:
    told = (
        "key" if column.key else "",
        "custom" if column.custom else "",
        _MARKS[column.dates] if column.dates else "",
        "left out" if column.left_out else "" if column.selected else "not selected",
    )
    return ", ".join(filter(None, told))
