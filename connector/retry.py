"""When to try again. Pure: an answer in seconds, never a wait."""

from __future__ import annotations

from dataclasses import dataclass

from tenacity import RetryCallState, wait_exponential


@dataclass(frozen=True, slots=True)
class Policy:
    """Exponential waiting between `first` and `longest` seconds, for `attempts` tries; then a person must look."""

    first: float = 2.0
    longest: float = 900.0
    attempts: int = 12


def next_try(policy: Policy, attempts: int, retry_after: float | None, jitter: float) -> float | None:
    """Seconds until the next try of something tried `attempts` times, or None when the tries are spent.

    What the remote asked for (`retry_after`) is a lower bound and never spends the tries. `jitter` in 0..1 spreads
    the wait by up to a quarter.
    """
    if retry_after is None and attempts >= policy.attempts:
        return None
    state = RetryCallState(retry_object=None, fn=None, args=(), kwargs={})  # type: ignore[arg-type]
    state.attempt_number = max(attempts, 1)
    wait = wait_exponential(multiplier=policy.first, max=policy.longest)(state)
    return max(wait * (1 + jitter / 4), retry_after or 0.0)
