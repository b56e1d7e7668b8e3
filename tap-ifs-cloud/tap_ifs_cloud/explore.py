"""`tap-ifs-cloud-explore`: what a tenant offers, with settings to paste."""

from __future__ import annotations

import json
import logging
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
from singer_sdk.exceptions import ConfigValidationError
from typing_extensions import override

from tap_ifs_cloud.catalogue import CATALOGUE
from tap_ifs_cloud.exploring import tables
from tap_ifs_cloud.exploring.looking import find, sampled, survey
from tap_ifs_cloud.odata.errors import Forbidden, IfsError, NotFound
from tap_ifs_cloud.odata.pacing import Patience
from tap_ifs_cloud.odata.redaction import Redactor
from tap_ifs_cloud.settings import environment_secrets
from tap_ifs_cloud.tap import TapIfsCloud
from tap_ifs_cloud.whereabouts import Place, Whereabouts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_ifs_cloud.catalogue import Projection

__all__ = ["main"]

_ENVIRONMENT = "TAP_IFS_CLOUD_"
# Someone waits for the answer. A set that takes longer to count is shown without its rows.
_PATIENCE = Patience(tries=2, longest=5.0, longest_asked=30.0)
_SECONDS = 120.0


class CatalogueNotGranted(IfsError):
    """The list of projections may not be read, so none can be proposed."""

    code = "CATALOGUE_NOT_GRANTED"


class SettingFile(IfsError):
    """A file or variable with settings cannot be read."""

    code = "SETTING_FILE"


class _OneLine(click.Command):
    """What goes wrong is one line with a code on stderr, and exit code 1."""

    @override
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ConfigValidationError as error:
            faults: Sequence[str] = error.errors
        except IfsError as error:
            faults = [str(error)]
        redact = Redactor(lambda: environment_secrets(os.environ))
        for fault in faults:
            click.echo(redact(fault), err=True)
        return ctx.exit(1)


@click.command(cls=_OneLine, name="tap-ifs-cloud-explore")
@click.argument("projection", required=False)
@click.argument("entity_set", required=False)
@click.option(
    "--config",
    "configs",
    multiple=True,
    metavar="FILE",
    help="The tap's settings as JSON, or ENV for TAP_IFS_CLOUD_* variables, which is the default.",
)
@click.option(
    "--list",
    "is_list",
    is_flag=True,
    help="The projections, as without a PROJECTION. Meltano discovers streams before a command "
    "that is given nothing, and fails where there are none yet.",
)
@click.option("--search", metavar="TEXT", help="Only projections whose name or description has it.")
@click.option(
    "--category", metavar="NAME", help="Only projections of a category, e.g. Integration."
)
@click.option(
    "--gateway",
    type=click.Choice(["main", "int", "b2b"]),
    help="Look there only. By default the gateway of the settings, then the others.",
)
@click.option(
    "--service",
    type=click.Choice(["projection", "entity"]),
    help="Look among these only. By default projections, then entity services.",
)
@click.option("--count/--no-count", default=True, help="Whether to read rows: counts and a sample.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of tables.")
@click.version_option(package_name="tap-ifs-cloud")
def main(  # noqa: PLR0913 # one option each
    *,
    projection: str | None,
    entity_set: str | None,
    configs: tuple[str, ...],
    is_list: bool,
    search: str | None,
    category: str | None,
    gateway: str | None,
    service: str | None,
    count: bool,
    as_json: bool,
) -> None:
    """Show what an IFS Cloud tenant offers.

    Without arguments: its projections. With a PROJECTION: its entity sets with keys, modification
    stamps and row counts, and settings to paste. With an ENTITY_SET too: its columns.
    """
    tap = _tap(configs)
    general = tap.config["gateway"]
    whereabouts = Whereabouts(tap.session, tap.config["base_url"])
    if projection is None or is_list:
        _list(whereabouts, search, category, as_json=as_json)
        return
    in_entity = service == "entity"
    asked = Place(gateway or ("int" if in_entity else general), service or "projection")
    found = find(whereabouts, projection, asked, only_there=bool(gateway or service))
    if entity_set is None:
        shown = survey(found, general, count=count)
        _print_json(shown) if as_json else tables.show_service(shown)
    else:
        sample = sampled(found, entity_set, general, count=count)
        _print_json(sample) if as_json else tables.show_sample(sample)


def _tap(configs: tuple[str, ...]) -> TapIfsCloud:
    """The tap, for its settings and session. Its `streams` play no part, so they may be wrong."""
    for name in [name for name, value in os.environ.items() if not value]:
        if name.startswith(_ENVIRONMENT):
            del os.environ[name]  # empty means not set
    os.environ.pop(f"{_ENVIRONMENT}STREAMS", None)
    try:
        config = _config(configs)
        with _silent(logging.getLogger(TapIfsCloud.name)):  # faults come as errors, too
            tap = TapIfsCloud(
                config=config,
                parse_env_config=not configs or "ENV" in configs,
                validate_config=True,
                setup_mapper=False,
            )
    except (OSError, ValueError) as error:
        raise SettingFile(
            f"a file of --config, or an environment variable, cannot be read: {error}"
        ) from error
    tap.session.patience = _PATIENCE
    tap.session.timeout = min(tap.session.timeout, _SECONDS)
    return tap


@contextmanager
def _silent(logger: logging.Logger) -> Iterator[None]:
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _config(paths: tuple[str, ...]) -> dict[str, Any]:
    """What the files say, later ones before earlier ones."""
    config: dict[str, Any] = {}
    for path in paths:
        if path != "ENV":
            config |= json.loads(Path(path).read_text(encoding="utf-8"))
    config.pop("streams", None)
    return config


def _list(
    whereabouts: Whereabouts, search: str | None, category: str | None, *, as_json: bool
) -> None:
    try:
        everything = whereabouts.catalogue().projections
    except (Forbidden, NotFound) as error:
        raise CatalogueNotGranted(
            f"the tenant's list of projections cannot be read: grant {CATALOGUE} to the service "
            "user, or go on with a name that you know, as shown on a page's address or in API "
            f"Explorer: `tap-ifs-cloud-explore PROJECTION` ({error.code})"
        ) from error
    wanted = [each for each in everything if _fits(each, search, category)]
    if as_json:
        _print_json({"projections": wanted})
    else:
        tables.show_projections(wanted, of=len(everything))


def _fits(each: Projection, search: str | None, category: str | None) -> bool:
    told = {text.casefold() for text in (*each.categories, each.api_class)}
    return (not search or each.mentions(search)) and (not category or category.casefold() in told)


def _print_json(document: object) -> None:
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n")
