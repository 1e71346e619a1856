"""How long a recording must be kept."""

from config.base.clock import US_PER_DAY, US_PER_S


def retain_until_us(capture_end_us: int, now_us: int, retain_days: int) -> int:
    """Capture end + the policy's days + one day, rounded up to a whole second as stores keep no finer instant.

    The capture end comes from an agent's clock, which must not choose the lock: an end in the future counts as now, and
    one so long ago that nothing would be locked is taken for a wrong clock, whose footage is of today.
    """
    span_us = (retain_days + 1) * US_PER_DAY
    exact = min(capture_end_us, now_us) + span_us
    if exact < now_us + US_PER_DAY:
        exact = now_us + span_us
    return -(-exact // US_PER_S) * US_PER_S
