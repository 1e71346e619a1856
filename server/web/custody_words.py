"""What the commands about holds, deletions and exports say; in both languages, as on the pages."""

from server.web.wording import mark

COMMAND = {
    "password": mark("Password of %(name)s: "),
    "placed": mark("held: %(hold)s, %(site)s, to be reviewed on %(day)s"),
    "gone": mark("%(count)d recordings of this period had been deleted before: see server.admin deletion list"),
    "lift_requested": mark("lifting was asked for; somebody else confirms: server.admin hold lift %(hold)s --confirm"),
    "lifted": mark("lifted: %(hold)s"),
    "reviewed": mark("stays until %(day)s: %(hold)s"),
    "no_holds": mark("no hold"),
    "review_due": mark("REVIEW IS DUE"),
    "all_cameras": mark("all cameras"),
    "owner": mark("owner %(name)s"),
    "waiting": mark("waits for a confirmation: %(versions)d of %(of)d recordings"),
    "share": mark("%(site)s: %(versions)d, of %(first)s to %(last)s"),
    "how": mark(
        "look why they are so many; then: server.admin deletion confirm --versions %(versions)d --of %(of)d --as NAME"
    ),
    "under_way": mark("confirmed by %(name)s and under way: %(versions)d of %(of)d recordings"),
    "nothing_waits": mark("no deletion waits for a confirmation"),
    "certificate": mark("%(day)s  %(site)s  %(versions)d recordings, %(size)s, certificate %(id)d"),
    "cell_certificate": mark(
        "%(day)s  %(site)s  %(versions)d recordings, %(size)s, certificate %(id)d; in the site's own store, as its agent reported"
    ),
    "in_cell": mark("in the site's own store %(held)d of %(all)d held, as its agent read them"),
    "confirmed": mark("confirmed; server.jobs begins within ten minutes"),
    "no_room": mark(
        "not enough room: the package needs about %(wanted)s, %(free)s are free where %(file)s is to be. Choose another"
        " place or a shorter period"
    ),
    "exists": mark("%(file)s exists already: name another file"),
    "exported": mark("%(file)s, %(size)s. Check it anywhere: nightlight-verify %(file)s --key PUBLIC_KEY"),
}
