-- Events have names, and the log has an epoch: a cursor of another store is told apart from one of this store.

ALTER TABLE events ADD COLUMN name TEXT NOT NULL DEFAULT 'profileUpdatedEvent';
ALTER TABLE events ADD COLUMN solution TEXT NOT NULL DEFAULT '';
ALTER TABLE events ADD COLUMN submission TEXT NOT NULL DEFAULT '';

UPDATE events SET
    solution = (SELECT solution FROM batches b WHERE b.customer = events.customer AND b.key = events.key),
    submission = (SELECT submission FROM batches b WHERE b.customer = events.customer AND b.key = events.key);

CREATE INDEX events_of_key ON events (customer, key, sequence);

CREATE TABLE log (
    epoch TEXT NOT NULL                     -- of this store, from its making
) STRICT;

INSERT INTO log (epoch) VALUES (lower(hex(randomblob(16))));
