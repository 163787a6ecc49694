-- The control plane: policies by version, exceptions, virtual keys, price books, and the audit log over all of it.

-- The one lock for changes, and the number of the last one (libs/control/change.h).
CREATE TABLE control_head (
  only_one INTEGER NOT NULL PRIMARY KEY CHECK (only_one = 1),
  number INTEGER NOT NULL
) STRICT;
INSERT INTO control_head VALUES (1, 0);

-- Requests that were carried out, for a day.
CREATE TABLE control_requests (
  org TEXT NOT NULL,
  request_id TEXT NOT NULL,
  action TEXT NOT NULL,
  request_digest BLOB NOT NULL,
  at_us INTEGER NOT NULL,
  answer BLOB NOT NULL,
  PRIMARY KEY (org, request_id)
) STRICT;
CREATE INDEX control_requests_by_time ON control_requests (at_us);

-- What replicas are to know (libs/control/items.h).
CREATE TABLE control_items (
  name TEXT NOT NULL PRIMARY KEY,
  number INTEGER NOT NULL,
  body BLOB NOT NULL  -- empty: taken away
) STRICT;
CREATE INDEX control_items_by_number ON control_items (number, name);

CREATE TABLE policy_versions (
  org TEXT NOT NULL,
  version INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('draft', 'active', 'superseded', 'discarded')),
  base_version INTEGER NOT NULL,
  fingerprint TEXT NOT NULL,
  author TEXT NOT NULL,
  reason TEXT NOT NULL,
  created_at_us INTEGER NOT NULL,
  activated_at_us INTEGER,
  activated_by TEXT,
  superseded_at_us INTEGER,
  change_number INTEGER NOT NULL,    -- of the last change of this row: its etag
  document_number INTEGER NOT NULL,  -- of the last change of its document
  approvals INTEGER NOT NULL,        -- that its document asks for, of versions to come
  PRIMARY KEY (org, version)
) STRICT;
-- YAML, canonical. Apart, since it may have megabytes and changes less often than the row.
CREATE TABLE policy_documents (
  org TEXT NOT NULL,
  version INTEGER NOT NULL,
  document TEXT NOT NULL,
  PRIMARY KEY (org, version)
) STRICT;
-- Everybody who wrote a version or a part of it: none of them may approve it.
CREATE TABLE policy_authors (
  org TEXT NOT NULL,
  version INTEGER NOT NULL,
  author TEXT NOT NULL,
  PRIMARY KEY (org, version, author)
) STRICT;
-- At most one is active.
CREATE UNIQUE INDEX policy_versions_active ON policy_versions (org) WHERE state = 'active';
CREATE INDEX policy_versions_drafts ON policy_versions (org) WHERE state = 'draft';

CREATE TABLE policy_approvals (
  org TEXT NOT NULL,
  version INTEGER NOT NULL,
  approver TEXT NOT NULL,
  approved_at_us INTEGER NOT NULL,
  comment TEXT NOT NULL,
  PRIMARY KEY (org, version, approver)
) STRICT;

CREATE TABLE exceptions (
  org TEXT NOT NULL,
  exception_id TEXT NOT NULL,
  -- What was decided; what time makes of it (scheduled, active, expired) is worked out when it is read.
  -- 'ended': approved, and no item has it any more.
  state TEXT NOT NULL CHECK (state IN ('requested', 'denied', 'approved', 'ended', 'revoked')),
  scope TEXT NOT NULL,   -- a JSON object of strings
  raises TEXT NOT NULL,  -- a JSON list of {limit, amount, per}
  start_us INTEGER,      -- NULL: once approved
  end_us INTEGER NOT NULL,
  reason TEXT NOT NULL,
  requester TEXT NOT NULL,
  requested_at_us INTEGER NOT NULL,
  decider TEXT,
  decided_at_us INTEGER,
  decide_comment TEXT NOT NULL DEFAULT '',
  revoked_by TEXT,
  revoked_at_us INTEGER,
  change_number INTEGER NOT NULL,
  PRIMARY KEY (org, exception_id)
) STRICT;
CREATE INDEX exceptions_requested ON exceptions (org, end_us) WHERE state = 'requested';
CREATE INDEX exceptions_approved ON exceptions (org, end_us) WHERE state = 'approved';
CREATE INDEX exceptions_by_end ON exceptions (end_us) WHERE state = 'approved';

