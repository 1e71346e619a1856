"""What the words of the domain are called on a page. A test holds that each of them has its words in every language."""


def mark(message: str) -> str:
    """Marks a message for translation where it stands; it is looked up when it is shown."""
    return message


VERDICT = {
    "COMPLIANT": mark("Compliant"),
    "NON_COMPLIANT": mark("Non-compliant"),
    "UNVERIFIED": mark("Unverified"),
}

CONDITION = {
    "starting": mark("starting"),
    "recording": mark("recording"),
    "unreachable": mark("cannot be reached"),
    "unauthorised": mark("asks for a user and password, or refuses ours"),
    "no_video": mark("sends no video"),
    "stalled": mark("picture has stopped"),
    "disk_full": mark("disk of the site agent is full"),
    "stopped": mark("recording was stopped"),
    "unknown": mark("no word from the site agent"),
}

FINDING = {
    "signal_loss": mark("The camera sends no picture of the room, only a screen of its own"),
    "too_dark": mark("The picture is too dark to see anything: light the room, or switch infrared light on"),
    "too_bright": mark("The picture is far too bright: look at the camera's exposure, and what shines into it"),
    "blurred": mark("The picture is out of focus: clean the lens, then focus it"),
    "occluded": mark("Something covers the lens: uncover it"),
    "scene_moved": mark("The camera looks somewhere else than before: turn it back"),
    "frozen": mark("The picture stands still: restart the camera"),
    "colour_cast": mark("The colours of the picture are off"),
    "noise": mark("The picture is full of noise"),
    "streaks": mark("There are lines across the picture: look at the camera's cable and power"),
    "unexamined": mark(
        "Nobody examines the picture, so whether it is any good is not known: look at the camera's second stream, and at"
        " the log of the site agent"
    ),
}

NO_STILL = {
    "missing": mark(
        "Its picture is not here: it is still on its way, or the server could not read it and put it aside"
        " (quarantine, under the agent's messages that were refused)"
    ),
    "no_key": mark(
        "It has no picture: the site agent has not been given the server's key for pictures; enrol it again"
    ),
    "too_large": mark("It has no picture: it could not be made small enough"),
}

CAUSE = {
    "picture_signal_loss": mark("camera showed no picture of the room"),
    "picture_too_dark": mark("picture was too dark"),
    "picture_too_bright": mark("picture was too bright"),
    "picture_occluded": mark("lens was covered"),
    "picture_blurred": mark("picture was out of focus"),
    "picture_frozen": mark("picture stood still"),
    "picture_scene_moved": mark("camera looked somewhere else"),
    "picture_streaks": mark("picture was full of lines"),
    "picture_noise": mark("picture was full of noise"),
    "picture_colour_cast": mark("colours of the picture were off"),
    "picture_unexamined": mark("picture was not examined"),
    "planned_maintenance": mark("planned maintenance, declared beforehand"),
    "clock_error": mark("clock of the site agent could not be trusted"),
    "object_missing": mark("recording is not in the store"),
    "object_corrupt": mark("recording in the store is damaged"),
    "challenge_overdue": mark("site's own store: asked for a proof, no answer"),
    "lock_too_short": mark("store did not lock the recording"),
    "upload_pending": mark("recorded, upload outstanding"),
    "upload_missing": mark("recorded, never uploaded"),
    "manifest_pending": mark("no record received yet"),
    "agent_offline": mark("site agent was off or out of reach"),
    "camera_unreachable": mark("camera could not be reached"),
    "camera_unauthorised": mark("camera asked for a user and password, or refused ours"),
    "camera_no_video": mark("camera sent no video"),
    "stream_stalled": mark("picture had stopped"),
    "disk_full": mark("disk of the site agent was full"),
    "recording_stopped": mark("recording had been stopped"),
    "unexplained": mark("cause not known"),
}

NOTICE = {
    "spool_filling": mark("The disk of the site agent is filling up: what it records is not reaching the server"),
    "spool_full": mark("The disk of the site agent is full"),
    "clock_stepped": mark("The clock of the site agent's machine is wrong; recordings are timed right all the same"),
    "ledger_forked": mark(
        "The server's ledger contradicts what the site agent keeps of it: stop exports and call whoever keeps the ledger"
    ),
}

WARNING = {
    "disk_full": mark("The disk is full: nothing more can be recorded"),
    "disk_filling": mark("Recordings take %(number)s %% of their room on the disk: see whether they reach the server"),
    "messages_refused": mark("The server refused %(number)s messages of this agent: see its quarantine"),
    "clock_unchecked": mark(
        "The clock has not been compared with the server's yet: recordings do not count before that"
    ),
    "clock_off": mark("The clock is %(amount)s s off: recordings are kept and do not count"),
    "certificate_ends": mark("The certificate ends in %(number)s hours and was not renewed: enrol this agent again"),
    "certificate_ended": mark("The certificate has ended: enrol this agent again"),
    "hot": mark("The processor has %(number)s °C: give it air"),
    "memory_short": mark("Memory is %(number)s %% full"),
    "processor_busy": mark("The processor is %(number)s %% busy: record fewer cameras on this site agent"),
    "panel_silent": mark("Alarm panel %(what)s does not answer"),
    "panel_flooded": mark(
        "Alarm panel %(what)s, or somebody who pretends to be it, reports more than is taken: look at the panel and at who"
        " else is on its network, and give it a key"
    ),
    "diagnosis_off": mark("Pictures are not examined: that is switched off in the settings of the site agent"),
    "diagnosis_on_recorded": mark(
        "The second stream brings no pictures, so the recorded one is examined in its place: check the second stream's"
        " address"
    ),
    "camera_not_set_up": mark(
        "Camera %(what)s could not be set up as wanted: see why with camera show, and set it again"
    ),
    "configuration_behind": mark("The agent does not work by the newest configuration yet"),
    "camera_clock_wrong": mark("The camera's own clock is %(amount)s s off: the time in its picture is wrong"),
    "rtp_loss": mark("%(number)s packets of its stream were lost: use TCP, or look at the network"),
    "keyframes_rare": mark("Only one keyframe every %(number)s s: set the camera to one every 2 s"),
    "recording_late": mark("What is written to the disk is %(number)s s late"),
    "upload_late": mark("The oldest recording has waited %(number)s min to be sent"),
}

