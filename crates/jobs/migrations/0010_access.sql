-- Roles, tokens, what is disabled, tests, and the audit log.

ALTER TABLE customers ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0;

ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'integrator'
    CHECK (role IN ('integrator', 'analyst', 'testUser', 'administrator'));
ALTER TABLE users ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN version INTEGER NOT NULL DEFAULT 0;  -- the number of its last change, see access

CREATE TABLE access (
    version INTEGER NOT NULL                -- how many changes of customers, users and tokens there were
) STRICT;

INSERT INTO access (version) VALUES (0);

CREATE TABLE tokens (
    prefix        TEXT PRIMARY KEY,
    user          TEXT NOT NULL REFERENCES users (name),
    secret_sha256 TEXT NOT NULL,            -- hexadecimal; of 256 random bits
    label         TEXT NOT NULL,
    created_ms    INTEGER NOT NULL,
    expires_ms    INTEGER,                  -- null: never
    last_used_ms  INTEGER,                  -- null: not yet; to a minute
    revoked_ms    INTEGER                   -- null: not
) STRICT, WITHOUT ROWID;

CREATE INDEX tokens_user ON tokens (user);

ALTER TABLE batches ADD COLUMN test INTEGER NOT NULL DEFAULT 0;  -- 1: sent by a test user
ALTER TABLE events ADD COLUMN test INTEGER NOT NULL DEFAULT 0;   -- 1: of such a batch

CREATE TABLE audit (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms    INTEGER NOT NULL,
    actor    TEXT NOT NULL,                 -- the user; or who else acts, in parentheses, which no user name has
    via      TEXT NOT NULL,                 -- password, commandLine, program, or the prefix of a token
    address  TEXT,                          -- null: not known
    deed     TEXT NOT NULL,
    customer TEXT,                          -- whom it concerns; null: no customer
    subject  TEXT,                          -- the user, token or batch key it was done to; null: none
    detail   TEXT                           -- null: none. Never a cell's value nor a secret
) STRICT;

CREATE INDEX audit_customer ON audit (customer, id);
CREATE INDEX audit_actor ON audit (actor, id);

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
