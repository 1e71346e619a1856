"""The docket: cases of missing time, and planned maintenance."""
