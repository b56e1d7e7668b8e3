"""The lane of aliased mutations: one request, one outcome for each of its operations."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from target_monday.delivery.lost import LostRequest, Ran
from target_monday.delivery.outcomes import (
    Acknowledged,
    CarriedOver,
    Gone,
    Outcome,
    Rejected,
    Unknown,
)
from target_monday.diff import GROUP, Archive, Create, Update
from target_monday.errors import TargetError
from target_monday.monday.answers import item_id_of
from target_monday.monday.client import encode_body
from target_monday.monday.errors import (
    AnswerLost,
    Fault,
    Kind,
    MondayError,
    Refused,
    ServerError,
    TooComplex,
    weightiest,
)
from target_monday.monday.operations import write_batch
from target_monday.rejects import Reject

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_monday.delivery.calls import Calls
    from target_monday.delivery.pending import Pending
    from target_monday.delivery.searching import Search
    from target_monday.ledger.intents import Intent
    from target_monday.ledger.journal import Journal
    from target_monday.monday.answers import Answer

__all__ = ["AliasLane", "outcomes_of"]

_log = logging.getLogger("target-monday")
_UNTOLD_WAIT: Final = 1.0  # seconds
_OF_ONE: Final = frozenset({Kind.REJECT, Kind.GONE, Kind.FULL, Kind.BOARD, Kind.CURSOR, Kind.BUG})
_MAX_FAILURES: Final = 10  # halvings of a full request, and two more: an outage, not a row


@dataclass(slots=True)
class _Suspect:
    """An operation that monday stumbles over even alone, with the request that shows it."""

    request: int
    intent: Intent
    error: ServerError


@dataclass(slots=True)
class AliasLane:
    """Delivers packs, one after another: monday asks for one mutation at a time on a board."""

    calls: Calls
    journal: Journal
    search: Search
    before_request: Callable[[], None]
    _failures: int = 0  # one after another, of monday's own
    _suspects: list[_Suspect] = field(default_factory=list)

    def deliver(self, pack: Sequence[Pending]) -> list[Outcome]:
        """Send a pack and learn what became of each operation, in the order of the pack.

        Raises Stopped or RunFailed when nothing of the pack ran and nothing more can be sent.
        """
        self._failures, self._suspects = 0, []
        try:
            outcomes = self._deliver(pack)
        finally:
            verdicts = self._judge(alone=len(pack) == 1)
        suspected = iter(verdicts)
        return [next(suspected) if outcome is None else outcome for outcome in outcomes]

    def _judge(self, *, alone: bool) -> list[Outcome]:
        """Operations that failed while others went through are to blame; else it is monday."""
        guilty = self._failures == 0 or alone
        verdicts: list[Outcome] = []
        for each in self._suspects:
            sentence = str(each.error)
            blamed = Rejected(each.error.code, sentence, may_have_run=True)
            verdict = blamed if guilty else Unknown(sentence)
            name = each.error.request_id
            self.journal.settle(each.request, [each.intent], [verdict], request_id=name)
            verdicts.append(verdict)
        return verdicts

    def _deliver(self, pack: Sequence[Pending]) -> list[Outcome | None]:
        """The outcomes; None for those of suspects, in their order."""
        try:
            mutations = [pending.plan.mutation(pending.operation) for pending in pack]
        except Reject as error:
            return self._one_by_one(pack, error)
        body = encode_body(*write_batch(mutations))
        intents = [pending.intent for pending in pack]
        self.before_request()
        request, key = self.journal.intend(body, intents)
        try:
            answer = self._answer(body, key, pack)
        except Ran as ran:
            self.journal.settle(request, intents, ran.outcomes, how="reading")
            for pending, outcome in zip(pack, ran.outcomes, strict=True):
                pending.may_be_there = isinstance(outcome, CarriedOver)
            return [*ran.outcomes]
        except (AnswerLost, Refused) as error:
            return self._failed(request, pack, error)
        except TargetError as error:
            if not self.calls.uncertain:
                self.journal.settle(request, intents, [CarriedOver(str(error))] * len(pack))
            raise
        self._failures = 0
        outcomes = [
            replace(outcome, may_have_run=self.calls.repeated or _has_two_parts(pending))
            if isinstance(outcome, Rejected)
            else outcome
            for pending, outcome in zip(pack, outcomes_of(answer, len(pack)), strict=True)
        ]
        for fault in answer.faults:  # its price may be that of one operation or of all
            self.calls.budget.learn_refusal(fault.cost, ())
        self.journal.settle(request, intents, outcomes, request_id=answer.request_id)
        self.search.note(pack, outcomes)
        again = self.calls.repeated and not answer.replayed
        if again or any(pending.may_be_there for pending in pack):
            return [*self._without_copies(pack, outcomes)]
        return [*outcomes]

    def _answer(self, body: bytes, key: str, pack: Sequence[Pending]) -> Answer:
        """The answer to the request. Raises Ran where the boards show what became of it.

        A refusal may be that of one operation: others of the request may have run before it.
        """
        lost = LostRequest(self.search, pack)
        kinds = [pending.kind for pending in pack]
        try:
            return self.calls.mutate(body, key, kinds, before_resend=lost.look)
        except Refused as error:
            if len(pack) > 1 and error.kind in _OF_ONE:
                self.calls.ask_first(lost.look, late=False)
            raise

    def _without_copies(self, pack: Sequence[Pending], outcomes: list[Outcome]) -> list[Outcome]:
        """A request ran again, and its answer is not of monday's memory.

        Where both tries made an item, the one of a moment ago leaves, the other one is looked up.
        """
        made = {
            outcome.item_id: pending
            for pending, outcome in zip(pack, outcomes, strict=True)
            if isinstance(outcome, Acknowledged)
            and isinstance(pending.operation, Create)
            and pending.plan.key_column is not None
        }
        copies = self.search.doubled(made) if made else set()
        leaving = [
            replace(made[each], operation=Archive(made[each].key, each), rest={}, tickets=[])
            for each in copies
        ]
        if not leaving:
            return outcomes
        _log.warning("request.ran_twice items=%d: the later ones are archived", len(leaving))
        self._deliver(leaving)
        message = "its request ran twice, and the first item is looked up"
        return [
            Gone(message, is_there=True)
            if isinstance(each, Acknowledged) and each.item_id in copies
            else each
            for each in outcomes
        ]

    def _failed(
        self, request: int, pack: Sequence[Pending], error: AnswerLost | Refused
    ) -> list[Outcome | None]:
        match error:
            case ServerError():
                return self._stumbled(request, pack, error)
            case AnswerLost():
                return [Unknown(str(error))] * len(pack)
            case TooComplex():
                return self._too_large(request, pack, error)
            case Refused():
                return self._halve(request, pack, error)

    def _one_by_one(self, pack: Sequence[Pending], error: Reject) -> list[Outcome | None]:
        if len(pack) == 1:
            return [Rejected(error.code, str(error))]
        return [outcome for pending in pack for outcome in self._deliver([pending])]

    def _too_large(
        self, request: int, pack: Sequence[Pending], error: TooComplex
    ) -> list[Outcome | None]:
        """Nothing ran: the budget knows better now, the next requests are smaller."""
        if len(pack) == 1:
            message = f"one operation costs more points than a request may: {error}"
            outcomes: list[Outcome] = [CarriedOver(message, too_large=True)]
        else:
            self.calls.budget.learn_too_large([pending.kind for pending in pack])
            outcomes = [CarriedOver(str(error), refit=True)] * len(pack)
        intents = [pending.intent for pending in pack]
        self.journal.settle(request, intents, outcomes, request_id=error.request_id)
        return [*outcomes]

    def _stumbled(
        self, request: int, pack: Sequence[Pending], error: ServerError
    ) -> list[Outcome | None]:
        """Asked twice, monday failed twice, and nothing of it is on the board: find the one."""
        self._failures += 1
        if self._failures > _MAX_FAILURES:
            return [Unknown(str(error))] * len(pack)
        if len(pack) == 1:
            self._suspects.append(_Suspect(request, pack[0].intent, error))
            return [None]
        return self._halves(request, pack, error)

    def _halve(self, request: int, pack: Sequence[Pending], error: Refused) -> list[Outcome | None]:
        """The request was refused without saying which operation is to blame: find it."""
        if len(pack) == 1:
            outcome = _outcome(error.fault)
            if isinstance(outcome, Rejected):
                outcome = replace(outcome, may_have_run=self.calls.uncertain)
            intents = [pack[0].intent]
            self.journal.settle(request, intents, [outcome], request_id=error.request_id)
            return [outcome]
        return self._halves(request, pack, error)

    def _halves(
        self, request: int, pack: Sequence[Pending], error: MondayError
    ) -> list[Outcome | None]:
        intents = [pending.intent for pending in pack]
        stumbled = isinstance(error, ServerError)
        outcomes = [CarriedOver(str(error), may_have_run=stumbled)] * len(pack)
        self.journal.settle(request, intents, outcomes, request_id=error.request_id)
        middle = len(pack) // 2
        return [*self._deliver(pack[:middle]), *self._deliver(pack[middle:])]


def _has_two_parts(pending: Pending) -> bool:
    """Whether it is a change and a move, of which one may run without the other."""
    return isinstance(pending.operation, Update) and GROUP in pending.operation.cells


def outcomes_of(answer: Answer, count: int) -> list[Outcome]:
    """The outcome of each alias m0, m1, ...: by its data, and by its error where it has none.

    An error that names no alias is that of the operations without data. Where there are several
    of them, nobody knows which one it is about.
    """
    faults: dict[str | None, list[Fault]] = {}
    for fault in answer.faults:
        faults.setdefault(fault.alias, []).append(fault)
    own = [
        weightiest([*faults.get(f"m{at}", ()), *faults.get(f"g{at}", ())])  # a move beside a change
        for at in range(count)
    ]
    ids = [_whole_id(answer.data, at) for at in range(count)]
    whole = weightiest(faults.get(None, ()))
    left = sum(fault is None and item_id is None for fault, item_id in zip(own, ids, strict=True))
    if whole is not None and left > 1 and whole.kind in _OF_ONE:
        whole = replace(whole, kind=Kind.LOST)
    return [
        _alias_outcome(at, item_id, fault, whole)
        for at, (item_id, fault) in enumerate(zip(ids, own, strict=True))
    ]


def _whole_id(data: Mapping[str, Any], at: int) -> str | None:
    """The item's id, if all that its operation consists of has data: a move stands beside it."""
    moved = f"g{at}" not in data or item_id_of(data[f"g{at}"]) is not None
    return item_id_of(data.get(f"m{at}")) if moved else None


