"""Documents of a site: the impact assessment as a file, photographs of the sign at the door.

Invariants: everything goes through the person's reach (I7). A new document stands beside those before it: none is ever
changed or removed, and each stands in the site's ledger by its digest in the transaction that keeps it. A photograph is drawn
anew before it is kept (``server/probe/pictures.py``); a PDF is kept as it came, opened by nobody here, and handed out only as
a download. Source: 个人信息保护法 articles 26 (the sign), 55 and 56 (the assessment, kept for at least three years).
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.errors import InvalidInput, NotFound, ResourceExhausted
from config.base.ids import fresh_id, is_slug
from config.evidence.entries import DocumentKept, encode
from server.domain.authorisation import Action
from server.probe.pictures import SENT_BYTES_MAX, Picture, redraw
from server.services.people.operators import site_for
from storage.database import ledger
from storage.database.models import Site, SiteDocument
from storage.database.scope import Scope
from storage.database.unit_of_work import Database

Kind = Literal["impact_assessment", "sign_photo"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LEDGER_KIND = "site-document"
PDF = "application/pdf"
PDF_START = b"%PDF-"
DOCUMENT_BYTES_MAX = 10 * 1024 * 1024
DOCUMENTS_MAX = 20
"""Of one kind at one site: one a year for as long as a facility stands."""
NAME_CHARS_MAX = 120


@dataclass(frozen=True)
class DocumentView:
    """One document without its bytes."""

    document_id: str
    kind: str
    name: str
    media_type: str
    sha256: str
    size_bytes: int
    uploaded_us: int
    uploaded_by: str


@dataclass(frozen=True)
class SiteDocumentsView:
    """A site's documents, the newest first."""

    name: str
    timezone: str
    documents: list[DocumentView]


@dataclass(frozen=True)
class SiteDocuments:
    """Thread-safe. Everything raises NotFound for a site out of reach and PermissionDenied for who may not."""

    database: Database
    clock: Clock
    redraw: Callable[[bytes], Picture] = redraw

    def of_site(self, scope: Scope, site_id: str) -> SiteDocumentsView:
        """All that there are."""
        with self.database.reading() as session:
            site = site_for(session, scope, site_id, Action.DOCUMENTS_READ)
            newest = SiteDocument.uploaded_us.desc()
            rows = session.scalars(select(SiteDocument).where(SiteDocument.site_id == site.id).order_by(newest))
            return SiteDocumentsView(site.name, site.timezone, [_view(row) for row in rows])

    def content(self, scope: Scope, site_id: str, document_id: str) -> tuple[DocumentView, bytes]:
        """One document with its bytes. Raises NotFound where the site has no such one."""
        with self.database.reading() as session:
            site = site_for(session, scope, site_id, Action.DOCUMENTS_READ)
            row = session.get(SiteDocument, document_id) if is_slug(document_id) else None
            if row is None or row.site_id != site.id:
                raise NotFound("no such document")
            return _view(row), row.data

    def add(self, scope: Scope, site_id: str, kind: str, name: str, data: bytes) -> str:
        """Keeps one more; its id. Raises InvalidInput, ResourceExhausted, Unavailable."""
        known = next((one for one in KINDS if one == kind), None)
        if known is None:
            raise InvalidInput("choose what the document is", code="bad_document")
        with self.database.reading() as session:
            _check_room(session, site_for(session, scope, site_id, Action.PEOPLE_MANAGE), known)
        media_type, kept = self._kept(known, data)
        digest, now_us, made = hashlib.sha256(kept).hexdigest(), self.clock.utc_us(), fresh_id()
        with self.database.unit_of_work() as session:
            site = site_for(session, scope, site_id, Action.PEOPLE_MANAGE)
            session.get_one(Site, site.id, with_for_update=True)
            _check_room(session, site, known)
            row = SiteDocument(
                id=made,
                site_id=site.id,
                kind=known,
                name=_clean(name),
                media_type=media_type,
                sha256=digest,
                size_bytes=len(kept),
                data=kept,
                uploaded_us=now_us,
                uploaded_by=scope.account_name,
            )
            session.add(row)
            entry = DocumentKept(
                site_id=site.id,
                at_us=now_us,
                document_id=made,
                what=known,
                sha256=digest,
                size_bytes=len(kept),
                by=scope.account_name,
            )
            ledger.add(session, site.id, LEDGER_KIND, made, encode(entry))
        return made

    def _kept(self, kind: Kind, data: bytes) -> tuple[str, bytes]:
        """Media type and bytes as they are kept."""
        if kind == "sign_photo":
            if len(data) > SENT_BYTES_MAX:
                raise InvalidInput(f"a photograph has at most {SENT_BYTES_MAX} bytes", code="document_oversized")
            drawn = self.redraw(data)
            return drawn.media_type, drawn.data
        if len(data) > DOCUMENT_BYTES_MAX:
            raise InvalidInput(f"a document has at most {DOCUMENT_BYTES_MAX} bytes", code="document_oversized")
        if not data.startswith(PDF_START):
            raise InvalidInput("an impact assessment is a PDF", code="no_pdf")
        return PDF, data


def _check_room(session: Session, site: Site, kind: Kind) -> None:
    mine = select(func.count()).where(SiteDocument.site_id == site.id, SiteDocument.kind == kind)
    if (session.scalar(mine) or 0) >= DOCUMENTS_MAX:
        raise ResourceExhausted(f"a site keeps {DOCUMENTS_MAX} documents of a kind", code="too_many_documents")


def _clean(name: str) -> str:
    """The last part of a path, without what does not print; empty where nothing is left."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(one for one in last if one.isprintable()).strip()[:NAME_CHARS_MAX]


def _view(row: SiteDocument) -> DocumentView:
    return DocumentView(
        row.id, row.kind, row.name, row.media_type, row.sha256, row.size_bytes, row.uploaded_us, row.uploaded_by
    )
