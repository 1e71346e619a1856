"""Stream copy into fragmented MP4 segments: continuity, cuts, writing. Decisions are pure; ``recorder`` does the work."""
