"""How long a recording must be kept."""

from config.base.clock import US_PER_DAY, US_PER_S


def retain_until_us(capture_end_us: int, retain_days: int) -> int:
    """Capture end + the policy's days + one day, rounded up to a whole second as stores keep no finer instant."""
    exact = capture_end_us + (retain_days + 1) * US_PER_DAY
    return -(-exact // US_PER_S) * US_PER_S
