"""Policy packs applied: what a site's pack asks of it, what was measured, and the verdicts that follow."""
