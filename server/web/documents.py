"""What the pages show of a site's documents: each kind with what belongs there, and who put what there when. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from server.services.people.site_documents import DocumentView
from server.web.wording import mark


@dataclass(frozen=True)
class KindWords:
    """``empty``: what belongs there."""

    title: str
    empty: str


KINDS = (
    (
        "impact_assessment",
        KindWords(
            mark("Privacy impact assessment"),
            mark(
                "The report belongs here that was written before recording began: what the cameras mean for children, staff and"
                " visitors, and how they are protected. Signed, as a PDF; it is kept for at least three years."
            ),
        ),
    ),
    (
        "sign_photo",
        KindWords(
            mark("Photograph of the sign"),
            mark(
                "A photograph of the sign at the entrance belongs here, which says that cameras record in this place."
            ),
        ),
    ),
)


@dataclass(frozen=True)
class DocumentList:
    """For the template ``documents_part.html``."""

    site_id: str
    found: Sequence[DocumentView]
    when: Callable[[int], str]
    size: Callable[[int], str]
    may_manage: bool
    is_page: bool = False
    """The list is the page itself, under its title."""
    kinds: Sequence[tuple[str, KindWords]] = KINDS

    def of_kind(self, kind: str) -> list[DocumentView]:
        """The newest first."""
        return [one for one in self.found if one.kind == kind]
