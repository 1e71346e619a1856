"""What the pages of people call things, and what they say where something is refused: what is wrong, and what to do."""

from server.web.setup_wording import REFUSAL as SETUP_REFUSAL
from server.web.wording import mark

_TAKEN = mark("This name is taken. Choose another.")
_TOO_LARGE = mark("The file is too large. A PDF has at most 10 MB, a photograph 8 MB: make it smaller.")

ROLE = {
    "platform_admin": mark("platform administrator"),
    "health_regulator": mark("health authority"),
    "police_auditor": mark("police"),
    "facility_manager": mark("the facility's manager"),
    "facility_staff": mark("the facility's staff"),
    "installer": mark("installer"),
    "guardian": mark("guardian"),
}
MODE = {
    "forbidden": mark("Live viewing is forbidden here."),
    "off": mark("Live viewing is off."),
    "consented": mark("Live viewing is on for classes whose guardians and the staff have all consented."),
    "required": mark("The rules demand live viewing; each guardian needs their own consent."),
}
WHY_DARK = {"nap": mark("nap"), "changing": mark("changing clothes"), "other": mark("another reason")}
PROOF = {
    "password": mark("password alone"),
    "totp": mark("password and code"),
    "recovery": mark("password and recovery code"),
    "passkey": mark("passkey"),
    "authority": mark("the authority's own sign-in"),
    "authority_two": mark("the authority's own sign-in, in two steps"),
    "authority_totp": mark("the authority's own sign-in and code"),
    "authority_spare": mark("the authority's own sign-in and recovery code"),
}
WHAT = {
    "live": mark("live"),
    "playback": mark("a recording"),
    "export": mark("took a recording away as evidence"),
    "fetched": mark("fetched a recording from the site's own store"),
    "still": mark("a single picture"),
    "request": mark("prepared the answer to a guardian's request"),
}
HAPPENED = {
    "signed_in": mark("Signed in"),
    "password": mark("Password changed"),
    "reset_made": mark("A link to a new password was made"),
    "reset_used": mark("New password by such a link"),
    "bound": mark("Bound to the authority's own sign-in"),
    "unbound": mark("Not bound to the authority's own sign-in any more"),
    "screen": mark("A duty room's screen was left open for a week"),
}
BY = {"server-admin": mark("by whoever runs the server"), "mail": mark("by mail")}
SUPPORT_STATE = {
    "asked": mark("asked; a second administrator has to confirm"),
    "confirmed": mark("confirmed; the facility has to approve"),
    "running": mark("running"),
    "refused": mark("refused or withdrawn"),
    "ended": mark("over"),
    "lapsed": mark("nobody approved it within a day"),
}
SUPPORT_CHIP = {"asked": "unverified", "confirmed": "unverified", "running": "compliant"}
REFUSAL = {
    "bad_reset": mark("This link does not work any more, or the code is wrong. Ask for another link."),
    "account_elsewhere": mark("This account belongs to another facility too: whoever runs the server makes the link."),
    "account_locked": mark("This account is locked. Whoever runs the server opens it first."),
    "no_site": mark("There is no such site. Check its id."),
    "no_reason": mark("Say why, in 4 to 120 characters: the facility reads it."),
    "bad_hours": mark("Choose one to eight hours."),
    "asked_already": mark("You have asked for this facility already; that is still open."),
    "too_many_support": mark("Too many of your requests are open. End some first."),
    "second_person": mark("You asked for it yourself. Another administrator confirms."),
    "not_open": mark("It has moved on meanwhile. Look at where it stands now."),
    "no_support": mark("There is no such request any more."),
    "not_hours": mark("Those are no weekly hours. Write mon-fri 08:00-17:30; several with semicolons."),
    "bad_mode": mark("Choose one of the settings offered."),
    "no_such_person": mark("Nobody of that id is in the register. Look there first."),
    "no_lease": mark("This guardian has no lease that could end."),
    "no_reference": mark("Say where the signed paper is kept, then try again."),
    "too_many_codes": mark("Too many invitations are open: wait until some are used or have ended."),
    "bad_invitation": mark(
        "Link and code do not belong together, or have ended. Ask the facility for another invitation."
    ),
    "bad_account_name": mark("A name has a–z, 0–9 and hyphens within, at most 64. Change it."),
    "has_account": mark("This person has an account already. Take it away first, then invite them again."),
    "name_taken": _TAKEN,
    "reserved_name": _TAKEN,
    "password_length": mark("A password has 12 to 256 characters. Choose another."),
    "password_breached": mark(
        "Attackers try this password first, for it was found in breaches or is your name. Choose another."
    ),
    "wrong_password": mark("The password is wrong. Try again."),
    "wrong_code": mark("That code is wrong or was used. Wait for the next one, then try again."),
    "too_many_attempts": mark("Too many failed attempts. Wait five minutes, then try again."),
    "second_step_needed": mark("Your role needs a second step. Set up a passkey or codes of time here first."),
    "totp_there": mark("Codes of time are set up already. Remove them first."),
    "bad_passkey": mark("The device's answer does not hold. Try again, or use your password."),
    "step_over": mark("That took too long. Begin again."),
    "too_many_passkeys": mark("You have as many passkeys as you may. Remove one first."),
    "no_document": mark("Choose a file first."),
    "bad_document": mark("Choose which document it is."),
    "no_pdf": mark("That is no PDF. Save or scan the assessment as a PDF, then upload that."),
    "document_oversized": _TOO_LARGE,
    "oversized": _TOO_LARGE,
    "too_many_documents": mark("This site has as many documents of this kind as it may have."),
    **{code: SETUP_REFUSAL[code] for code in ("no_picture", "not_decoded")},
    "no_passkey": mark("There is no such passkey any more."),
}
OTHER_REFUSAL = mark("That did not work. Look over what you filled in, then try again.")
