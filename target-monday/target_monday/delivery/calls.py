"""Calls with patience: budget before, waits between, the same body again where that is safe."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from target_monday.errors import RunFailed, Stopped
from target_monday.monday.client import Answer, Client, encode_body
from target_monday.monday.errors import (
    AccessDenied,
    AnswerLost,
    BadRequest,
    DailyLimitReached,
    MondayError,
    TooComplex,
    TryLater,
    error_for,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_monday.delivery.budget import MinuteBudget
    from target_monday.termination import Termination

__all__ = ["Calls", "until_midnight"]

MAX_WAIT: Final = 300.0  # seconds; a longer wait is for the next run
_MAX_REFUSALS: Final = 10
_MAX_LOSSES: Final = 5  # with their waits far inside the 30 minutes of an idempotency key
_FIRST_WAIT: Final = 1.0


@dataclass(slots=True)
class Calls:
    """All requests of a run. `uncertain`: whether the last one may have run without an answer."""

    client: Client
    budget: MinuteBudget
    termination: Termination
    sleep: Callable[[float], None]
    max_calls: int | None = None
    jitter: Callable[[], float] = random.random
    made: int = 0
    points: int = 0
    uncertain: bool = False

    def query(self, document: str, variables: Mapping[str, Any]) -> Answer:
        """Ask; a lost answer is simply asked for again, and half an answer is none."""
        return self._patiently(encode_body(document, variables), None, 0)

    def mutate(
        self,
        body: bytes,
        key: str,
        operations: int = 0,
        *,
        before_resend: Callable[[], None] = lambda: None,
    ) -> Answer:
        """Write. `body` goes out unchanged under `key` until an answer comes.

        `before_resend` is called after a lost answer; what it raises ends the sending. Raises
        AnswerLost if no answer came, Stopped for limits and signals, RunFailed for what no retry
        mends, Refused if monday understood the request and refuses it.
        """
        return self._patiently(body, key, operations, before_resend)

    def pause(self, wait: float | None, reason: str, tries: int = 1) -> None:
        """Wait as an operation's error asks for. Raises Stopped if that is too long."""
        seconds = self._backoff(tries) if wait is None else wait
        if seconds > MAX_WAIT:
            raise Stopped(_too_long(reason, seconds))
        self.sleep(seconds)

    def _patiently(
        self,
        body: bytes,
        key: str | None,
        operations: int,
        before_resend: Callable[[], None] = lambda: None,
    ) -> Answer:
        self.uncertain = False
        refusals = losses = 0
        while True:
            self._wait_for_budget(operations)
            try:
                answer = self._once(body, key)
            except TryLater as error:
                refusals += 1
                self.budget.learn_refusal(error.cost, operations)
                self._wait_as_asked(error, refusals)
            except TooComplex as error:
                self.budget.learn_refusal(error.cost, operations)
                raise
            except AnswerLost as error:
                losses += 1
                self.uncertain = key is not None
                self._wait_after_loss(error, losses, mutation=key is not None)
                if key is not None:
                    self._reconsider(error, losses, before_resend)
            except (DailyLimitReached, AccessDenied, BadRequest) as error:
                raise _final(error) from error
            else:
                self._learn(answer, operations)
                return answer

    def _reconsider(
        self, error: AnswerLost, losses: int, before_resend: Callable[[], None]
    ) -> None:
        """Before the same bytes leave again: whoever sent them may know better by now."""
        try:
            before_resend()
        finally:
            self.uncertain = True  # also after the questions that were asked in between
        if losses >= _MAX_LOSSES:
            raise error

    def _wait_for_budget(self, operations: int) -> None:
        self.termination.check()
        if self.max_calls is not None and self.made >= self.max_calls:
            raise Stopped(
                f"The {self.max_calls} calls of `max_calls` are used up; what is settled is kept, "
                "the next run resumes there."
            )
        wait = self.budget.wait(operations)
        if wait > 0:
            self.sleep(wait)

    def _once(self, body: bytes, key: str | None) -> Answer:
        self.made += 1
        answer = self.client.send(body, idempotency_key=key)
        if key is None and answer.faults:
            raise error_for(answer.faults[0], answer.request_id)
        return answer

    def _learn(self, answer: Answer, operations: int) -> None:
        self.uncertain = False
        self.budget.learn(answer, operations)
        self.points += answer.complexity.query if answer.complexity else 0

    def _wait_as_asked(self, error: TryLater, refusals: int) -> None:
        wait = self._backoff(refusals) if error.wait is None else error.wait + self.jitter()
        if wait > MAX_WAIT or refusals > _MAX_REFUSALS:
            raise Stopped(_too_long(str(error), wait)) from error
        self.sleep(wait)

    def _wait_after_loss(self, error: AnswerLost, losses: int, *, mutation: bool) -> None:
        if losses >= _MAX_LOSSES and not mutation:
            raise RunFailed(f"No answer from {self.client.url} after {losses} tries: {error}")
        self.sleep(max(error.wait or 0.0, self._backoff(losses)))

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
        case AccessDenied():
            return RunFailed(
                f"{error}. Check that `api_token` is valid and may read and write these boards."
            )
        case _:
            return RunFailed(str(error))
