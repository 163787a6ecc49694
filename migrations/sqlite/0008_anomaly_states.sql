-- What the detectors have learnt of each org's usage (libs/alert_sources/usage_watch.h), and up to
-- when. Lost, it is learnt anew from the ledger.
CREATE TABLE anomaly_states (
  org TEXT NOT NULL PRIMARY KEY,
  through_us INTEGER NOT NULL,
  state BLOB NOT NULL,
  saved_at_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
