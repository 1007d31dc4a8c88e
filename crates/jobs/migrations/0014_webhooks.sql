-- Webhooks: addresses of customers that events are sent to, each with the place in the log up to which it has them.

CREATE TABLE webhooks (
    id               TEXT PRIMARY KEY,       -- a GUID
    customer         TEXT NOT NULL REFERENCES customers (name),
    url              TEXT NOT NULL,
    filters          TEXT NOT NULL,          -- a JSON list of filters as they were written
    secret           BLOB NOT NULL,          -- messages are signed with it
    secret_before    BLOB,                   -- and with this one while a new one is being taken into use
    before_until_ms  INTEGER,                -- null unless secret_before is there
    state            TEXT NOT NULL CHECK (state IN ('enabled', 'paused', 'disabled')),
    reason           TEXT,                   -- why it is disabled; null unless it is
    position         INTEGER NOT NULL,       -- every wanted event up to this one was delivered
    failures         INTEGER NOT NULL DEFAULT 0,  -- failed attempts at the event that is due
    wait_until_ms    INTEGER NOT NULL DEFAULT 0,  -- no attempt before
    lease_owner      TEXT,                   -- null unless somebody delivers to it
    lease_until_ms   INTEGER,                -- null unless somebody delivers to it
    created_ms       INTEGER NOT NULL,
    updated_ms       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX webhooks_of_customer ON webhooks (customer, created_ms);

CREATE TABLE webhook_deliveries (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook  TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    message  TEXT NOT NULL,                  -- the id of the message; the same in each attempt at it
    sequence INTEGER,                        -- of the event; null for a ping
    name     TEXT NOT NULL,                  -- of the event
    attempt  INTEGER NOT NULL,
    status   INTEGER,                        -- of the answer; null when there was none
    fault    TEXT,                           -- why there was no answer
    took_ms  INTEGER NOT NULL,
    at_ms    INTEGER NOT NULL
) STRICT;

CREATE INDEX webhook_deliveries_of ON webhook_deliveries (webhook, id);
