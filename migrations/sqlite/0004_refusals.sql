-- Reserves that were refused, as the replicas counted them: by subject and minute, in batches that
-- are written whole or not at all. They used nothing and are no charges: no counter and no sum of
-- money knows of them.
CREATE TABLE ledger_refusals (
  batch_key BLOB NOT NULL CHECK (length(batch_key) = 16),  -- digest of (org, batch id)
  line INTEGER NOT NULL,
  org TEXT NOT NULL,
  occurred_at_us INTEGER NOT NULL,  -- start of the minute, by the counter store's clock
  recorded_at_us INTEGER NOT NULL,  -- when the worker wrote it
  model TEXT NOT NULL,             -- that the request asked for
  team TEXT NOT NULL,
  project TEXT NOT NULL,
  user_name TEXT NOT NULL,
  api_key TEXT NOT NULL,
  labels TEXT NOT NULL,  -- a JSON object of strings
  cost_center TEXT NOT NULL,
  denied INTEGER NOT NULL CHECK (denied > 0),
  PRIMARY KEY (batch_key, line)
) STRICT, WITHOUT ROWID;

CREATE INDEX ledger_refusals_by_time ON ledger_refusals (org, occurred_at_us);
CREATE INDEX ledger_refusals_by_user ON ledger_refusals (org, user_name, occurred_at_us);

-- Their sums stand with the others', in rows of the empty meter.
ALTER TABLE rollup_hour ADD COLUMN denied INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollup_day ADD COLUMN denied INTEGER NOT NULL DEFAULT 0;
