-- Customers, their users and rights, their batches, and the log of what happened to a batch.
-- Moments are milliseconds since 1970-01-01 UTC. A column that is null where the text says so is null nowhere else.

CREATE TABLE customers (
    name       TEXT PRIMARY KEY,
    created_ms INTEGER NOT NULL,
    last_event INTEGER NOT NULL DEFAULT 0   -- the highest sequence given to an event of this customer
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
    name          TEXT PRIMARY KEY,
    customer      TEXT NOT NULL REFERENCES customers (name),
    password_hash TEXT NOT NULL,            -- a PHC string, argon2id
    created_ms    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE grants (
    user   TEXT NOT NULL REFERENCES users (name),
    allows TEXT NOT NULL,                   -- solution/submission, each may be *
    PRIMARY KEY (user, allows)
) STRICT, WITHOUT ROWID;

CREATE TABLE batches (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    customer        TEXT NOT NULL REFERENCES customers (name),
    key             TEXT NOT NULL,
    sent_by         TEXT NOT NULL,          -- the user; no reference, a user may go and the batch stays
    solution        TEXT NOT NULL,
    submission      TEXT NOT NULL,
    release_version TEXT NOT NULL,          -- pinned when the batch was accepted
    release_sha256  TEXT NOT NULL,
    format          TEXT NOT NULL,
    explanations    TEXT,                   -- null: as the release says
    request_sha256  TEXT NOT NULL,          -- over all of the request and the upload's bytes
    upload_object   TEXT NOT NULL,
    upload_sha256   TEXT NOT NULL,
    upload_bytes    INTEGER NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('accepted', 'running', 'finished', 'failed')),
    attempt         INTEGER NOT NULL DEFAULT 0,
    failures        INTEGER NOT NULL DEFAULT 0,   -- attempts that ended in a fault of ours
    crashes         INTEGER NOT NULL DEFAULT 0,   -- attempts whose process ended
    wait_until_ms   INTEGER NOT NULL DEFAULT 0,   -- not taken up before
    lease_owner     TEXT,                   -- null unless running
    lease_until_ms  INTEGER,                -- null unless running
    results_object  TEXT,                   -- null unless finished
    results_sha256  TEXT,                   -- null unless finished
    results_bytes   INTEGER,                -- null unless finished
    summary         TEXT,                   -- null unless finished; JSON
    report          TEXT,                   -- null unless failed; JSON
    created_ms      INTEGER NOT NULL,
    updated_ms      INTEGER NOT NULL,
    UNIQUE (customer, key)
) STRICT;

CREATE INDEX batches_open ON batches (state, id) WHERE state IN ('accepted', 'running');
CREATE UNIQUE INDEX batches_upload ON batches (upload_object);

CREATE TABLE events (
    customer TEXT NOT NULL REFERENCES customers (name),
    sequence INTEGER NOT NULL,              -- 1, 2, 3, ... of the customer, without holes
    key      TEXT NOT NULL,                 -- of the batch
    state    TEXT NOT NULL,                 -- the state it came into
    at_ms    INTEGER NOT NULL,
    PRIMARY KEY (customer, sequence)
) STRICT, WITHOUT ROWID;
