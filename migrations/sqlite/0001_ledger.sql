-- Which charges there are, by the digest of (org, reservation id): a charge is written whole or not at all. A table of
-- its own, as in PostgreSQL, where the entries are partitioned and cannot have a unique key across months.
CREATE TABLE ledger_keys (
  charge_key BLOB NOT NULL PRIMARY KEY CHECK (length(charge_key) = 16),
  occurred_at_us INTEGER NOT NULL  -- where its entries are
) STRICT, WITHOUT ROWID;

-- One meter of one attempt, as charged. What it says is never updated; corrections are entries of
-- their own.
CREATE TABLE ledger_entries (
  charge_key BLOB NOT NULL,
  line INTEGER NOT NULL,
  org TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('usage', 'correction')),
  reservation_id TEXT NOT NULL,
  occurred_at_us INTEGER NOT NULL,  -- by the counter store's clock
  recorded_at_us INTEGER NOT NULL,  -- when the worker wrote it
  attempt INTEGER NOT NULL,
  model TEXT NOT NULL,          -- of the attempt
  subject_model TEXT NOT NULL,  -- that the request asked for
  priced_as TEXT NOT NULL,
  service_tier TEXT NOT NULL,
  meter TEXT NOT NULL,  -- empty: a request without usage
  quantity INTEGER NOT NULL,
  unit_price_nano_per_million INTEGER NOT NULL,
  cost_nano_usd INTEGER NOT NULL,
  price_version TEXT NOT NULL,
  team TEXT NOT NULL,
  project TEXT NOT NULL,
  user_name TEXT NOT NULL,
  api_key TEXT NOT NULL,
  labels TEXT NOT NULL,  -- a JSON object of strings
  cost_center TEXT NOT NULL,
  held_nano_usd INTEGER NOT NULL,
  overrun_nano_usd INTEGER NOT NULL,
  late INTEGER NOT NULL,
  unreserved INTEGER NOT NULL,
  recorded INTEGER NOT NULL,
  unpriced INTEGER NOT NULL,
  spooled INTEGER NOT NULL,
  corrects_key BLOB,
  reason TEXT
) STRICT;

CREATE INDEX ledger_entries_by_time ON ledger_entries (org, occurred_at_us);
CREATE INDEX ledger_entries_by_user ON ledger_entries (org, user_name, occurred_at_us);

-- What reports read. The key starts with what every report filters by. The table is its own index.
CREATE TABLE rollup_hour (
  org TEXT NOT NULL,
  bucket_us INTEGER NOT NULL,  -- start of the hour in UTC
  cost_center TEXT NOT NULL,
  team TEXT NOT NULL,
  project TEXT NOT NULL,
  user_name TEXT NOT NULL,
  model TEXT NOT NULL,
  meter TEXT NOT NULL,
  quantity INTEGER NOT NULL,
  cost_nano_usd INTEGER NOT NULL,
  requests INTEGER NOT NULL,
  overrun_nano_usd INTEGER NOT NULL,
  PRIMARY KEY (org, bucket_us, cost_center, team, project, user_name, model, meter)
) STRICT, WITHOUT ROWID;

CREATE TABLE rollup_day (
  org TEXT NOT NULL,
  bucket_us INTEGER NOT NULL,  -- start of the day in UTC
  cost_center TEXT NOT NULL,
  team TEXT NOT NULL,
  project TEXT NOT NULL,
  user_name TEXT NOT NULL,
  model TEXT NOT NULL,
  meter TEXT NOT NULL,
  quantity INTEGER NOT NULL,
  cost_nano_usd INTEGER NOT NULL,
  requests INTEGER NOT NULL,
  overrun_nano_usd INTEGER NOT NULL,
  PRIMARY KEY (org, bucket_us, cost_center, team, project, user_name, model, meter)
) STRICT, WITHOUT ROWID;
