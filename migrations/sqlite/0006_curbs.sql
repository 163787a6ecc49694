-- What alerts have frozen or throttled (libs/control/curbs_store.h), until it has ended.
CREATE TABLE curbs (
  org TEXT NOT NULL,
  alert INTEGER NOT NULL,
  is_freeze INTEGER NOT NULL CHECK (is_freeze IN (0, 1)),
  share_permille INTEGER NOT NULL CHECK (share_permille BETWEEN 0 AND 999),
  scope TEXT NOT NULL,  -- a JSON object of strings
  limit_id TEXT NOT NULL,
  from_us INTEGER NOT NULL,
  until_us INTEGER NOT NULL,
  change_number INTEGER NOT NULL,
  PRIMARY KEY (org, alert)
) STRICT;
CREATE INDEX curbs_by_end ON curbs (until_us);
