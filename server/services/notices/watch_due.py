"""Says beforehand what comes due: cases of the docket and complaints. Told once for each due date."""

from dataclasses import dataclass

from config.base.clock import US_PER_DAY, Clock
from config.base.timespan import Span
from server.services.notices.tell import COMPLAINT, DOCKET, News, tell
from storage.database import complaints, docket
from storage.database.unit_of_work import Database

CASE_AHEAD_US = US_PER_DAY
CASE_BACK_US = 3 * US_PER_DAY
"""What was due before was told, or nobody looked for so long; it stands on the docket."""
A_ROUND_MAX = 2_000


@dataclass(frozen=True)
class DueWatch:
    """One round at a time."""

    database: Database
    clock: Clock

    def look(self) -> None:
        """Writes down what is due soon and was not told yet."""
        with self.database.unit_of_work() as session:
            now_us = self.clock.utc_us()
            told = set[str]()
            soon = Span(now_us - CASE_BACK_US, now_us + CASE_AHEAD_US)
            for case in docket.coming_due(session, soon, A_ROUND_MAX):
                # Cameras of one incident are one piece of work.
                key = f"docket:{case.incident_id}:{case.due_us // US_PER_DAY}"
                if key not in told:
                    link = f"/sites/{case.site_id}/docket/{case.incident_id}"
                    tell(session, News(key, case.site_id, DOCKET, case.cause, link, now_us))
                told.add(key)
            for row in complaints.coming_due(session, now_us + CASE_AHEAD_US, A_ROUND_MAX):
                link = f"/sites/{row.site_id}/complaints#{row.number}"
                tell(session, News(f"complaint:{row.number}", row.site_id, COMPLAINT, "complaint", link, now_us))
