-- Closed months and their statements. What is here was handed to people: it is never changed and
-- never removed. The triggers at the end hold everybody to that, this program's later versions too.

-- One closed month, and what it was closed with.
CREATE TABLE statement_closes (
  org TEXT NOT NULL,
  close_number INTEGER NOT NULL,  -- 1, 2, …: of two closes at once, one finds its number taken
  month TEXT NOT NULL,           -- "2026-10"
  time_zone TEXT NOT NULL,
  request_id TEXT NOT NULL,
  rules TEXT NOT NULL,  -- JSON (libs/reports/statement_json.h)
  closed_at_us INTEGER NOT NULL,
  first_number INTEGER NOT NULL,
  statements INTEGER NOT NULL,
  PRIMARY KEY (org, close_number),
  UNIQUE (org, month),
  UNIQUE (org, request_id)
) STRICT;

CREATE TABLE statements (
  org TEXT NOT NULL,
  number INTEGER NOT NULL,  -- 1, 2, … without gaps
  month TEXT NOT NULL,
  cost_center TEXT NOT NULL,
  active_users INTEGER NOT NULL,
  usage_nano_usd INTEGER NOT NULL,
  late_nano_usd INTEGER NOT NULL,
  corrections_nano_usd INTEGER NOT NULL,
  markup_nano_usd INTEGER NOT NULL,
  seat_fees_nano_usd INTEGER NOT NULL,
  shared_costs_nano_usd INTEGER NOT NULL,
  total_nano_usd INTEGER NOT NULL,
  currency TEXT NOT NULL,
  due_nano INTEGER NOT NULL,  -- 1e-9 of the currency
  document TEXT NOT NULL,
  digest BLOB NOT NULL,  -- of the document
  PRIMARY KEY (org, number),
  UNIQUE (org, month, cost_center)
) STRICT;

-- What was billed. The sums of a month over all statements are what of it has been billed so far;
-- what the ledger has beyond that comes with the next statement.
CREATE TABLE statement_lines (
  org TEXT NOT NULL,
  number INTEGER NOT NULL,
  line INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('usage', 'late', 'correction')),
  month TEXT NOT NULL,           -- in which it was charged
  corrects_month TEXT NOT NULL,  -- of a correction: when that was charged which it corrects
  cost_center TEXT NOT NULL,
  team TEXT NOT NULL,
  project TEXT NOT NULL,
  model TEXT NOT NULL,
  meter TEXT NOT NULL,
  quantity INTEGER NOT NULL,
  cost_nano_usd INTEGER NOT NULL,
  requests INTEGER NOT NULL,
  overrun_nano_usd INTEGER NOT NULL,
  PRIMARY KEY (org, number, line)
) STRICT;
CREATE INDEX statement_lines_by_month ON statement_lines (org, month);

-- The month's usage day by day.
CREATE TABLE statement_days (
  org TEXT NOT NULL,
  number INTEGER NOT NULL,
  dimension TEXT NOT NULL CHECK (dimension IN ('team', 'model')),
  day TEXT NOT NULL,
  name TEXT NOT NULL,
  cost_nano_usd INTEGER NOT NULL,
  PRIMARY KEY (org, number, dimension, day, name)
) STRICT;

CREATE TRIGGER statement_closes_no_update BEFORE UPDATE ON statement_closes
  BEGIN SELECT RAISE(ABORT, 'statements are final'); END;
CREATE TRIGGER statement_closes_no_delete BEFORE DELETE ON statement_closes
  BEGIN SELECT RAISE(ABORT, 'statements are final'); END;
CREATE TRIGGER statements_no_update BEFORE UPDATE ON statements
  BEGIN SELECT RAISE(ABORT, 'statements are final'); END;
CREATE TRIGGER statements_no_delete BEFORE DELETE ON statements
  BEGIN SELECT RAISE(ABORT, 'statements are final'); END;
CREATE TRIGGER statement_lines_no_update BEFORE UPDATE ON statement_lines
  BEGIN SELECT RAISE(ABORT, 'statements are final'); END;
CREATE TRIGGER statement_lines_no_delete BEFORE DELETE ON statement_lines
  BEGIN SELECT RAISE(ABORT, 'statements are final'); END;
CREATE TRIGGER statement_days_no_update BEFORE UPDATE ON statement_days
  BEGIN SELECT RAISE(ABORT, 'statements are final'); END;
CREATE TRIGGER statement_days_no_delete BEFORE DELETE ON statement_days
  BEGIN SELECT RAISE(ABORT, 'statements are final'); END;

-- Corrections are few among entries, and each is a line of a statement.
CREATE INDEX ledger_entries_corrections ON ledger_entries (org, occurred_at_us)
  WHERE kind = 'correction';
