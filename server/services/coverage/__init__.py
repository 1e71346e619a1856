"""Evidence into verdicts: the day's assessment and what boards and calendars read."""
