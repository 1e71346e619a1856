"""Why a package is not genuine: which item, and what does not hold; in English here, in Chinese through ``wording``."""

from config.base.errors import IntegrityViolation


class NotGenuine(IntegrityViolation):
    """``item`` is the file within the package, or ``package`` for the whole; ``why`` is a phrase of ``wording.WHY``."""

    code = "not_genuine"

    def __init__(self, item: str, why: str, detail: str = "") -> None:
        super().__init__(f"{item}: {why}" + (f" ({detail})" if detail else ""))
        self.item = item
        self.why = why
        self.detail = detail
