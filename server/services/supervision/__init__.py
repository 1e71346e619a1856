"""What an authority does: inspections drawn at random."""
