-- The agent's spool. Times are microseconds UTC on the agent's timeline.

-- One row: the name of this spool's chains. A spool that was wiped begins new ones, and that shows.
CREATE TABLE spool (
    chain_id TEXT NOT NULL
);

-- Where each camera's chain of manifests stands.
CREATE TABLE cameras (
    camera_id     TEXT PRIMARY KEY,
    next_sequence INTEGER NOT NULL DEFAULT 0,
    previous      TEXT,                        -- SHA-256 of the payload of manifest next_sequence - 1
    condition     TEXT NOT NULL DEFAULT 'stopped'   -- the newest one that was put into the outbox
);

-- One row a segment file. A row is older than its file and outlives it, so that no file is ever unknown.
CREATE TABLE segments (
    segment_id  TEXT PRIMARY KEY,
    camera_id   TEXT NOT NULL,
    run_id      TEXT NOT NULL,
    timeline_id TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN (
        'open',       -- being written; after a start: to be recovered
        'waiting',    -- whole, its manifest is in the outbox; to be uploaded
        'uploaded',   -- in the store, no receipt yet
        'freed',      -- receipted, or its loss stated (segment-evicted); the file may be gone already
        'refused',    -- the server put its message into quarantine: kept for a person to look at
        'damaged'     -- the file is gone or is not what was recorded: kept for a person to look at
    )),
    start_us    INTEGER NOT NULL,
    codec       TEXT NOT NULL,
    width       INTEGER NOT NULL,
    height      INTEGER NOT NULL,
    end_us      INTEGER,                       -- the rest is known once the segment is whole
    sha256      TEXT,
    size_bytes  INTEGER,
    frames      INTEGER,
    object_key  TEXT,                          -- and these once it is uploaded
    version_id  TEXT,
    CHECK (state = 'open' OR (end_us > start_us AND sha256 IS NOT NULL AND size_bytes > 0 AND frames > 0))
);
CREATE INDEX segments_by_state ON segments (state, start_us);

-- Messages for the server, as the bytes that are sent; a row goes only on the server's own word.
CREATE TABLE outbox (
    position     INTEGER PRIMARY KEY AUTOINCREMENT,   -- never used twice: the order of sending
    message_id   TEXT NOT NULL UNIQUE,
    name         TEXT NOT NULL,
    camera_id    TEXT NOT NULL,
    segment_id   TEXT,
    about_us     INTEGER NOT NULL,
    body         BLOB NOT NULL,
    acknowledged INTEGER NOT NULL DEFAULT 0     -- 1: committed by the server, and waiting for its receipt
);
CREATE INDEX outbox_unacknowledged ON outbox (camera_id, about_us) WHERE acknowledged = 0;
CREATE INDEX outbox_by_segment ON outbox (segment_id);
CREATE INDEX outbox_live ON outbox (position)   -- past the backlog
    WHERE name IN ('camera-state', 'box-notice', 'configuration-report', 'picture-finding');
CREATE INDEX outbox_express ON outbox (position) WHERE name = 'alarm-event';   -- sent past all others

-- Messages that the server put into quarantine: never sent again by themselves.
CREATE TABLE dead_letters (
    message_id TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    camera_id  TEXT NOT NULL,
    segment_id TEXT,
    body       BLOB NOT NULL,
    reason     TEXT NOT NULL,
    refused_us INTEGER NOT NULL
);

-- Heartbeats that disprove their own timeline, until the broker has accepted them.
CREATE TABLE closing_heartbeats (
    timeline_id TEXT PRIMARY KEY,
    body        BLOB NOT NULL
);

-- What alarm panels sent of late: what comes again is acknowledged to the panel and makes no second event.
CREATE TABLE alarm_frames (
    digest   TEXT PRIMARY KEY,                 -- panel, colon, SHA-256 of what makes it the same thing
    taken_us INTEGER NOT NULL,
    stamp_us INTEGER                           -- when the panel sent it, by its own clock
);

-- Where each panel and partition stands, so that a restart says nothing twice and forgets nothing.
CREATE TABLE alarm_states (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- What cameras' clocks were compared with (camera minus agent): footage of their own memory is timed by that later.
CREATE TABLE camera_clocks (
    camera_id   TEXT NOT NULL,
    at_us       INTEGER NOT NULL,
    timeline_id TEXT NOT NULL,
    offset_us   INTEGER NOT NULL,
    bound_us    INTEGER NOT NULL,              -- of camera minus server, as far as the agent knew
    PRIMARY KEY (camera_id, at_us)
);

-- Where there is footage of each camera, whoever recorded it: what lies between was missed.
CREATE TABLE recorded_spans (
    camera_id TEXT NOT NULL,
    start_us  INTEGER NOT NULL,
    end_us    INTEGER NOT NULL,
    PRIMARY KEY (camera_id, start_us)
);

-- Missing time that a camera's own memory was asked for.
CREATE TABLE replay_asks (
    camera_id TEXT NOT NULL,
    start_us  INTEGER NOT NULL,
    end_us    INTEGER NOT NULL,
    tries     INTEGER NOT NULL,
    due_us    INTEGER NOT NULL,                -- not before this instant again
    settled   INTEGER NOT NULL,                -- 1: not asked again
    PRIMARY KEY (camera_id, start_us)
);

-- What the agent told last of its own box: a notice is told when it is raised and when it is cleared, once each.
CREATE TABLE notices (
    notice TEXT PRIMARY KEY,
    raised INTEGER NOT NULL
);

-- What the server was told last of each picture finding of each camera.
CREATE TABLE picture_findings (
    camera_id  TEXT NOT NULL,
    finding    TEXT NOT NULL,
    finding_id TEXT NOT NULL,
    open       INTEGER NOT NULL,
    since_us   INTEGER NOT NULL,
    PRIMARY KEY (camera_id, finding)
);

-- The newest checkpoint of the site's ledger that this box keeps: it cosigns nothing that contradicts it.
CREATE TABLE witnessed (
    server_key TEXT PRIMARY KEY,               -- of the server that signed it, hexadecimal
    origin     TEXT NOT NULL,
    size       INTEGER NOT NULL,
    root       BLOB NOT NULL,
    note       BLOB NOT NULL,
    refused    BLOB                            -- the last one that contradicted it, for a person to look at
);
