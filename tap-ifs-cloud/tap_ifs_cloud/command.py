"""The command line: what goes wrong is told in one line, not by a traceback."""

from __future__ import annotations

import os
import sys
from typing import Any

from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.plugin_base import SingerCommand
from typing_extensions import override

from tap_ifs_cloud.odata.errors import IfsError

__all__ = ["OneLineCommand"]

ENVIRONMENT = "TAP_IFS_CLOUD_"


class OneLineCommand(SingerCommand):
    """The SDK's command; the SDK lets errors of `--discover` and `--test` through as tracebacks."""

    @override
    def main(self, *args: Any, **kwargs: Any) -> Any:
        for name in [name for name, value in os.environ.items() if not value]:
            if name.startswith(ENVIRONMENT):
                del os.environ[name]  # empty means not set; the SDK would take it for a value
        try:
            return super().main(*args, **kwargs)
        except ConfigValidationError as error:
            for fault in error.errors:
                self.logger.error("%s", fault)  # noqa: TRY400 # one line, no traceback  # one line, no traceback
        except IfsError as error:
            self.logger.error("%s", error)  # noqa: TRY400 # as above  # one line, no traceback
        except (FileNotFoundError, IsADirectoryError, PermissionError, ValueError) as error:
            self.logger.error(  # noqa: TRY400 # as above
                "SETTING_FILE: a file of --config, --catalog or --state, or an environment "
                "variable, cannot be read: %s",
                _reason(error),
            )
        except BrokenPipeError:
            self.logger.error("the target has closed the pipe")  # noqa: TRY400 # as above
            sys.stdout = None  # else the interpreter complains at exit
        sys.exit(1)


def _reason(error: Exception) -> str:
    """What keeps a file from being read, and which, without numbers of errors."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)
