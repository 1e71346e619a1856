"""The book of live views: opened before the first byte, closed after the last.

Invariants: a view that is not in the book shows nothing; a guardian has one live view, and beginning another marks the older
ones to be ended, whichever process serves them.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select, update

from config.base.clock import Clock
from config.base.ids import fresh_id
from config.base.roles import Role
from server.domain.lease import Permit
from storage.database.models import LiveView
from storage.database.unit_of_work import Database

CODE_CHARS = 8
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without what is mistaken on a photograph of a screen: 0 O, 1 I."""


@dataclass(frozen=True)
class OpenView:
    """A view that may be served."""

    view_id: str
    code: str
    session_sha256: str
    permit: Permit
    transport: str


class ViewBook:
    """Thread-safe."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def open(self, permit: Permit, session_sha256: str, transport: str) -> OpenView:
        """Raises Unavailable: there is no view then."""
        view = OpenView(fresh_id(), _code(), session_sha256, permit, transport)
        now_us = self._clock.utc_us()
        with self._database.unit_of_work() as session:
            if permit.role == Role.GUARDIAN:
                older = (LiveView.account_name == permit.person, LiveView.ended_us.is_(None))
                session.execute(update(LiveView).where(*older).values(replaced_us=now_us))
            session.add(
                LiveView(
                    id=view.view_id,
                    code=view.code,
                    account_name=permit.person,
                    role=permit.role,
                    site_id=permit.site_id,
                    camera_id=permit.camera_id,
                    lease_id=permit.lease_id,
                    transport=transport,
                    opened_us=now_us,
                )
            )
        return view

    def replaced(self, view_ids: Collection[str]) -> set[str]:
        """Those of these views that are to end because their person began another."""
        with self._database.reading() as session:
            query = select(LiveView.id).where(LiveView.replaced_us.is_not(None), LiveView.id.in_(list(view_ids)))
            return set(session.scalars(query))

    def close(self, view: OpenView, reason: str, sent_bytes: int) -> None:
        """Raises Unavailable; may be called again."""
        with self._database.unit_of_work() as session:
            row = session.get_one(LiveView, view.view_id)
            if row.ended_us is None:
                row.ended_us, row.end_reason, row.sent_bytes = self._clock.utc_us(), reason, sent_bytes


def _code() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(CODE_CHARS))
