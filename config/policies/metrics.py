"""What a rule may measure: a closed list, so that a misspelt metric is an error and not a rule that never fires.

Each metric has one unit and says of what it is measured. ``stricter`` is the operator with which a rule on it makes
sense as a limit: for ``>=`` the highest value wins where several rules hold, for ``<=`` the lowest.
"""

from typing import Literal, NamedTuple

Unit = Literal["percent", "hour", "day", "month", "second", "count", "place", "child", "square_metre", "flag", "mode"]
Subject = Literal["site", "zone", "camera", "partition", "class", "staff", "child", "maintenance", "region"]
Operator = Literal[">=", "<=", "=="]
Window = Literal["instant", "minute", "day", "month", "year"]


class Metric(NamedTuple):
    """``operators``: those that a rule on it may use; ``prohibits``: what it counts may not exist at all."""

    unit: Unit
    subject: Subject
    operators: tuple[Operator, ...]
    windows: tuple[Window, ...] = ("instant",)
    prohibits: bool = False


_FLOOR: tuple[Operator, ...] = (">=",)
_CEILING: tuple[Operator, ...] = ("<=",)
_EXACT: tuple[Operator, ...] = ("==",)
_LIMIT: tuple[Operator, ...] = (">=", "<=")

METRICS: dict[str, Metric] = {
    # video and alarm, from evidence
    "zone_coverage": Metric("percent", "zone", _FLOOR, ("day", "month")),
    "recording_retention": Metric("day", "site", _LIMIT),
    "overdue_recordings": Metric("count", "site", _EXACT),
    "forbidden_zone_cameras": Metric("count", "site", _EXACT, prohibits=True),
    "instant_points_armed": Metric("percent", "site", _FLOOR, ("day", "month")),
    "interior_armed_on_schedule": Metric("percent", "partition", _FLOOR, ("day", "month")),
    "panel_silence": Metric("second", "site", _CEILING, ("day", "month")),
    "camera_clock_error": Metric("second", "camera", _CEILING, ("day",)),
    "site_clock_error": Metric("second", "site", _CEILING, ("day",)),
    "picture_sound": Metric("percent", "camera", _FLOOR, ("day", "month")),
    "planned_maintenance": Metric("hour", "camera", _CEILING, ("month",)),
    "maintenance_notice": Metric("hour", "maintenance", _FLOOR, ("month",)),
    "originals_intact": Metric("flag", "site", _EXACT, ("day",)),
    "looks_on_record": Metric("flag", "site", _EXACT),
    "access_log_age": Metric("month", "site", _FLOOR),
    "live_view": Metric("mode", "site", _EXACT),
    "live_view_consents": Metric("percent", "child", _FLOOR),
    # documents and dated duties
    "recording_sign": Metric("flag", "site", _EXACT),
    "police_filing": Metric("day", "site", _CEILING),
    "health_filing": Metric("flag", "site", _EXACT),
    "impact_assessment": Metric("flag", "site", _EXACT),
    "one_button_alarm": Metric("flag", "site", _EXACT),
    "alarm_equipment_test": Metric("month", "site", _CEILING),
    "fire_drill": Metric("month", "site", _CEILING),
    "yearly_inspection": Metric("month", "site", _CEILING),
    "parents_committee": Metric("flag", "site", _EXACT),
    "complaints_channel": Metric("flag", "site", _EXACT),
    "site_published": Metric("flag", "site", _EXACT),
    "site_places": Metric("place", "site", _CEILING),
    "indoor_area_per_place": Metric("square_metre", "site", _FLOOR),
    "outdoor_area_per_place": Metric("square_metre", "site", _FLOOR),
    # people and classes
    "class_size": Metric("child", "class", _CEILING),
    "children_per_carer": Metric("child", "class", _CEILING),
    "guards": Metric("count", "site", _FLOOR),
    "guard_certificate": Metric("flag", "staff", _EXACT),
    "record_check": Metric("month", "staff", _CEILING),
    "health_check": Metric("month", "staff", _CEILING),
    "training": Metric("month", "staff", _CEILING),
    "qualification": Metric("flag", "staff", _EXACT),
    "banned_staff": Metric("count", "site", _EXACT, prohibits=True),
    # what an authority owes
    "joint_meetings": Metric("count", "region", _FLOOR, ("year",)),
    "inspection_levels": Metric("count", "region", _FLOOR),
    "inspection_results_published": Metric("flag", "region", _EXACT),
    "credit_file": Metric("flag", "site", _EXACT),
    "site_ledger": Metric("flag", "region", _EXACT),
}

LIVE_VIEW_MODES = ("forbidden", "off", "consented", "required")
"""Whether guardians may look in: never; not; when every guardian of the class and the staff consented; they must be able to."""

FORBIDDEN_ZONE_KINDS = frozenset({"toilet", "bath", "changing", "nursing", "staff_rest"})
"""Where no camera may look and no rule may ask for one; no consent overrides it. Source: State Council Order 799, article 8."""
ALLOWED_ZONE_KINDS = frozenset(
    {"activity", "sleeping", "dining", "entrance", "corridor", "outdoor", "kitchen", "office"}
)

FACTS: dict[str, tuple[str, ...]] = {
    "site.ownership": ("public", "nonprofit", "for_profit"),
    "site.type": ("nursery", "kindergarten_class", "employer", "community"),
    "site.inclusive": ("yes", "no"),
    "site.reg799_class": ("art7", "art9", "art33"),
    "site.live_view": ("on", "off"),
    "zone.kind": tuple(sorted(ALLOWED_ZONE_KINDS | FORBIDDEN_ZONE_KINDS)),
    "class.kind": ("infant", "toddler_younger", "toddler_older", "mixed"),
    "staff.role": ("guard", "carer", "health", "manager", "cook", "other"),
}  # fmt: skip
"""What a rule's ``applies_if`` may ask of a subject, and the answers there are; any of them may be unknown."""

EVIDENCE = (
    "secured_footage", "picture_findings", "zone_map", "object_audit", "deletion_certificates", "arming_log",
    "panel_heartbeats", "clock_readings", "access_record", "consent_record", "document", "photograph",
    "dated_record", "staff_record", "class_record", "inspection_record", "publication", "maintenance_record",
)  # fmt: skip
"""What a rule's outcome may be traced to."""
