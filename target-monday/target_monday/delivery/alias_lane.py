"""The lane of aliased mutations: one request, one outcome for each of its operations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from target_monday.delivery.lost import LostRequest, Ran
from target_monday.delivery.outcomes import (
    Acknowledged,
    CarriedOver,
    Gone,
    Outcome,
    Rejected,
    Unknown,
)
from target_monday.diff import Archive, Create, KnownItem, Operation, Update
from target_monday.errors import TargetError
from target_monday.ledger.journal import Intent, Journal
from target_monday.monday.client import Answer, encode_body
from target_monday.monday.errors import AnswerLost, Fault, Kind, Refused, TooComplex
from target_monday.monday.operations import write_batch
from target_monday.rejects import Reject

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_monday.delivery.calls import Calls
    from target_monday.plan import BoardPlan

__all__ = ["AliasLane", "Pending", "outcomes_of"]

_UNTOLD_WAIT: Final = 1.0  # seconds


@dataclass(slots=True)
class Pending:
    """An operation that waits for its request, with the rows that wait for it.

    `tickets` are the checkpoints' tickets of these rows; `record` is the last of them, kept for a
    reject; `before` is the item as it was known when the operation was made.
    """

    plan: BoardPlan
    key: str
    operation: Operation
    before: KnownItem | None = None
    tickets: list[int] = field(default_factory=list)
    record: dict[str, object] = field(default_factory=dict)
    tries: int = 0

    @property
    def intent(self) -> Intent:
        """What the ledger has to know of it before it is sent."""
        board, append = self.plan.ledger_id, self.plan.spec.append
        return Intent(board, self.key, self.operation, self._after(), remember=not append)

    def _after(self) -> KnownItem | None:
        match self.operation:
            case Create() as create:
                return KnownItem("", create.name, create.cells)
            case Update(_, item_id, cells, name):
                before = self.before or KnownItem(item_id, "", {})
                return KnownItem(item_id, name or before.name, {**before.cells, **cells})
            case Archive():
                return None


@dataclass(slots=True)
class AliasLane:
    """Delivers packs, one after another: monday asks for one mutation at a time on a board."""

    calls: Calls
    journal: Journal
    before_request: Callable[[], None]

    def deliver(self, pack: Sequence[Pending]) -> list[Outcome]:
        """Send a pack and learn what became of each operation, in the order of the pack.

        Raises Stopped or RunFailed when nothing of the pack ran and nothing more can be sent.
        """
        try:
            mutations = [pending.plan.mutation(pending.operation) for pending in pack]
        except Reject as error:
            return self._one_by_one(pack, error)
        body = encode_body(*write_batch(mutations))
        intents = [pending.intent for pending in pack]
        self.before_request()
        request, key = self.journal.intend(body, intents)
        try:
            lost = LostRequest(self.calls, pack)
            answer = self.calls.mutate(body, key, len(pack), before_resend=lost.look)
        except Ran as ran:
            self.journal.settle(request, intents, ran.outcomes)
            return ran.outcomes
        except AnswerLost as error:
            return [Unknown(str(error))] * len(pack)
        except TooComplex as error:
            return self._too_large(request, pack, error)
        except Refused as error:
            return self._halve(request, pack, error)
        except TargetError as error:
            if not self.calls.uncertain:
                self.journal.settle(request, intents, [CarriedOver(str(error))] * len(pack))
            raise
        outcomes = outcomes_of(answer, len(pack))
        for fault in answer.faults:  # its price may be that of one operation or of all
            self.calls.budget.learn_refusal(fault.cost, 0)
        self.journal.settle(request, intents, outcomes)
        return outcomes

    def _one_by_one(self, pack: Sequence[Pending], error: Reject) -> list[Outcome]:
        if len(pack) == 1:
            return [Rejected(error.code, str(error))]
        return [outcome for pending in pack for outcome in self.deliver([pending])]

    def _too_large(self, request: int, pack: Sequence[Pending], error: TooComplex) -> list[Outcome]:
        """Nothing ran: the budget knows better now, the next requests are smaller."""
        if len(pack) == 1:
            message = f"one operation costs more points than a request may: {error}"
            outcomes: list[Outcome] = [CarriedOver(message, board_failed=True)]
        else:
            self.calls.budget.learn_too_large(len(pack))
            outcomes = [CarriedOver(str(error), too_large=True)] * len(pack)
        self.journal.settle(request, [pending.intent for pending in pack], outcomes)
        return outcomes

    def _halve(self, request: int, pack: Sequence[Pending], error: Refused) -> list[Outcome]:
        """The request was refused without saying which operation is to blame: find it."""
        intents = [pending.intent for pending in pack]
        if len(pack) == 1:
            outcome = _outcome(Fault(None, error.code, error.message, error.kind))
            self.journal.settle(request, intents, [outcome])
            return [outcome]
        self.journal.settle(request, intents, [CarriedOver(str(error))] * len(pack))
        middle = len(pack) // 2
        return [*self.deliver(pack[:middle]), *self.deliver(pack[middle:])]


def outcomes_of(answer: Answer, count: int) -> list[Outcome]:
    """The outcome of each alias m0, m1, ...: by its error, else by its data."""
    faults = {fault.alias: fault for fault in answer.faults}
    return [_alias_outcome(answer, f"m{at}", faults) for at in range(count)]


def _alias_outcome(answer: Answer, alias: str, faults: dict[str | None, Fault]) -> Outcome:
    for part in (alias, alias.replace("m", "g")):  # a move beside a change
        if part in faults:
            return _outcome(faults[part])
    item = answer.data.get(alias)
    if isinstance(item, dict) and item.get("id"):
        return Acknowledged(str(item["id"]))
    return Unknown(f"monday answered neither data nor an error for {alias}")


def _outcome(fault: Fault) -> Outcome:
    sentence = f"monday answered {fault.code}: {fault.message}"
    match fault.kind:
        case Kind.REJECT | Kind.BUG | Kind.CURSOR:
            return Rejected(fault.code, sentence)
        case Kind.GONE:
            return Gone(sentence)
        case Kind.BOARD | Kind.ACCESS:
            return CarriedOver(sentence, board_failed=True)
        case Kind.RETRY | Kind.TOO_COMPLEX:
            return CarriedOver(sentence, wait=_UNTOLD_WAIT if fault.wait is None else fault.wait)
        case Kind.DAILY_LIMIT:
            return CarriedOver(sentence, run_ends=True)
        case Kind.LOST:
            return Unknown(sentence)
