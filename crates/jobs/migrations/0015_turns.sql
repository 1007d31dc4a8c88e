-- Customers take turns: the one whose turn is earliest is served next, and its turn moves on by the more the less its
-- weight is.

ALTER TABLE customers ADD COLUMN weight INTEGER NOT NULL DEFAULT 1 CHECK (weight BETWEEN 1 AND 1000);
ALTER TABLE customers ADD COLUMN turn   INTEGER NOT NULL DEFAULT 0;
-- The turn that was served last. A customer that has had nothing to do begins there, and not with what it has saved up.
ALTER TABLE log ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;
