-- Alerts: their states, silences and actions, and the messages that tell of them (libs/alerts).

-- The one lock for writers of alerts, and the last number of each kind.
CREATE TABLE alert_head (
  only_one BIGINT PRIMARY KEY CHECK (only_one = 1),
  sequence BIGINT NOT NULL,  -- of changes of alerts
  alert BIGINT NOT NULL,
  message BIGINT NOT NULL,
  silence BIGINT NOT NULL
);
INSERT INTO alert_head VALUES (1, 0, 0, 0, 0);

CREATE TABLE alerts (
  number BIGINT PRIMARY KEY,
  org TEXT NOT NULL,               -- empty: the deployment's own
  key_digest BYTEA NOT NULL CHECK (length(key_digest) = 16),  -- of org and key
  state TEXT NOT NULL CHECK (state IN ('firing', 'acknowledged', 'silenced', 'resolved')),
  kind TEXT NOT NULL,
  rule_id TEXT NOT NULL,
  severity TEXT NOT NULL,
  opened_severity TEXT NOT NULL,
  signal TEXT NOT NULL,            -- a JSON object: the rest of what was last told
  opened_at_us BIGINT NOT NULL,
  recorded_at_us BIGINT NOT NULL,
  told_at_us BIGINT NOT NULL,
  tellings BIGINT NOT NULL,
  hold_off_us BIGINT NOT NULL,
  resolved_at_us BIGINT,
  resolved_by TEXT NOT NULL,
  acknowledged_by TEXT NOT NULL,
  acknowledge_comment TEXT NOT NULL,
  acknowledged_at_us BIGINT,
  silence BIGINT,
  feedback TEXT NOT NULL CHECK (feedback IN ('', 'expected', 'not_expected')),
  feedback_by TEXT NOT NULL,
  feedback_at_us BIGINT,
  feedback_sequence BIGINT,
  notified_at_us BIGINT,           -- of its firing
  told_firing BIGINT NOT NULL CHECK (told_firing IN (0, 1)),  -- by the last message about it
  notify_at_us BIGINT,             -- fires untold until then
  action_state TEXT NOT NULL CHECK (action_state IN ('none', 'wanted', 'in_force', 'ended')),
  action_from_us BIGINT,
  action_until_us BIGINT,
  action_lifted BIGINT NOT NULL CHECK (action_lifted IN (0, 1)),
  sequence BIGINT NOT NULL
);
-- At most one of a key is open.
CREATE UNIQUE INDEX alerts_open ON alerts (key_digest) WHERE state <> 'resolved';
CREATE INDEX alerts_by_key ON alerts (key_digest, number);
CREATE INDEX alerts_by_org ON alerts (org, number);
CREATE INDEX alerts_open_by_org ON alerts (org, state, kind) WHERE state <> 'resolved';
CREATE INDEX alerts_silenced ON alerts (silence, number) WHERE state = 'silenced';
CREATE INDEX alerts_told_firing ON alerts (number) WHERE told_firing = 1;
CREATE INDEX alerts_to_notify ON alerts (notify_at_us) WHERE notify_at_us IS NOT NULL;
CREATE INDEX alerts_by_telling ON alerts (told_at_us) WHERE state <> 'resolved';
CREATE INDEX alerts_by_resolution ON alerts (resolved_at_us) WHERE state = 'resolved';
CREATE INDEX alerts_actions ON alerts (action_state, number) WHERE action_state IN ('wanted', 'in_force');
CREATE UNIQUE INDEX alerts_by_sequence ON alerts (sequence);
CREATE INDEX alerts_by_feedback ON alerts (feedback_sequence) WHERE feedback_sequence IS NOT NULL;

-- Tellings that were recorded, for 35 days.
CREATE TABLE alert_occurrences (
  occurrence BYTEA PRIMARY KEY CHECK (length(occurrence) = 16),  -- a digest of org, key and occurrence
  alert BIGINT NOT NULL,  -- 0: none was open
  at_us BIGINT NOT NULL
);
CREATE INDEX alert_occurrences_by_time ON alert_occurrences (at_us);

CREATE TABLE alert_silences (
  number BIGINT PRIMARY KEY,
  org TEXT NOT NULL,
  matchers TEXT NOT NULL,  -- a JSON list of {name, pattern}
  from_us BIGINT NOT NULL,
  until_us BIGINT NOT NULL,
  reason TEXT NOT NULL,
  author TEXT NOT NULL,
  ended_at_us BIGINT,
  ended_by TEXT NOT NULL
);
CREATE INDEX alert_silences_by_org ON alert_silences (org, number);
CREATE INDEX alert_silences_held ON alert_silences (until_us) WHERE ended_at_us IS NULL;
CREATE INDEX alert_silences_ended ON alert_silences (ended_at_us) WHERE ended_at_us IS NOT NULL;

-- The queue of messages.
CREATE TABLE alert_messages (
  number BIGINT PRIMARY KEY,
  id TEXT NOT NULL,
  receiver TEXT NOT NULL,
  org TEXT NOT NULL,
  kind TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'dead')),
  open BIGINT NOT NULL CHECK (open IN (0, 1)),  -- 1: nobody claimed it yet, so it may gather more
  created_at_us BIGINT NOT NULL,
  first_due_at_us BIGINT NOT NULL,  -- the next of its group is due a while after that
  due_at_us BIGINT NOT NULL,
  give_up_at_us BIGINT NOT NULL,
  lease TEXT NOT NULL,            -- empty: nobody's
  lease_until_us BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  error TEXT NOT NULL,
  ended_at_us BIGINT,             -- sent, or dead
  alerts BIGINT NOT NULL,         -- that it is about
  items BIGINT NOT NULL           -- of those, listed
);
CREATE INDEX alert_messages_waiting ON alert_messages (receiver, number) WHERE state = 'waiting';
CREATE INDEX alert_messages_group ON alert_messages (receiver, org, kind, number);
CREATE INDEX alert_messages_lease ON alert_messages (lease) WHERE lease <> '';
CREATE INDEX alert_messages_dead ON alert_messages (number) WHERE state = 'dead';
CREATE INDEX alert_messages_ended ON alert_messages (ended_at_us) WHERE ended_at_us IS NOT NULL;

CREATE TABLE alert_message_items (
  message BIGINT NOT NULL,
  position BIGINT NOT NULL,
  alert BIGINT NOT NULL,
  event TEXT NOT NULL CHECK (event IN ('firing', 'raised', 'resolved')),
  body TEXT NOT NULL,  -- JSON: the alert as it was; empty: as it is when it is sent
  PRIMARY KEY (message, position)
);

-- Receivers that are left alone for a while.
CREATE TABLE alert_receivers (
  receiver TEXT PRIMARY KEY,
  failures BIGINT NOT NULL,
  paused_until_us BIGINT NOT NULL
);
