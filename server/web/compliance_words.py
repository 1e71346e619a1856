"""What is said of rules and of what was measured for them: why something is not known, and how to get it measured."""

from server.web.wording import mark

BINDING = {"mandatory": mark("Binding"), "recommended": mark("Recommended"), "internal": mark("Own target")}
CONFIDENCE = {
    "V": mark("read in the document itself"),
    "S": mark("known from secondary sources"),
    "M": mark("known from memory"),
}
STATUS_OF_ALL = {
    "COMPLIANT": mark("Every binding rule is known to be kept."),
    "NON_COMPLIANT": mark("At least one binding rule is broken."),
    "UNVERIFIED": mark("No binding rule is known to be broken, and not all of them are known to be kept."),
}
MODE = {
    "forbidden": mark("live viewing forbidden"),
    "off": mark("live viewing off"),
    "consented": mark("live viewing by consent"),
    "required": mark("live viewing required"),
}
UNIT = {
    "percent": mark("%(value)s %%"),
    "hour": mark("%(value)s h"),
    "day": mark("%(value)s days"),
    "month": mark("%(value)s months"),
    "second": mark("%(value)s s"),
    "count": mark("%(value)s"),
    "place": mark("%(value)s places"),
    "child": mark("%(value)s children"),
    "square_metre": mark("%(value)s m²"),
}
UNIT_ONE = {"day": mark("1 day"), "month": mark("1 month"), "place": mark("1 place"), "child": mark("1 child")}
OPERATOR = {">=": mark("at least %(limit)s"), "<=": mark("at most %(limit)s"), "==": mark("%(limit)s")}
SUBJECT = {
    "site": mark("The site"),
    "zone": mark("Place"),
    "camera": mark("Camera"),
    "partition": mark("Alarm partition"),
    "class": mark("Class"),
    "staff": mark("Staff"),
    "child": mark("Child"),
    "maintenance": mark("Maintenance"),
}
EVIDENCE = {
    "verdict": mark("Recordings of the day"),
    "audit": mark("Audits of the store"),
    "register": mark("Register"),
    "alarms": mark("What the panel said"),
    "clock": mark("Clock readings"),
    "custody": mark("Keeping and evidence"),
    "camera": mark("Cameras"),
    "people": mark("People and consents"),
    "credit": mark("Credit file"),
    "maintenance": mark("Planned maintenance"),
}
WHY = {
    "not_measured": mark("Nothing measures this yet. Have somebody look, and keep their word on paper."),
    "fact_unknown": mark(
        "Whether this rule applies here depends on a fact that nobody has entered. Fill in the site's register."
    ),
    "no_record": mark("The register has no record of it. Enter it under 'Certificates and checks', with its date."),
    "ran_out": mark("What is on file has run out. Renew it, then enter the new one."),
    "no_staff": mark("The register has no staff. Import the staff, guards included."),
    "no_area": mark("The register has no alarm partition that is armed at all times. Enter the alarm partitions."),
    "no_hours": mark("The register has no hours for this partition. Enter the hours in which it is to be armed."),
    "no_panel": mark("No alarm panel is connected. Connect the panel to the site agent."),
    "panel_unheard": mark(
        "For some of the time the panel was not heard, or had not said yet whether it is armed. See its line and the agent."
    ),
    "no_camera_clock": mark(
        "The camera does not tell its time. Enable ONVIF on it, or set its clock by the site agent."
    ),
    "no_reading": mark("The clock was never compared. See whether the site agent reaches the centre."),
    "clock_unread": mark(
        "The clock was not read for over an hour of the day. See whether the site agent was connected."
    ),
    "audit_stale": mark("The daily audit of the store has not run for over a day and a half. See the audits."),
    "audit_before_pack": mark(
        "The policy pack is newer than the last audit of the store. The next one tells, within a day."
    ),
    "nothing_recorded": mark("Nothing was recorded yet."),
    "nothing_due": mark("Nothing was due in this time yet."),
    "drift": mark("The audit found recordings missing, changed or not locked. See the audits, and what to do there."),
    "no_lease": mark("Guardians must be able to look in, and none has a lease. Invite them on the page of people."),
    "no_guardian": mark("The register has no guardian of this child. Enter one, so that somebody can be asked."),
    "no_ledger": mark("The site's ledger has no entry yet. It begins with the first recording."),
    "log_young": mark(
        "The record is not as old as that yet. Nothing is ever taken out of it, so this comes by itself."
    ),
    "picture_unexamined": mark("For some of the time nobody examined the picture. See the camera's second stream."),
    "no_credit_entry": mark(
        "The credit file holds no entry yet. Enter the last inspection, also where it found nothing."
    ),
    "no_minutes": mark(
        "Fewer joint meetings of the last twelve months have their minutes here. Enter them in the agenda."
    ),
    "no_draw": mark("In the last twelve months inspections were drawn here on fewer levels. Draw them here."),
    "no_result": mark("No inspection of these sites has a result here yet."),
    "results_hidden": mark("Sites that were inspected are not on the public page. Publish them in the register."),
    "no_sites": mark("No site of this region is in the register."),
    "filing_unknown": mark("Of some sites the register does not say whether they are filed, and by which number."),
    "unwatched": mark("For some of the time no camera was in service there. Put one up, or back into service."),
    "view_unsaid": mark(
        "For some of the time nobody had said what the camera sees, so its recordings are counted for no place."
    ),
    "place_unsaid": mark("For some of the time nobody had said what this place is, and whether it must be covered."),
    "footage_missing": mark("Recordings are missing. The day's page names each gap and its cause."),
    "footage_unverified": mark(
        "For some of the time it is not known whether there are recordings. See the day's page."
    ),
}