def _alias_outcome(
    at: int, item_id: str | None, fault: Fault | None, whole: Fault | None
) -> Outcome:
    if item_id is not None and (fault is None or fault.is_nested):
        return Acknowledged(item_id)
    if item_id is not None and fault is not None and fault.alias == f"m{at}":
        fault = replace(fault, kind=Kind.LOST)  # it ran, though perhaps not as it was sent
    fault = fault or whole
    if fault is not None:
        return _outcome(fault)
    return Gone(f"monday answered neither data nor an error for m{at}", "NO_ANSWER")


def _outcome(fault: Fault) -> Outcome:
    named = f" (column {', '.join(fault.columns)})" if fault.columns else ""
    sentence = f"monday answered {fault.code}: {fault.message}{named}"
    match fault.kind:
        case Kind.REJECT | Kind.BUG | Kind.CURSOR | Kind.TOO_LARGE:
            return Rejected(fault.code, sentence, column_id=next(iter(fault.columns), None))
        case Kind.GONE:
            return Gone(sentence)
        case Kind.FULL | Kind.BOARD | Kind.ACCESS:
            full = fault.kind is Kind.FULL
            return CarriedOver(sentence, board_failed=not full, full=full)
        case Kind.RETRY | Kind.TOO_COMPLEX:
            return CarriedOver(sentence, wait=_UNTOLD_WAIT if fault.wait is None else fault.wait)
        case Kind.DAILY_LIMIT:
            return CarriedOver(sentence, run_ends=True)
        case Kind.LOST:  # nobody knows whether it ran: the board tells, then it is sent again
            return Gone(sentence, fault.code)