CERTAINTY = {
    "missing": mark("known to be missing"),
    "unverified": mark("not known"),
}

STATE = {
    "covered": mark("recorded and locked"),
    "backfilled": mark("locked later"),
    "missing": mark("missing"),
    "unsound": mark("recorded, not sound"),
    "unverified": mark("not known"),
    "in_flight": mark("being secured"),
    "idle": mark("before the first recording"),
    "ahead": mark("still to come"),
}

ZONE = {
    "activity": mark("activity room"),
    "sleeping": mark("sleeping room"),
    "dining": mark("dining room"),
    "entrance": mark("entrance"),
    "corridor": mark("corridor"),
    "outdoor": mark("outdoor area"),
    "kitchen": mark("kitchen"),
    "office": mark("office"),
}

ALARM_KIND = {
    "panic": mark("Call for help"),
    "tamper": mark("Tampering"),
    "perimeter": mark("Door or window"),
    "interior": mark("Movement inside"),
    "intrusion": mark("Intrusion"),
    "fire": mark("Fire"),
    "gas": mark("Gas"),
    "water": mark("Water"),
    "medical": mark("Medical emergency"),
    "environment": mark("Temperature"),
    "trouble": mark("Alarm system needs service"),
    "access": mark("Door was forced"),
    "panel_silent": mark("Alarm panel does not answer"),
    "off_schedule": mark("Not armed as planned"),
}

ALARM_STATUS = {
    "raised": mark("nobody has seen it"),
    "acknowledged": mark("seen"),
    "cleared": mark("over"),
}

STATUS_TITLE = {
    400: mark("The request cannot be understood"),
    401: mark("Please sign in"),
    403: mark("Not allowed"),
    404: mark("Not found"),
    405: mark("Not possible here"),
    408: mark("The request took too long"),
    409: mark("It has changed meanwhile"),
    413: mark("The request is too large"),
    421: mark("Wrong address"),
    422: mark("The request cannot be understood"),
    429: mark("Too many requests"),
    500: mark("Something went wrong"),
    503: mark("Not available at the moment"),
}

STATUS_ADVICE = {
    400: mark("Go back, look over what you filled in, and send it again."),
    405: mark("Nothing can be read at this address. Go to the start page."),
    408: mark("What you sent did not arrive in time. Check the network, go back and send it again."),
    403: mark(
        "Your account may not do this. If the page had been open for long, reload it and try again. If it is your work, ask"
        " whoever manages accounts at your facility or authority."
    ),
    404: mark("There is no such page, or it is not within your reach. Check the address."),
    409: mark(
        "Somebody else was first, or it has been done already; nothing of yours was carried out. Go back, reload the page and"
        " see how it stands."
    ),
    413: mark("Go back and choose a smaller file, or write less."),
    421: mark("Open this server by the address that its operator gave you."),
    422: mark("Go back, look over what you filled in, and send it again."),
    429: mark("That was too much at once. Wait a few seconds, then try again."),
    500: mark(
        "The fault is on our side and has been recorded. Try again in a moment. If it stays, tell whoever runs this server the"
        " code below and the time."
    ),
    503: mark(
        "Something that this server needs does not answer, or it is being looked after. Recording at the sites does not depend on it."
        " Try again in a few seconds; if it stays so for minutes, tell whoever runs this server."
    ),
}
CODE_ADVICE = {
    "too_many_attempts": mark("Too many failed attempts. Wait five minutes, then try again."),
    "screen_only": mark(
        "This screen shows the duty room and nothing else. To do more, sign in as yourself; that ends the screen."
    ),
}
"""Where a code says more than its status."""
OTHER_ADVICE = mark("Go back and try again.")

SIGN_IN_ERROR = {
    "wrong_password": mark("Name or password is wrong. Check both and try again."),
    "too_many_attempts": mark("Too many failed attempts. Wait five minutes, then try again."),
    "step_over": mark("That took too long. Sign in again."),
    "bad_passkey": mark("This passkey does not open an account here. Use your password, or another device."),
    "authority_unknown": mark(
        "Your authority knows you, but no account here is bound to you. Ask whoever runs this server."
    ),
    "authority_refused": mark("Your authority's sign-in gave no answer that holds. Try again."),
    "authority_away": mark("Your authority's sign-in does not answer. Try later, or use your password here."),
}
