-- A profiled upload can be submitted to a solution without being sent again: a customer may then have two rows of one
-- key, a profile and a batch, and both may name the same upload. A file of an upload goes when no row names it any more.

CREATE TABLE batches_new (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    customer         TEXT NOT NULL REFERENCES customers (name),
    key              TEXT NOT NULL,          -- of the upload
    sent_by          TEXT NOT NULL,          -- the user; no reference, a user may go and the batch stays
    solution         TEXT NOT NULL,
    submission       TEXT NOT NULL,
    is_profile       INTEGER NOT NULL
        GENERATED ALWAYS AS (solution = 'unstructured' AND submission = 'profile') STORED,
    release_version  TEXT NOT NULL,          -- pinned when the batch was accepted
    release_sha256   TEXT NOT NULL,
    format           TEXT NOT NULL,
    explanations     TEXT,                   -- null: as the release says
    request_sha256   TEXT NOT NULL,          -- over all of the request and the upload's bytes
    upload_object    TEXT,                   -- null once deleted
    upload_sha256    TEXT NOT NULL,
    upload_bytes     INTEGER NOT NULL,
    state            TEXT NOT NULL
        CHECK (state IN ('accepted', 'running', 'finished', 'failed', 'cancelled', 'deleted')),
    cancel_requested INTEGER NOT NULL DEFAULT 0,  -- 1: the attempt that runs is to stop, and none follows
    attempt          INTEGER NOT NULL DEFAULT 0,
    failures         INTEGER NOT NULL DEFAULT 0,  -- attempts that ended in a fault of ours
    crashes          INTEGER NOT NULL DEFAULT 0,  -- attempts whose process ended
    wait_until_ms    INTEGER NOT NULL DEFAULT 0,  -- not taken up before
    lease_owner      TEXT,                   -- null unless running
    lease_until_ms   INTEGER,                -- null unless running
    results_object   TEXT,                   -- null unless finished
    results_sha256   TEXT,                   -- null unless finished
    results_bytes    INTEGER,                -- null unless finished
    summary          TEXT,                   -- null unless finished; JSON
    report           TEXT,                   -- null unless failed; JSON
    created_ms       INTEGER NOT NULL,
    updated_ms       INTEGER NOT NULL,
    UNIQUE (customer, key, is_profile)
) STRICT;

INSERT INTO batches_new (id, customer, key, sent_by, solution, submission, release_version, release_sha256, format,
    explanations, request_sha256, upload_object, upload_sha256, upload_bytes, state, cancel_requested, attempt, failures,
    crashes, wait_until_ms, lease_owner, lease_until_ms, results_object, results_sha256, results_bytes, summary, report,
    created_ms, updated_ms)
SELECT id, customer, key, sent_by, solution, submission, release_version, release_sha256, format,
    explanations, request_sha256, upload_object, upload_sha256, upload_bytes, state, cancel_requested, attempt, failures,
    crashes, wait_until_ms, lease_owner, lease_until_ms, results_object, results_sha256, results_bytes, summary, report,
    created_ms, updated_ms
FROM batches;

-- What refers to the table goes with it, for none may be dropped that is referred to.
CREATE TABLE artefacts_new (
    batch   INTEGER NOT NULL REFERENCES batches_new (id),
    kind    TEXT NOT NULL CHECK (kind IN ('preliminaryProfile', 'profileState')),
    object  TEXT NOT NULL,
    sha256  TEXT NOT NULL,
    bytes   INTEGER NOT NULL,
    PRIMARY KEY (batch, kind)
) STRICT, WITHOUT ROWID;

INSERT INTO artefacts_new (batch, kind, object, sha256, bytes) SELECT batch, kind, object, sha256, bytes FROM artefacts;

DROP TABLE artefacts;
DROP TABLE batches;
ALTER TABLE batches_new RENAME TO batches;
ALTER TABLE artefacts_new RENAME TO artefacts;

CREATE INDEX batches_open ON batches (state, id) WHERE state IN ('accepted', 'running');
CREATE INDEX batches_upload ON batches (upload_object);
CREATE INDEX batches_newest ON batches (customer, id);