CREATE TABLE virtual_keys (
  key_id TEXT NOT NULL PRIMARY KEY,
  org TEXT NOT NULL,
  display_name TEXT NOT NULL,
  team TEXT NOT NULL,
  project TEXT NOT NULL,
  user_name TEXT NOT NULL,
  models TEXT NOT NULL,  -- a JSON list of strings
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  previous_hash BLOB,
  previous_until_us INTEGER,
  expires_at_us INTEGER,  -- NULL: never
  author TEXT NOT NULL,
  created_at_us INTEGER NOT NULL,
  rotated_at_us INTEGER,
  revoked_by TEXT,
  revoked_at_us INTEGER,
  change_number INTEGER NOT NULL
) STRICT;
CREATE INDEX virtual_keys_by_org ON virtual_keys (org, key_id);
CREATE INDEX virtual_keys_by_expiry ON virtual_keys (expires_at_us) WHERE expires_at_us IS NOT NULL;
CREATE INDEX virtual_keys_by_revocation ON virtual_keys (revoked_at_us) WHERE revoked_at_us IS NOT NULL;

CREATE TABLE price_books (
  number INTEGER NOT NULL PRIMARY KEY,
  version TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL CHECK (state IN ('draft', 'activated')),
  author TEXT NOT NULL,
  reason TEXT NOT NULL,
  created_at_us INTEGER NOT NULL,
  -- From when on it is used, until a later one is.
  active_from_us INTEGER,
  activated_by TEXT,
  models INTEGER NOT NULL,
  change_number INTEGER NOT NULL,
  document TEXT NOT NULL
) STRICT;

-- Hash-chained, for each org (libs/control/audit_chain.h).
CREATE TABLE audit_log (
  org TEXT NOT NULL,  -- empty: the deployment's
  number INTEGER NOT NULL,
  at_us INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  target TEXT NOT NULL,
  outcome TEXT NOT NULL,
  reason TEXT NOT NULL,
  address TEXT NOT NULL,
  before_json TEXT NOT NULL,
  after_json TEXT NOT NULL,
  previous_hash BLOB NOT NULL CHECK (length(previous_hash) = 32),
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  PRIMARY KEY (org, number)
) STRICT;

CREATE INDEX audit_log_by_actor ON audit_log (org, actor, number);
CREATE INDEX audit_log_by_action ON audit_log (org, action, number);
CREATE INDEX audit_log_by_target ON audit_log (org, target, number);

-- Apart from the rows, so that rows missing from the end show.
CREATE TABLE audit_heads (
  org TEXT NOT NULL PRIMARY KEY,
  number INTEGER NOT NULL,
  hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- Rows are never changed nor removed, and a chain's head only moves on. Against mistakes: whoever owns the file can take
-- this away, and breaks the chain by what he does then.
CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log
  BEGIN SELECT RAISE(ABORT, 'the audit log is final'); END;
CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log
  BEGIN SELECT RAISE(ABORT, 'the audit log is final'); END;
-- REPLACE removes rows without telling the trigger for that.
CREATE TRIGGER audit_log_no_replace BEFORE INSERT ON audit_log
  WHEN EXISTS (SELECT 1 FROM audit_log WHERE org = NEW.org AND number = NEW.number)
  BEGIN SELECT RAISE(ABORT, 'the audit log is final'); END;
CREATE TRIGGER audit_heads_kept BEFORE DELETE ON audit_heads
  BEGIN SELECT RAISE(ABORT, 'the audit log is final'); END;
CREATE TRIGGER audit_heads_move_on BEFORE UPDATE ON audit_heads
  WHEN NEW.org <> OLD.org OR NEW.number <> OLD.number + 1
  BEGIN SELECT RAISE(ABORT, 'the audit log is final'); END;
