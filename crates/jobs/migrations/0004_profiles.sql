-- What a batch gives beside its results. Of an upload that is profiled, the results are the full profile.

CREATE TABLE artefacts (
    batch   INTEGER NOT NULL REFERENCES batches (id),
    kind    TEXT NOT NULL CHECK (kind IN ('preliminaryProfile', 'profileState')),
    object  TEXT NOT NULL,
    sha256  TEXT NOT NULL,
    bytes   INTEGER NOT NULL,
    PRIMARY KEY (batch, kind)
) STRICT, WITHOUT ROWID;
