"""The process that makes verdicts."""
