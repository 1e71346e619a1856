"""Reports on paper: typeset (typst) and signed (PAdES)."""
