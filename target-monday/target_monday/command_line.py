"""The end of a command that fails: one line with a code on stderr, and the code's exit code."""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click
from singer_sdk.exceptions import ConfigValidationError

from target_monday.errors import RunFailed, SettingsFault, TargetError
from target_monday.monday.errors import MondayError
from target_monday.redaction import Redactor, redact_logs
from target_monday.settings import environment_secrets, setting_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["ending_in_one_line", "logging_from", "note_secrets"]

_SECRETS: Final = "target_monday.secrets"


def note_secrets(config: Mapping[str, Any]) -> None:
    """Have the command that runs show none of the secrets of these settings."""
    _noted(click.get_current_context()).update(setting_secrets(config))


@contextmanager
def logging_from(level: int) -> Iterator[None]:
    """Keep records below `level` out of the target's log, until the block ends."""
    logger = logging.getLogger("target-monday")
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def ending_in_one_line(context: click.Context) -> Iterator[None]:
    """End the command as an error of ours asks, should there be one; redact it and the log."""
    noted = _noted(context)
    redact = Redactor(lambda: (*environment_secrets(os.environ), *noted))
    redact_logs(redact)
    try:
        yield
    except ConfigValidationError as error:
        lines, code = [f"{SettingsFault.code} {fault}" for fault in error.errors], 2
    except TargetError as error:
        lines, code = [f"{error.code} {error}"], error.exit_code
    except MondayError as error:
        lines, code = [f"{RunFailed.code} {error}."], RunFailed.exit_code
    except BrokenPipeError:  # whoever read the output has gone
        raise
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        lines, code = [f"{RunFailed.code} {place}{error.strerror or error}."], RunFailed.exit_code
    else:
        return
    for line in lines:
        click.echo(redact(line), err=True)
    context.exit(code)


def _noted(context: click.Context) -> set[str]:
    noted: set[str] = context.meta.setdefault(_SECRETS, set())
    return noted
