-- Rows that customers contributed to a solution. A record that is contributed again under the same key replaces the one
-- before: files are never changed, the rows below come to name others, in one transaction with the end of the batch.

CREATE TABLE pools (
    customer TEXT NOT NULL REFERENCES customers (name),
    solution TEXT NOT NULL,
    swaps    INTEGER NOT NULL DEFAULT 0,    -- how often what the pool holds was changed
    PRIMARY KEY (customer, solution)
) STRICT, WITHOUT ROWID;

CREATE TABLE contributions (
    batch       INTEGER PRIMARY KEY REFERENCES batches (id),
    customer    TEXT NOT NULL,
    solution    TEXT NOT NULL,
    month       TEXT NOT NULL,              -- of acceptance, in UTC: 2026-11
    records     INTEGER NOT NULL,           -- those that no later contribution replaced
    keys_object TEXT NOT NULL,
    FOREIGN KEY (customer, solution) REFERENCES pools (customer, solution)
) STRICT;

CREATE INDEX contributions_of_pool ON contributions (customer, solution, batch);

CREATE TABLE contributed_files (
    batch    INTEGER NOT NULL REFERENCES contributions (batch),
    relation TEXT NOT NULL,
    object   TEXT NOT NULL,
    sha256   TEXT NOT NULL,
    bytes    INTEGER NOT NULL,
    rows     INTEGER NOT NULL,
    PRIMARY KEY (batch, relation)
) STRICT, WITHOUT ROWID;

CREATE TABLE leavings (
    object TEXT PRIMARY KEY                 -- named by nothing any more, and still to be removed
) STRICT, WITHOUT ROWID;
