-- What the detectors have learnt of each org's usage (libs/alert_sources/usage_watch.h), and up to
-- when. Lost, it is learnt anew from the ledger.
CREATE TABLE anomaly_states (
  org TEXT NOT NULL PRIMARY KEY,
  through_us BIGINT NOT NULL,
  state BYTEA NOT NULL,
  saved_at_us BIGINT NOT NULL
);
