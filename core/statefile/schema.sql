-- Keys, identifiers and packed values are BLOBs: their order is byte order and
-- they hold any bytes.

CREATE TABLE messages (
    id   INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice, so a cursor can walk it
    body BLOB NOT NULL
);

-- One row: messages with IDs up to this one may have been handed out to workers.
CREATE TABLE handed (
    message INTEGER NOT NULL
);

CREATE TABLE objects (
    key         BLOB PRIMARY KEY,
    failed_run  BLOB,                         -- the run that did not copy it; NULL when it is done
    adapted_run BLOB,                        -- the run that copied it under another key or with changes; else NULL
    record      BLOB NOT NULL
) WITHOUT ROWID;

CREATE INDEX failures ON objects (failed_run, key) WHERE failed_run IS NOT NULL;
CREATE INDEX adaptations ON objects (adapted_run, key) WHERE adapted_run IS NOT NULL;

CREATE TABLE uploads (
    key       BLOB PRIMARY KEY,
    upload_id BLOB NOT NULL,                -- empty while only the intent is recorded
    upload    BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE parts (
    key    BLOB NOT NULL,
    number INTEGER NOT NULL,
    part   BLOB NOT NULL,
    PRIMARY KEY (key, number)
) WITHOUT ROWID;

CREATE TABLE runs (
    id          BLOB PRIMARY KEY,
    source      BLOB NOT NULL,
    destination BLOB NOT NULL,
    started     BLOB NOT NULL,
    finished    BLOB NOT NULL,
    state       TEXT NOT NULL,
    report      BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE extras (
    key BLOB PRIMARY KEY
) WITHOUT ROWID;

-- One row once a run has begun: the locations that the state is of.
CREATE TABLE pair (
    source              BLOB NOT NULL, -- what tells the location from all others
    destination         BLOB NOT NULL,
    source_address      BLOB NOT NULL, -- the same for people
    destination_address BLOB NOT NULL
);
