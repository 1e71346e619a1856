"""Pure rules: no I/O, no clock of its own, no database. Time is an argument."""
