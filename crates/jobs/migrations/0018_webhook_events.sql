-- Events may be of a webhook instead of a batch: then key, solution, submission and state are empty.

ALTER TABLE events ADD COLUMN webhook TEXT;  -- its id; null: the event is of a batch
ALTER TABLE events ADD COLUMN reason TEXT;   -- why the webhook was disabled; null unless there is one
