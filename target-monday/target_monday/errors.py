"""What ends a run and what rejects a row, each with a stable code and a sentence for the user."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Self

from singer_sdk.exceptions import MissingKeyPropertiesError, RecordsWithoutSchemaException

from target_monday.quoting import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "BoardFailed",
    "BoardParked",
    "BoardReplaced",
    "BooksDoNotBalance",
    "InputFault",
    "KeyPropertiesChanged",
    "LedgerFailed",
    "RejectsAboveLimit",
    "RowsIncomplete",
    "RowsWithoutKey",
    "RunFailed",
    "SchemaMissing",
    "SelectorUnknown",
    "SettingsFault",
    "Stopped",
    "StreamMapFailed",
    "TargetError",
]


_EXPRESSION_FAULTS: Final[Sequence[tuple[type[Exception], str]]] = (
    (ArithmeticError, "a calculation fails"),
    (TypeError, "an operation does not fit its values"),
    (ValueError, "a value cannot be converted"),
    (LookupError, "something is looked up that is not there"),
)


class TargetError(Exception):
    """Ends the run with `exit_code`; the text is one line for the user."""

    code: ClassVar[str] = "FAILED"
    exit_code: ClassVar[int] = 1


class SettingsFault(TargetError):
    """The settings cannot be used: every fault that was found, each in one sentence."""

    code = "SETTINGS"
    exit_code = 2

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__(" ".join(self.faults))


class KeyPropertiesChanged(SettingsFault):
    """The rows have keys of another definition than the items on their board."""

    code = "KEY_PROPERTIES_CHANGED"


class InputFault(TargetError):
    """The input is not a Singer stream. The line itself is not shown: it may hold business data."""

    code = "INPUT"


class SchemaMissing(InputFault, RecordsWithoutSchemaException):
    """A message of a stream comes before its SCHEMA."""

    @classmethod
    def of(cls, kind: str, stream: str) -> Self:
        """About a message of this kind."""
        return cls(f"Stream {quoted(stream)} sends a {kind} before its SCHEMA.")


class StreamMapFailed(InputFault):
    """A stream map cannot be applied to a record, of which nothing is shown."""

    code = "STREAM_MAP"

    @classmethod
    def because(cls, stream: str, error: Exception) -> Self:
        """About an expression's own error: its kind only, since its text may hold values."""
        reasons = (reason for kind, reason in _EXPRESSION_FAULTS if isinstance(error, kind))
        return cls(
            f"Stream {stream!r}: `stream_maps` cannot be applied to a record: "
            f"{next(reasons, 'an expression fails')}. What came before it is delivered. Correct "
            "the expression, or let it pass over such values."
        )


class RunFailed(TargetError):
    """Something that no retry of ours can mend."""

    code = "RUN_FAILED"


class LedgerFailed(RunFailed):
    """The ledger's database cannot be written or read: without it nothing may be sent."""

    code = "LEDGER"

    @classmethod
    def because(cls, error: Exception) -> Self:
        """About a database's own error: its text only, never the values that it was given."""
        reason = " ".join(str(getattr(error, "orig", None) or error).split()).rstrip(".")
        return cls(
            f"The ledger failed: {reason}. Nothing is sent without it; what is settled is kept, "
            "the next run resumes there."
        )


class BoardFailed(TargetError):
    """One board cannot be served; the other streams go on and the run ends with exit code 1."""

    code = "BOARD_FAILED"


class BoardParked(BoardFailed):
    """monday is still at work on an upload to this board: the next run goes on there."""


class BoardReplaced(TargetError):
    """A board is gone; the new one has only the rows that this run brought."""

    code = "BOARD_REPLACED"


class BooksDoNotBalance(TargetError):
    """Rows read and rows accounted for differ, or some rows are not settled."""

    code = "NOT_SETTLED"


class RowsIncomplete(TargetError):
    """Rows are on their boards without some of their cells, which the ledger keeps."""

    code = "PARTIAL"


class Stopped(TargetError):
    """A limit or a signal stopped the run; the next run resumes at the settled state."""

    code = "STOPPED"
    exit_code = 4


class SelectorUnknown(TargetError):
    """A command was given the name of a thing that the ledger does not know."""

    code = "SELECTOR_UNKNOWN"


class RejectsAboveLimit(TargetError):
    """More rows were rejected than `max_rejects` allows; all others are settled."""

    code = "REJECTS"
    exit_code = 3


class RowsWithoutKey(RejectsAboveLimit, MissingKeyPropertiesError):
    """The same, where records lacked a key property: also what the SDK's callers expect then."""
