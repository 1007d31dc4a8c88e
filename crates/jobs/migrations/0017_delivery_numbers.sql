-- Attempts are numbered for each webhook: a number over all webhooks told of how much others are sent.

ALTER TABLE webhook_deliveries ADD COLUMN number INTEGER NOT NULL DEFAULT 0;  -- 1, 2, 3, ... of the webhook

UPDATE webhook_deliveries SET number = (
    SELECT count(*) FROM webhook_deliveries AS before
    WHERE before.webhook = webhook_deliveries.webhook AND before.id <= webhook_deliveries.id);

DROP INDEX webhook_deliveries_of;
CREATE UNIQUE INDEX webhook_deliveries_of ON webhook_deliveries (webhook, number);
