-- Which charges there are, by the digest of (org, reservation id): a charge is written whole or not at all. A unique key
-- of a partitioned table has to contain the column that it is partitioned by, so uniqueness across months needs a table
-- of its own.
CREATE TABLE ledger_keys (
  charge_key BYTEA PRIMARY KEY CHECK (length(charge_key) = 16),
  occurred_at_us BIGINT NOT NULL  -- where its entries are
);

-- One meter of one attempt, as charged. What it says is never updated; corrections are entries of
-- their own.
CREATE TABLE ledger_entries (
  charge_key BYTEA NOT NULL,
  line BIGINT NOT NULL,
  org TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('usage', 'correction')),
  reservation_id TEXT NOT NULL,
  occurred_at_us BIGINT NOT NULL,  -- by the counter store's clock
  recorded_at_us BIGINT NOT NULL,  -- when the worker wrote it
  attempt BIGINT NOT NULL,
  model TEXT NOT NULL,          -- of the attempt
  subject_model TEXT NOT NULL,  -- that the request asked for
  priced_as TEXT NOT NULL,
  service_tier TEXT NOT NULL,
  meter TEXT NOT NULL,  -- empty: a request without usage
  quantity BIGINT NOT NULL,
  unit_price_nano_per_million BIGINT NOT NULL,
  cost_nano_usd BIGINT NOT NULL,
  price_version TEXT NOT NULL,
  team TEXT NOT NULL,
  project TEXT NOT NULL,
  user_name TEXT NOT NULL,
  api_key TEXT NOT NULL,
  labels TEXT NOT NULL,  -- a JSON object of strings
  cost_center TEXT NOT NULL,
  held_nano_usd BIGINT NOT NULL,
  overrun_nano_usd BIGINT NOT NULL,
  late SMALLINT NOT NULL,
  unreserved SMALLINT NOT NULL,
  recorded SMALLINT NOT NULL,
  unpriced SMALLINT NOT NULL,
  spooled SMALLINT NOT NULL,
  corrects_key BYTEA,
  reason TEXT
) PARTITION BY RANGE (occurred_at_us);

CREATE INDEX ledger_entries_by_time ON ledger_entries (org, occurred_at_us);
CREATE INDEX ledger_entries_by_user ON ledger_entries (org, user_name, occurred_at_us);

-- Months are made ahead of need (sql::EnsureMonthPartitions). What arrives for a month without a
-- partition is kept here rather than refused, but no partition can be made for that month until its
-- rows are moved: this stays empty.
CREATE TABLE ledger_entries_default PARTITION OF ledger_entries DEFAULT;

-- What reports read. The key starts with what every report filters by. Room is left in each page,
-- so that an update of the sums stays in its page and touches no index.
CREATE TABLE rollup_hour (
  org TEXT NOT NULL,
  bucket_us BIGINT NOT NULL,  -- start of the hour in UTC
  cost_center TEXT NOT NULL,
  team TEXT NOT NULL,
  project TEXT NOT NULL,
  user_name TEXT NOT NULL,
  model TEXT NOT NULL,
  meter TEXT NOT NULL,
  quantity BIGINT NOT NULL,
  cost_nano_usd BIGINT NOT NULL,
  requests BIGINT NOT NULL,
  overrun_nano_usd BIGINT NOT NULL,
  PRIMARY KEY (org, bucket_us, cost_center, team, project, user_name, model, meter)
) WITH (fillfactor = 70);

CREATE TABLE rollup_day (
  org TEXT NOT NULL,
  bucket_us BIGINT NOT NULL,  -- start of the day in UTC
  cost_center TEXT NOT NULL,
  team TEXT NOT NULL,
  project TEXT NOT NULL,
  user_name TEXT NOT NULL,
  model TEXT NOT NULL,
  meter TEXT NOT NULL,
  quantity BIGINT NOT NULL,
  cost_nano_usd BIGINT NOT NULL,
  requests BIGINT NOT NULL,
  overrun_nano_usd BIGINT NOT NULL,
  PRIMARY KEY (org, bucket_us, cost_center, team, project, user_name, model, meter)
) WITH (fillfactor = 70);
