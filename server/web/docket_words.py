"""What the docket, maintenance and notices are called on their pages."""

from server.web.wording import mark

STATUS = {
    "open": mark("open"),
    "unexplained": mark("unexplained"),
    "explained": mark("explained"),
    "repaired": mark("repaired"),
    "signed_off": mark("signed off"),
    "closed": mark("closed by the system"),
}
CLOSING = {
    "filled": mark("closed: late recordings came, the gap is gone"),
    "merged": mark("closed: it grew together with another case"),
    "recaused": mark("closed: another cause is known now"),
}
ACT = {
    "opened": mark("opened"),
    "moved": mark("the gap has changed"),
    "ended": mark("the gap has ended"),
    "explain": mark("explained"),
    "repair": mark("repaired"),
    "send_back": mark("explanation sent back"),
    "sign_off": mark("signed off"),
    "assign": mark("given to"),
    "escalated": mark("escalated: nobody had answered"),
    "ordered": mark("rectification ordered"),
}
REFERENCE = {
    "verdict": mark("Day"),
    "finding": mark("Picture fault"),
    "drift": mark("Audit finding"),
    "maintenance": mark("Maintenance"),
    "case": mark("Case"),
    "rule": mark("Rule"),
    "order": mark("Order"),
}
MAINTENANCE = {
    "planned": mark("planned"),
    "running": mark("under way"),
    "over": mark("over"),
    "called_off": mark("called off"),
}
CHANNEL = {
    "email": mark("E-mail"),
    "webpush": mark("This browser"),
    "webhook": mark("Webhook"),
    "chat": mark("Group chat (WeCom, DingTalk, Feishu)"),
}
MESSAGE_STATE = {
    "waiting": mark("waiting"),
    "claimed": mark("being sent"),
    "sent": mark("sent"),
    "failed": mark("not delivered"),
    "unknown": mark("not known whether it arrived; not sent again"),
    "dropped": mark("not sent any more"),
}
WHY = {
    "crashed": mark("The server stopped while it was being sent."),
    "unsubscribed": mark("The subscription was ended."),
    "no_longer_in_reach": mark("The account no longer has this site."),
    "channel_off": mark("This channel is not set up on the server."),
    "not_confirmed": mark("The receiver did not confirm it."),
}
REFUSAL = {
    "case_closed": mark("This case is closed: nothing is added to it any more."),
    "case_no_text": mark("Say it in words."),
    "case_text_long": mark("At most 1,000 characters: shorten it."),
    "case_unexplained": mark("Nobody has explained this case yet: do that first."),
    "case_lasting": mark("The gap still lasts: it is signed off when it has ended."),
    "case_no_such_person": mark("Choose somebody of this facility."),
    "second_person_needed": mark("Somebody other than who explained it has to judge the explanation."),
    "not_an_operator": mark("Only the facility itself does that."),
    "maintenance_empty": mark("Maintenance ends after it begins: correct the times."),
    "maintenance_too_soon": mark(
        "That is too soon: see below how long before it begins maintenance is declared. Choose a later time."
    ),
    "maintenance_too_far": mark("Maintenance is declared at most 400 days ahead."),
    "maintenance_too_long": mark(
        "That is more maintenance than a camera may have in a month, see below: shorten it, or move it."
    ),
    "maintenance_no_reason": mark("Say what for, in at most 200 characters."),
    "maintenance_over": mark("This maintenance is over: it stays as it was."),
    "bad_time": mark("Give a date with its time."),
    "channel_off": mark("This channel is not set up on the server."),
    "no_kinds": mark("Choose what to hear of."),
    "quiet_hours": mark("Quiet hours have a beginning and an end."),
    "target_address": mark("That is no address: correct it."),
    "target_scheme": mark("An address begins with https:// and holds no user or password."),
    "target_unknown": mark("The address leads nowhere: check the host's name."),
    "target_private": mark("The address leads into a private network: the server sends nothing there."),
    "target_keys": mark("The browser's keys are not valid: switch its notices on anew."),
    "target_chat": mark("Give the robot's address as wecombot://…, dingtalk://… or feishu://…"),
    "escalation": mark("Name somebody else who has this site, and after how many minutes."),
    "too_many": mark("There are too many subscriptions: end one first."),
}
OTHER_REFUSAL = mark("That could not be done. Reload the page and try again.")
