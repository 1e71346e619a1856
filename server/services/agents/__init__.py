"""Boxes that become agents: authority, invitation, enrolment, revocation, acceptance."""
