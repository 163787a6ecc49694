-- A correction says which charge it corrects (corrects_key), when that was, and which line of it (line). Usage has none
-- of these, so the indexes hold corrections alone.
ALTER TABLE ledger_entries
  ADD COLUMN corrected_at_us BIGINT,  -- occurred_at_us of what it corrects
  ADD COLUMN corrected_by TEXT CHECK (corrected_by IN ('adjustment', 'rerating')),
  ADD COLUMN move_key BYTEA;          -- of ledger_moves

CREATE INDEX ledger_entries_by_corrected ON ledger_entries (corrects_key) WHERE corrects_key IS NOT NULL;
CREATE INDEX ledger_entries_by_corrected_time ON ledger_entries (org, corrected_at_us) WHERE corrected_at_us IS NOT NULL;
CREATE INDEX ledger_entries_by_move ON ledger_entries (move_key) WHERE move_key IS NOT NULL;

-- For retention: keys come in the order of time, nearly, so their blocks do too.
CREATE INDEX ledger_keys_by_time ON ledger_keys USING BRIN (occurred_at_us);

-- Corrections on their way to the live counters, written together with their entries. Marked when the counters have them.
CREATE TABLE ledger_moves (
  move_key BYTEA PRIMARY KEY CHECK (length(move_key) = 16),
  org TEXT NOT NULL,
  fingerprint BIGINT NOT NULL,  -- of what was asked for
  recorded_at_us BIGINT NOT NULL,
  applied_at_us BIGINT          -- by the counter store's clock
);
CREATE INDEX ledger_moves_pending ON ledger_moves (org, recorded_at_us, move_key) WHERE applied_at_us IS NULL;

-- Persons that were erased: by a digest of their name with the salt below, since the name is gone.
CREATE TABLE erasures (
  user_digest BYTEA PRIMARY KEY CHECK (length(user_digest) = 16),
  org TEXT NOT NULL,
  pseudonym TEXT NOT NULL,
  erased_at_us BIGINT NOT NULL,  -- the last time, by the counter store's clock
  UNIQUE (org, pseudonym)
);

CREATE TABLE erasure_salt (
  only_one SMALLINT PRIMARY KEY CHECK (only_one = 1),
  salt BYTEA NOT NULL CHECK (length(salt) = 16)
);

-- Who changed the ledger's past.
CREATE TABLE ledger_audit (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at_us BIGINT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  org TEXT NOT NULL,  -- empty: all
  detail TEXT NOT NULL  -- a JSON object of strings
);
CREATE INDEX ledger_audit_by_org ON ledger_audit (org, at_us);

-- From when on there is all data: retention has dropped, or is dropping, what is older. Of keys: up to where they have
-- been dropped.
CREATE TABLE ledger_kept (
  kind TEXT PRIMARY KEY CHECK (kind IN ('entries', 'hours', 'days', 'keys')),
  from_us BIGINT NOT NULL
);
