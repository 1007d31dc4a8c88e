-- Batches can be cancelled and deleted. A deleted batch keeps its row, so that its key is not used again, and names
-- neither upload nor results.

CREATE TABLE batches_new (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    customer         TEXT NOT NULL REFERENCES customers (name),
    key              TEXT NOT NULL,
    sent_by          TEXT NOT NULL,          -- the user; no reference, a user may go and the batch stays
    solution         TEXT NOT NULL,
    submission       TEXT NOT NULL,
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
    UNIQUE (customer, key)
) STRICT;

INSERT INTO batches_new (id, customer, key, sent_by, solution, submission, release_version, release_sha256, format,
    explanations, request_sha256, upload_object, upload_sha256, upload_bytes, state, attempt, failures, crashes,
    wait_until_ms, lease_owner, lease_until_ms, results_object, results_sha256, results_bytes, summary, report,
    created_ms, updated_ms)
SELECT id, customer, key, sent_by, solution, submission, release_version, release_sha256, format,
    explanations, request_sha256, upload_object, upload_sha256, upload_bytes, state, attempt, failures, crashes,
    wait_until_ms, lease_owner, lease_until_ms, results_object, results_sha256, results_bytes, summary, report,
    created_ms, updated_ms
FROM batches;

DROP TABLE batches;
ALTER TABLE batches_new RENAME TO batches;

CREATE INDEX batches_open ON batches (state, id) WHERE state IN ('accepted', 'running');
CREATE UNIQUE INDEX batches_upload ON batches (upload_object);
CREATE INDEX batches_newest ON batches (customer, id);
