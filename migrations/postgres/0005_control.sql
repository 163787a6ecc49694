-- The control plane: policies by version, exceptions, virtual keys, price books, and the audit log over all of it.

-- The one lock for changes, and the number of the last one (libs/control/change.h).
CREATE TABLE control_head (
  only_one BIGINT PRIMARY KEY CHECK (only_one = 1),
  number BIGINT NOT NULL
);
INSERT INTO control_head VALUES (1, 0);

-- Requests that were carried out, for a day.
CREATE TABLE control_requests (
  org TEXT NOT NULL,
  request_id TEXT NOT NULL,
  action TEXT NOT NULL,
  request_digest BYTEA NOT NULL,
  at_us BIGINT NOT NULL,
  answer BYTEA NOT NULL,
  PRIMARY KEY (org, request_id)
);
CREATE INDEX control_requests_by_time ON control_requests (at_us);

-- What replicas are to know (libs/control/items.h).
CREATE TABLE control_items (
  name TEXT PRIMARY KEY,
  number BIGINT NOT NULL,
  body BYTEA NOT NULL  -- empty: taken away
);
CREATE INDEX control_items_by_number ON control_items (number, name);

CREATE TABLE policy_versions (
  org TEXT NOT NULL,
  version BIGINT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('draft', 'active', 'superseded', 'discarded')),
  base_version BIGINT NOT NULL,
  fingerprint TEXT NOT NULL,
  author TEXT NOT NULL,
  reason TEXT NOT NULL,
  created_at_us BIGINT NOT NULL,
  activated_at_us BIGINT,
  activated_by TEXT,
  superseded_at_us BIGINT,
  change_number BIGINT NOT NULL,    -- of the last change of this row: its etag
  document_number BIGINT NOT NULL,  -- of the last change of its document
  approvals BIGINT NOT NULL,        -- that its document asks for, of versions to come
  PRIMARY KEY (org, version)
);
-- YAML, canonical. Apart, since it may have megabytes and changes less often than the row.
CREATE TABLE policy_documents (
  org TEXT NOT NULL,
  version BIGINT NOT NULL,
  document TEXT NOT NULL,
  PRIMARY KEY (org, version)
);
-- Everybody who wrote a version or a part of it: none of them may approve it.
CREATE TABLE policy_authors (
  org TEXT NOT NULL,
  version BIGINT NOT NULL,
  author TEXT NOT NULL,
  PRIMARY KEY (org, version, author)
);
-- At most one is active.
CREATE UNIQUE INDEX policy_versions_active ON policy_versions (org) WHERE state = 'active';
CREATE INDEX policy_versions_drafts ON policy_versions (org) WHERE state = 'draft';

CREATE TABLE policy_approvals (
  org TEXT NOT NULL,
  version BIGINT NOT NULL,
  approver TEXT NOT NULL,
  approved_at_us BIGINT NOT NULL,
  comment TEXT NOT NULL,
  PRIMARY KEY (org, version, approver)
);

CREATE TABLE exceptions (
  org TEXT NOT NULL,
  exception_id TEXT NOT NULL,
  -- What was decided; what time makes of it (scheduled, active, expired) is worked out when it is read.
  -- 'ended': approved, and no item has it any more.
  state TEXT NOT NULL CHECK (state IN ('requested', 'denied', 'approved', 'ended', 'revoked')),
  scope TEXT NOT NULL,   -- a JSON object of strings
  raises TEXT NOT NULL,  -- a JSON list of {limit, amount, per}
  start_us BIGINT,      -- NULL: once approved
  end_us BIGINT NOT NULL,
  reason TEXT NOT NULL,
  requester TEXT NOT NULL,
  requested_at_us BIGINT NOT NULL,
  decider TEXT,
  decided_at_us BIGINT,
  decide_comment TEXT NOT NULL DEFAULT '',
  revoked_by TEXT,
  revoked_at_us BIGINT,
  change_number BIGINT NOT NULL,
  PRIMARY KEY (org, exception_id)
);
CREATE INDEX exceptions_requested ON exceptions (org, end_us) WHERE state = 'requested';
CREATE INDEX exceptions_approved ON exceptions (org, end_us) WHERE state = 'approved';
CREATE INDEX exceptions_by_end ON exceptions (end_us) WHERE state = 'approved';

