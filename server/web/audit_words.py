"""What the commands about audits and the check of everything say; looked up in the operator's language when it is shown."""

from server.web.wording import mark

COMMAND = {
    "asked": mark("deep audit %(id)s of %(site)s, seed %(seed)s"),
    "drawn": mark("drawn from %(population)s camera-minutes, whose list has the SHA-256 %(sha256)s"),
    "progress": mark("%(checked)s of %(samples)s looked at, %(faults)s at fault, %(unknown)s could not be found out"),
    "line": mark("%(number)s  %(camera)s  %(minute)s  %(outcome)s  %(detail)s"),
    "kept": mark("kept: /sites/%(site)s/audits/%(id)s"),
    "faults": mark(
        "%(faults)s camera-minutes are at fault: their time does not count as covered any more; see what was found"
    ),
    "resume": mark("what is left is done by server.jobs, or now with: audit deep %(site)s --resume %(id)s"),
    "busy": mark("somebody else works on it at this moment: watch it at /sites/%(site)s/audits/%(id)s"),
}
FSCK = {
    "sites": mark("sites"),
    "recordings": mark("recordings"),
    "entries": mark("ledger entries"),
    "files": mark("files in the store"),
    "clean": mark("Database, store and ledger agree."),
    "found": mark("%(number)s things do not agree. Nothing was changed."),
    "more": mark("… and %(number)s more of this kind"),
    "unread": mark("The check could not be finished: %(why)s. What was not looked at is not known to be good."),
    "do": mark("to do:"),
}
FINDING = {
    "object_missing": (
        mark("a recording counts as secured and is not in the store"),
        mark(
            "its time is gone unless the store has a copy; the next audit takes it out of what is covered: audit show"
        ),
    ),
    "size_differs": (
        mark("a recording in the store has another size than was secured"),
        mark("the next audit takes it out of what is covered; look for who can write there"),
    ),
    "lock_short": (
        mark("a recording is not locked for as long as it must be"),
        mark("the next audit locks it again; look for who can change locks there"),
    ),
    "bytes_differ": (
        mark("a recording in the store has another checksum than was secured"),
        mark("the next audit takes it out of what is covered; look for who can write there"),
    ),
    "delete_marker": (
        mark("there is a delete marker on top of a recording"),
        mark("the recording is whole; look for who can delete there"),
    ),
    "foreign": (
        mark("there is a file in the store that belongs to no recording"),
        mark("look for who can write there; it costs room until its lock ends"),
    ),
    "deleted_and_there": (
        mark("a recording was certified as deleted and is still in the store"),
        mark("server.jobs deletes it again; if it stays, look at the store's locks and holds"),
    ),
    "covered_without_recording": (
        mark("time counts as covered and no recording is there for it"),
        mark("restore the database from a backup of before this, or have the day assessed again; call for help"),
    ),
    "manifest_differs": (
        mark("a recording's row says something else than the manifest that the agent signed"),
        mark("somebody changed the database: restore it from a backup of before this"),
    ),
    "not_in_ledger": (
        mark("a recording counts as secured and the ledger does not know of it"),
        mark("somebody changed the database: restore it from a backup of before this"),
    ),
    "ledger_says_otherwise": (
        mark("a recording's row says something else than the ledger"),
        mark("somebody changed the database: restore it from a backup of before this"),
    ),
    "recording_forgotten": (
        mark("the ledger says that a recording was secured, and the database knows of no such recording"),
        mark("somebody changed the database: restore it from a backup of before this"),
    ),
    "ledger_hole": (
        mark("an entry of the ledger is missing"),
        mark("somebody changed the ledger: restore it from a backup, and show the checkpoints to an auditor"),
    ),
    "ledger_entry_changed": (
        mark("an entry of the ledger is another one than was hashed"),
        mark("somebody changed the ledger: restore it from a backup, and show the checkpoints to an auditor"),
    ),
    "checkpoint_differs": (
        mark("a signed checkpoint does not fit the ledger"),
        mark("somebody changed the ledger: restore it from a backup, and show the checkpoints to an auditor"),
    ),
    "checkpoint_unsigned": (
        mark("a checkpoint does not carry this server's signature"),
        mark("see whether server.signing_key_file is the key that the ledger was signed with"),
    ),
}
