-- Closed months and their statements. What is here was handed to people: it is never changed and
-- never removed. The triggers at the end hold everybody to that, this program's later versions too.

-- One closed month, and what it was closed with.
CREATE TABLE statement_closes (
  org TEXT NOT NULL,
  close_number BIGINT NOT NULL,  -- 1, 2, …: of two closes at once, one finds its number taken
  month TEXT NOT NULL,           -- "2026-10"
  time_zone TEXT NOT NULL,
  request_id TEXT NOT NULL,
  rules TEXT NOT NULL,  -- JSON (libs/reports/statement_json.h)
  closed_at_us BIGINT NOT NULL,
  first_number BIGINT NOT NULL,
  statements BIGINT NOT NULL,
  PRIMARY KEY (org, close_number),
  UNIQUE (org, month),
  UNIQUE (org, request_id)
);

CREATE TABLE statements (
  org TEXT NOT NULL,
  number BIGINT NOT NULL,  -- 1, 2, … without gaps
  month TEXT NOT NULL,
  cost_center TEXT NOT NULL,
  active_users BIGINT NOT NULL,
  usage_nano_usd BIGINT NOT NULL,
  late_nano_usd BIGINT NOT NULL,
  corrections_nano_usd BIGINT NOT NULL,
  markup_nano_usd BIGINT NOT NULL,
  seat_fees_nano_usd BIGINT NOT NULL,
  shared_costs_nano_usd BIGINT NOT NULL,
  total_nano_usd BIGINT NOT NULL,
  currency TEXT NOT NULL,
  due_nano BIGINT NOT NULL,  -- 1e-9 of the currency
  document TEXT NOT NULL,
  digest BYTEA NOT NULL,  -- of the document
  PRIMARY KEY (org, number),
  UNIQUE (org, month, cost_center)
);

-- What was billed. The sums of a month over all statements are what of it has been billed so far;
-- what the ledger has beyond that comes with the next statement.
CREATE TABLE statement_lines (
  org TEXT NOT NULL,
  number BIGINT NOT NULL,
  line BIGINT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('usage', 'late', 'correction')),
  month TEXT NOT NULL,           -- in which it was charged
  corrects_month TEXT NOT NULL,  -- of a correction: when that was charged which it corrects
  cost_center TEXT NOT NULL,
  team TEXT NOT NULL,
  project TEXT NOT NULL,
  model TEXT NOT NULL,
  meter TEXT NOT NULL,
  quantity BIGINT NOT NULL,
  cost_nano_usd BIGINT NOT NULL,
  requests BIGINT NOT NULL,
  overrun_nano_usd BIGINT NOT NULL,
  PRIMARY KEY (org, number, line)
);
CREATE INDEX statement_lines_by_month ON statement_lines (org, month);

-- The month's usage day by day.
CREATE TABLE statement_days (
  org TEXT NOT NULL,
  number BIGINT NOT NULL,
  dimension TEXT NOT NULL CHECK (dimension IN ('team', 'model')),
  day TEXT NOT NULL,
  name TEXT NOT NULL,
  cost_nano_usd BIGINT NOT NULL,
  PRIMARY KEY (org, number, dimension, day, name)
);

CREATE FUNCTION statements_are_final() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN RAISE EXCEPTION ''statements are final''; END';
CREATE TRIGGER statement_closes_final BEFORE UPDATE OR DELETE ON statement_closes
  FOR EACH ROW EXECUTE FUNCTION statements_are_final();
CREATE TRIGGER statements_final BEFORE UPDATE OR DELETE ON statements
  FOR EACH ROW EXECUTE FUNCTION statements_are_final();
CREATE TRIGGER statement_lines_final BEFORE UPDATE OR DELETE ON statement_lines
  FOR EACH ROW EXECUTE FUNCTION statements_are_final();
CREATE TRIGGER statement_days_final BEFORE UPDATE OR DELETE ON statement_days
  FOR EACH ROW EXECUTE FUNCTION statements_are_final();

-- Corrections are few among entries, and each is a line of a statement.
CREATE INDEX ledger_entries_corrections ON ledger_entries (org, occurred_at_us)
  WHERE kind = 'correction';
