"""JSON of other systems, read in one way: what cannot be read is one error, whatever is wrong."""

from __future__ import annotations

from codecs import BOM_UTF8
from typing import TypeVar

import msgspec

__all__ = ["Undecodable", "decoded"]

T = TypeVar("T")


class Undecodable(ValueError):
    """A body that is not JSON, or not of the form that was asked for; `str()` quotes none of it."""

    def __init__(self, reason: str, *, is_json: bool = False) -> None:
        """Initialize; `is_json` tells whether it arrived whole, so that another try is idle."""
        super().__init__(reason)
        self.is_json = is_json


def decoded(decoder: msgspec.json.Decoder[T], content: bytes | str) -> T:
    """The value that `decoder` finds. Raises Undecodable.

    A byte order mark counts as nothing. Nesting is bounded by the interpreter's own limit.
    """
    mark: str | bytes = "\ufeff" if isinstance(content, str) else BOM_UTF8
    try:
        return decoder.decode(content.removeprefix(mark))  # type: ignore[arg-type] # of its own kind
    except RecursionError:
        raise Undecodable("JSON is nested too deeply", is_json=True) from None
    except UnicodeError as error:
        raise Undecodable("the text is not UTF-8") from error
    except msgspec.MsgspecError as error:
        is_json = isinstance(error, msgspec.ValidationError)
        raise Undecodable(str(error), is_json=is_json) from error
