UPDATE alert_head SET sequence = 2, alert = 2, message = 1, silence = 1;
INSERT INTO alerts (
  number, org, key_digest, state, kind, rule_id, severity, opened_severity, signal, opened_at_us, recorded_at_us, told_at_us, tellings, hold_off_us,
  resolved_at_us, resolved_by, acknowledged_by, acknowledge_comment, acknowledged_at_us, silence, feedback, feedback_by, feedback_at_us,
  feedback_sequence, notified_at_us, told_firing, notify_at_us, action_state, action_from_us, action_until_us, action_lifted, sequence)
VALUES
  (1, 'acme', decode(repeat('1f', 16), 'hex'), 'firing', 'threshold', 'user-month', 'critical', 'warning', '{"key":"user-month/alice","rule":"user-month"}',
   1793491200000000, 1793491200100000, 1793491260000000, 2, 3600000000, NULL, '', '', '', NULL, NULL, '', '', NULL, NULL, 1793491200100000, 1,
   NULL, 'in_force', 1793491200200000, 1793494800000000, 0, 1),
  (2, '', decode(repeat('2e', 16), 'hex'), 'resolved', 'operations', 'backlog', 'warning', 'warning', '{"key":"backlog","rule":"backlog"}',
   1793491200000000, 1793491200100000, 1793491260000000, 2, 0, 1793491270000000, 'oidc:idp#bob', '', '', NULL, NULL, 'expected', 'oidc:idp#bob',
   1793491280000000, 2, 1793491200100000, 0, NULL, 'none', NULL, NULL, 0, 2);
INSERT INTO alert_occurrences (occurrence, alert, at_us) VALUES (decode(repeat('3d', 16), 'hex'), 1, 1793491200100000);
INSERT INTO alert_silences (number, org, matchers, from_us, until_us, reason, author, ended_at_us, ended_by) VALUES
  (1, 'acme', '[{"name":"user","pattern":"a*"}]', 1793491200000000, 1793494800000000, 'load test', 'oidc:idp#bob', NULL, '');
INSERT INTO alert_messages (
  number, id, receiver, org, kind, state, open, created_at_us, first_due_at_us, due_at_us, give_up_at_us, lease, lease_until_us, attempts, error,
  ended_at_us, alerts, items)
VALUES
  (1, '000102030405060708090a0b0c0d0e0f', 'pager', 'acme', 'threshold', 'waiting', 0, 1793491200100000, 1793491200100000, 1793491201100000,
   1793577600100000, '', 0, 1, 'HTTP status 503', NULL, 1, 1);
INSERT INTO alert_message_items (message, position, alert, event, body) VALUES (1, 0, 1, 'firing', '');
INSERT INTO alert_receivers (receiver, failures, paused_until_us) VALUES ('pager', 1, 1793491201100000);
