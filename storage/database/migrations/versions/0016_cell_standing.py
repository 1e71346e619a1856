"""whether what lies in a cell is still proven, and which agent is asked for it"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cell_standing",
        sa.Column("agent_id", sa.String(64), sa.ForeignKey("agent.id"), primary_key=True),
        sa.Column("proven_us", sa.BigInteger(), nullable=False),
        sa.Column("unproven_from_us", sa.BigInteger(), nullable=True),
    )
    op.add_column("cell_challenge", sa.Column("asked_id", sa.String(64), nullable=True))
    # Nothing of an agent counts that nobody ever answered for; everything it had secured by then may lie in the cell.
    op.execute(
        "INSERT INTO cell_standing (agent_id, proven_us) SELECT agent_id, max(drawn_us) FROM cell_challenge"
        " WHERE outcome = 'right' GROUP BY agent_id"
    )
    op.execute(
        "INSERT INTO coverage_span (camera_id, kind, timeline_id, start_us, end_us)"
        " SELECT s.camera_id, 'in_cell', s.timeline_id, s.start_us, s.end_us FROM coverage_span s"
        " JOIN timeline t ON t.id = s.timeline_id WHERE s.kind = 'secured'"
        " AND t.agent_id IN (SELECT agent_id FROM cell_copy)"
    )
