-- How long a customer's uploads and results are kept after a batch has ended.

ALTER TABLE customers ADD COLUMN retention_days INTEGER;    -- null: as the server's setting says; 0: for ever
