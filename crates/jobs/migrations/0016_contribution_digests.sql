-- Files of keys have a digest too, as the rows have.

ALTER TABLE contributions ADD COLUMN keys_sha256 TEXT;  -- null: made before digests were kept
