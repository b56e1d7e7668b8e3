"""Calls with patience: budget before, waits between, the same body again where that is safe."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from target_monday.delivery.connection_errors import connection_failed
from target_monday.errors import RunFailed, Stopped
from target_monday.monday.client import Client, encode_body
from target_monday.monday.errors import (
    AccessDenied,
    AnswerLost,
    BadRequest,
    DailyLimitReached,
    MondayError,
    NotSent,
    ServerError,
    TooComplex,
    TryLater,
    error_for,
    is_running_twin,
)
from target_monday.monday.operations import without_daily_limit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_monday.delivery.budget import Budget
    from target_monday.ledger.budgets import BudgetStore
    from target_monday.monday.answers import Answer
    from target_monday.progress import Progress
    from target_monday.termination import Termination

__all__ = ["UNSEEN", "Calls", "WaitTooLong", "until_midnight"]

MAX_WAIT: Final = 300.0  # seconds; a longer wait is for the next run
_MAX_REFUSALS: Final = 10
_MAX_LOSSES: Final = 5  # with their waits far inside the 30 minutes of an idempotency key
_MAX_SERVER_ERRORS: Final = 2  # then it is one of the operations that monday stumbles over
_FIRST_WAIT: Final = 1.0
UNSEEN: Final = 8.0  # seconds in which some of what a request made is seen, if it is over
_ASIDE: Final = frozenset({"platform_api"})  # asked beside the question, where a token may
_REFUSED_CALL: Final = 0.1  # what a request costs that a limit refused


BeforeResend = Callable[[bool], None]


class WaitTooLong(Stopped):
    """A limit asks to wait longer than a run does; `wait` seconds."""

    def __init__(self, message: str, wait: float) -> None:
        self.wait = wait
        super().__init__(message)


@dataclass(slots=True)
class Calls:
    """All requests of a run. `uncertain`: whether the last one may have run without an answer.

    `repeated`: whether the last answer came after one to the same request that was lost.
    """

    client: Client
    budget: Budget
    termination: Termination
    sleep: Callable[[float], None]
    store: BudgetStore
    progress: Progress
    max_calls: int | None = None
    reserve_calls: int = 0
    poll_interval: float = 10.0  # seconds to the first question about a job
    jitter: Callable[[], float] = random.random
    points: int = 0
    uncertain: bool = False
    repeated: bool = False
    _limit_is_hidden: bool = False

    def recall(self) -> None:
        """Take up what earlier runs learned of the account's limits."""
        self.budget.recall(self.store.load(), self.store.clock())

    def query(self, document: str, variables: Mapping[str, Any]) -> Answer:
        """Ask; a lost answer is simply asked for again, and half an answer is none.

        The account's daily limit stands beside some questions. Where a token may not ask for it,
        they are asked without.
        """
        plain = without_daily_limit(document)
        asked = plain if self._limit_is_hidden else document
        try:
            return self._patiently(encode_body(asked, variables), None, ())
        except RunFailed as error:
            refused = isinstance(error.__cause__, AccessDenied | BadRequest)
            if asked == plain or not refused:
                raise
        self._limit_is_hidden = True
        return self._patiently(encode_body(plain, variables), None, ())

    def mutate(
        self,
        body: bytes,
        key: str,
        kinds: Sequence[str] = (),
        *,
        before_resend: BeforeResend = lambda _: None,
    ) -> Answer:
        """Write. `body` goes out unchanged under `key` until an answer comes.

        `kinds` are those of its item mutations, one each. `before_resend` is called after a lost
        answer, with whether what ran may show only later; what it raises ends the sending.
        Raises AnswerLost if no answer came, Stopped for limits and signals, RunFailed for what no
        retry mends, Refused if monday understood the request and refuses it.
        """
        return self._patiently(body, key, kinds, before_resend)

    def pause(self, wait: float | None, reason: str, tries: int = 1) -> None:
        """Wait as an operation's error asks for. Raises Stopped if that is too long."""
        seconds = self._backoff(tries) if wait is None else wait
        if seconds > MAX_WAIT:
            raise WaitTooLong(_too_long(reason, seconds), seconds)
        self.wait(seconds, reason)

    def wait(self, seconds: float, reason: str) -> None:
        """Wait; a long wait is announced. Raises Stopped if the end of the run is asked for."""
        self.progress.announce_wait(seconds, reason)
        self.sleep(seconds)

    @property
    def made(self) -> int:
        """Requests that were sent."""
        return self.progress.calls

    def _patiently(
        self,
        body: bytes,
        key: str | None,
        kinds: Sequence[str],
        before_resend: BeforeResend = lambda _: None,
    ) -> Answer:
        self.uncertain = False
        refusals = losses = 0
        at_work = False  # whether a try may go on unseen: it was not answered, or monday says so
        while True:
            self._wait_for_budget(kinds)
            try:
                answer = self._once(body, key, kinds)
            except TryLater as error:
                refusals += 1
                at_work = at_work or is_running_twin(error)
                self.budget.learn_refusal(error.cost, kinds)
                self._wait_as_asked(error, refusals)
                if self.uncertain:  # an earlier answer was lost: its request may have ended now
                    self.ask_first(before_resend, late=True)
            except TooComplex as error:
                self.budget.learn_refusal(error.cost, kinds)
                raise
            except AnswerLost as error:
                losses += 1
                unseen = not isinstance(error, ServerError | NotSent)
                at_work = at_work or unseen
                self.uncertain = key is not None and (
                    self.uncertain or not isinstance(error, NotSent)
                )
                mutation = self.uncertain
                least = UNSEEN if mutation and unseen and losses > 1 else 0.0
                self._wait_after_loss(error, losses, least, mutation=mutation)
                if mutation:
                    self._reconsider(error, losses, before_resend, at_work=at_work)
            except (DailyLimitReached, AccessDenied, BadRequest) as error:
                raise _final(error) from error
            else:
                self.repeated, self.uncertain = self.uncertain, False
                return answer

    def _reconsider(
        self, error: AnswerLost, losses: int, before_resend: BeforeResend, *, at_work: bool
    ) -> None:
        self.ask_first(before_resend, late=losses == 1 and at_work)
        if not at_work and losses >= _MAX_SERVER_ERRORS:
            raise error
        if losses >= _MAX_LOSSES:  # as little is known as if it had never been answered
            raise AnswerLost(error.fault, error.request_id) from error

    def ask_first(self, before_resend: BeforeResend, *, late: bool) -> None:
        """Before anything of a request leaves again: whoever sent it may know better by now."""
        try:
            before_resend(late)
        finally:
            self.uncertain = True  # also after the questions that were asked in between

    def _wait_for_budget(self, kinds: Sequence[str]) -> None:
        self.termination.check()
        self._keep_reserve()
        if self.max_calls is not None and self.made >= self.max_calls:
            raise Stopped(
                f"The {self.max_calls} calls of `max_calls` are used up; what is settled is kept, "
                "the next run resumes there."
            )
        wait = self.budget.wait(kinds)
        if wait > 0:
            self.wait(wait, "the minute's points or requests are used up")

    def _keep_reserve(self) -> None:
        limit = self.budget.daily_calls
        if not (self.reserve_calls and limit):
            return
        if self.store.used_today() + 1 > limit - self.reserve_calls:
            raise until_midnight(
                f"Of {limit} daily calls {self.reserve_calls} are left to others (`reserve_calls`)"
            )

    def _once(self, body: bytes, key: str | None, kinds: Sequence[str]) -> Answer:
        """Send it, count the call, learn from the answer."""
        self.progress.count_call()
        cost, learned = 1.0, None
        try:
            answer = self.client.send(body, idempotency_key=key)
            faults = tuple(fault for fault in answer.faults if fault.alias not in _ASIDE)
            if not faults or key is not None:
                self.budget.learn(answer, kinds)
                learned = self.budget.numbers(self.store.clock())
        except TryLater:
            cost = _REFUSED_CALL
            raise
        finally:
            self.store.count_calls(cost, learned)
        if key is None and faults:
            raise error_for(faults[0], answer.request_id)
        self.points += answer.complexity.query if answer.complexity else 0
        return replace(answer, faults=faults) if answer.faults else answer

    def _wait_as_asked(self, error: TryLater, refusals: int) -> None:
        wait = self._backoff(refusals) if error.wait is None else error.wait + self.jitter()
        if wait > MAX_WAIT or refusals > _MAX_REFUSALS:
            raise WaitTooLong(_too_long(str(error), wait), wait) from error
        self.wait(wait, str(error))

    def _wait_after_loss(
        self, error: AnswerLost, losses: int, least: float, *, mutation: bool
    ) -> None:
        """Wait `least` seconds or more: a try that may be at work ends before it is looked for."""
        if losses >= _MAX_LOSSES and not mutation:
            said = f"No answer from {self.client.url} after {losses} tries: {error}"
            raise connection_failed(error, said)
        wait = max(error.wait or 0.0, self._backoff(losses), least)
        if wait > MAX_WAIT:
            raise WaitTooLong(_too_long(str(error), wait), wait) from error
        self.wait(wait, str(error))

    def _backoff(self, tries: int) -> float:
        return float(min(_FIRST_WAIT * 2 ** (tries - 1), 60.0) * (0.5 + self.jitter() / 2))


def _too_long(reason: str, wait: float) -> str:
    return (
        f"{reason}; it asks to wait {wait:.0f} s, too long for this run: what is settled "
        "is kept, the next run resumes there."
    )


def until_midnight(reason: str) -> Stopped:
    """The end of a run that met the daily limit."""
    return Stopped(
        f"{reason}. The daily calls are used up until midnight UTC; what is settled is "
        "kept, the next run resumes there."
    )


def _final(error: MondayError) -> Exception:
    match error:
        case DailyLimitReached():
            return until_midnight(str(error))
        case _:
            return connection_failed(error, str(error))
