-- What alerts have frozen or throttled (libs/control/curbs_store.h), until it has ended.
CREATE TABLE curbs (
  org TEXT NOT NULL,
  alert BIGINT NOT NULL,
  is_freeze BIGINT NOT NULL CHECK (is_freeze IN (0, 1)),
  share_permille BIGINT NOT NULL CHECK (share_permille BETWEEN 0 AND 999),
  scope TEXT NOT NULL,  -- a JSON object of strings
  limit_id TEXT NOT NULL,
  from_us BIGINT NOT NULL,
  until_us BIGINT NOT NULL,
  change_number BIGINT NOT NULL,
  PRIMARY KEY (org, alert)
);
CREATE INDEX curbs_by_end ON curbs (until_us);
