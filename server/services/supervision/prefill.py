"""The checklist of an inspection: every rule of the site's pack, with how it comes out by the evidence at this moment."""

from server.domain.compliance import worst
from server.domain.verdict import Status
from server.services.compliance.read_compliance import ComplianceReader
from server.services.compliance.told import OutcomeTold
from server.services.supervision.inspect_sites import CheckItem
from storage.database.scope import Scope

ORDER = (Status.NON_COMPLIANT, Status.UNVERIFIED, Status.COMPLIANT)


class Prefill:
    """Reads what the person may see."""

    def __init__(self, reader: ComplianceReader) -> None:
        self._reader = reader

    def __call__(self, person: Scope, site_id: str) -> list[CheckItem]:
        """One item a rule, of several subjects the worst, the broken ones first. Raises NotFound."""
        found: dict[str, list[OutcomeTold]] = {}
        for outcome in self._reader.of_site(person, site_id, "").outcomes:
            found.setdefault(outcome.rule, []).append(outcome)
        items = [
            CheckItem(rule, some[0].article, some[0].title, some[0].binding, worst(Status(one.status) for one in some))
            for rule, some in found.items()
        ]
        return sorted(
            items, key=lambda item: (ORDER.index(Status(item.status)), item.binding != "mandatory", item.rule)
        )
