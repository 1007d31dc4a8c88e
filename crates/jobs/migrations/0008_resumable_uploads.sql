-- Uploads that come in pieces and survive bad lines. The bytes lie in a file of the upload's id; what counts of it is
-- its first `position` bytes, which are durable.

CREATE TABLE resumable_uploads (
    id           TEXT PRIMARY KEY,
    customer     TEXT NOT NULL REFERENCES customers (name),
    key          TEXT NOT NULL,             -- of the batch that it becomes
    solution     TEXT NOT NULL,
    submission   TEXT NOT NULL,
    version      TEXT,                      -- null: the release that is active when it is whole
    format       TEXT NOT NULL,
    explanations TEXT,                      -- null: as the release says
    metadata     TEXT NOT NULL,             -- as the client sent it
    bytes        INTEGER NOT NULL,          -- of the whole
    position     INTEGER NOT NULL DEFAULT 0,
    finished     INTEGER NOT NULL DEFAULT 0,    -- 1: it is a batch, and its file is gone
    created_ms   INTEGER NOT NULL,
    expires_ms   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX resumable_uploads_expire ON resumable_uploads (expires_ms);
