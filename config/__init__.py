"""What both sides share: base types, the wire contract, settings and policies. Imports no I/O library."""
