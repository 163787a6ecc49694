INSERT INTO ledger_keys (charge_key, occurred_at_us) VALUES
  ('0123456789abcdef', 1793491200000001),
  ('fedcba9876543210', 1793491200000001);
CREATE TABLE ledger_entries_2026_11 PARTITION OF ledger_entries
  FOR VALUES FROM (1793491200000000) TO (1796083200000000);
INSERT INTO ledger_entries (charge_key, line, org, kind, reservation_id, occurred_at_us, recorded_at_us, attempt,
  model, subject_model, priced_as, service_tier, meter, quantity, unit_price_nano_per_million, cost_nano_usd,
  price_version, team, project, user_name, api_key, labels, cost_center, held_nano_usd, overrun_nano_usd, late,
  unreserved, recorded, unpriced, spooled, corrects_key, reason) VALUES
  ('0123456789abcdef', 0, 'acme', 'usage', 'r1', 1793491200000001, 1793491200500000, 0,
   'claude-sonnet-4-5', 'claude-sonnet-4-5', '', 'standard',
   'input', 1200, 3000000000, 3600000, '2026-11', 'search', 'web', 'alice', 'k1',
   '{"session":"s1"}', 'cc-1', 15600000, 0, 0, 0,
   0, 0, 0, NULL, NULL),
  ('fedcba9876543210', 1, 'acme', 'correction', 'r1', 1793491200000001, 1793491201500000, 0,
   'claude-sonnet-4-5', 'claude-sonnet-4-5', '',
   'standard', 'input', -200, 3000000000, -600000, '2026-11', 'search', 'web', 'alice', 'k1', '{}',
   'cc-1', 0, 0, 0, 0, 0, 0, 0,
   '0123456789abcdef', 'counted twice');
INSERT INTO rollup_hour (org, bucket_us, cost_center, team, project, user_name, model, meter, quantity,
  cost_nano_usd, requests, overrun_nano_usd) VALUES
  ('acme', 1793491200000000, 'cc-1', 'search', 'web', 'alice', 'claude-sonnet-4-5', 'input', 1000,
   3000000, 1, 0);
INSERT INTO rollup_day (org, bucket_us, cost_center, team, project, user_name, model, meter, quantity,
  cost_nano_usd, requests, overrun_nano_usd) VALUES
  ('acme', 1793491200000000, 'cc-1', 'search', 'web', 'alice', 'claude-sonnet-4-5', 'input', 1000,
   3000000, 1, 0);
