INSERT INTO ledger_refusals (
  batch_key, line, org, occurred_at_us, recorded_at_us, model, team, project, user_name, api_key, labels,
  cost_center, denied) VALUES
  ('00112233445566aa', 0, 'acme', 1793491200000000, 1793491201000000, 'claude-sonnet-4-5', 'search', 'web', 'alice',
   'k1', '{"session":"s1"}', 'cc-1', 3),
  ('00112233445566aa', 1, 'acme', 1793491200000000, 1793491201000000, 'claude-opus-4-5', 'search', '', 'bob', '', '{}',
   'cc-1', 1);
INSERT INTO rollup_hour (
  org, bucket_us, cost_center, team, project, user_name, model, meter, quantity, cost_nano_usd, requests,
  overrun_nano_usd, denied) VALUES
  ('acme', 1793491200000000, 'cc-1', 'search', 'web', 'alice', 'claude-sonnet-4-5', '', 0, 0, 0, 0, 3);
INSERT INTO rollup_day (
  org, bucket_us, cost_center, team, project, user_name, model, meter, quantity, cost_nano_usd, requests,
  overrun_nano_usd, denied) VALUES
  ('acme', 1793491200000000, 'cc-1', 'search', 'web', 'alice', 'claude-sonnet-4-5', '', 0, 0, 0, 0, 3);