CREATE TABLE virtual_keys (
  key_id TEXT PRIMARY KEY,
  org TEXT NOT NULL,
  display_name TEXT NOT NULL,
  team TEXT NOT NULL,
  project TEXT NOT NULL,
  user_name TEXT NOT NULL,
  models TEXT NOT NULL,  -- a JSON list of strings
  hash BYTEA NOT NULL CHECK (length(hash) = 32),
  previous_hash BYTEA,
  previous_until_us BIGINT,
  expires_at_us BIGINT,  -- NULL: never
  author TEXT NOT NULL,
  created_at_us BIGINT NOT NULL,
  rotated_at_us BIGINT,
  revoked_by TEXT,
  revoked_at_us BIGINT,
  change_number BIGINT NOT NULL
);
CREATE INDEX virtual_keys_by_org ON virtual_keys (org, key_id);
CREATE INDEX virtual_keys_by_expiry ON virtual_keys (expires_at_us) WHERE expires_at_us IS NOT NULL;
CREATE INDEX virtual_keys_by_revocation ON virtual_keys (revoked_at_us) WHERE revoked_at_us IS NOT NULL;

CREATE TABLE price_books (
  number BIGINT PRIMARY KEY,
  version TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL CHECK (state IN ('draft', 'activated')),
  author TEXT NOT NULL,
  reason TEXT NOT NULL,
  created_at_us BIGINT NOT NULL,
  -- From when on it is used, until a later one is.
  active_from_us BIGINT,
  activated_by TEXT,
  models BIGINT NOT NULL,
  change_number BIGINT NOT NULL,
  document TEXT NOT NULL
);

-- Hash-chained, for each org (libs/control/audit_chain.h).
CREATE TABLE audit_log (
  org TEXT NOT NULL,  -- empty: the deployment's
  number BIGINT NOT NULL,
  at_us BIGINT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  target TEXT NOT NULL,
  outcome TEXT NOT NULL,
  reason TEXT NOT NULL,
  address TEXT NOT NULL,
  before_json TEXT NOT NULL,
  after_json TEXT NOT NULL,
  previous_hash BYTEA NOT NULL CHECK (length(previous_hash) = 32),
  hash BYTEA NOT NULL CHECK (length(hash) = 32),
  PRIMARY KEY (org, number)
);

CREATE INDEX audit_log_by_actor ON audit_log (org, actor, number);
CREATE INDEX audit_log_by_action ON audit_log (org, action, number);
CREATE INDEX audit_log_by_target ON audit_log (org, target, number);

-- Apart from the rows, so that rows missing from the end show.
CREATE TABLE audit_heads (
  org TEXT PRIMARY KEY,
  number BIGINT NOT NULL,
  hash BYTEA NOT NULL CHECK (length(hash) = 32)
);

-- Rows are never changed nor removed, and a chain's head only moves on. Against mistakes: whoever owns the tables can
-- take this away, and breaks the chain by what he does then.
CREATE FUNCTION audit_log_is_final() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN RAISE EXCEPTION ''the audit log is final''; END';
CREATE TRIGGER audit_log_final BEFORE UPDATE OR DELETE ON audit_log
  FOR EACH ROW EXECUTE FUNCTION audit_log_is_final();
CREATE TRIGGER audit_log_not_emptied BEFORE TRUNCATE ON audit_log
  FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_final();
CREATE TRIGGER audit_heads_kept BEFORE DELETE ON audit_heads
  FOR EACH ROW EXECUTE FUNCTION audit_log_is_final();
CREATE TRIGGER audit_heads_not_emptied BEFORE TRUNCATE ON audit_heads
  FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_final();
CREATE TRIGGER audit_heads_move_on BEFORE UPDATE ON audit_heads
  FOR EACH ROW WHEN (NEW.org <> OLD.org OR NEW.number <> OLD.number + 1) EXECUTE FUNCTION audit_log_is_final();
