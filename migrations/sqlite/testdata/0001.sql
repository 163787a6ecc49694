INSERT INTO ledger_keys (charge_key, occurred_at_us) VALUES
  (x'30313233343536373839616263646566', 1793491200000001),
  (x'66656463626139383736353433323130', 1793491200000001);
INSERT INTO ledger_entries (charge_key, line, org, kind, reservation_id, occurred_at_us, recorded_at_us, attempt,
  model, subject_model, priced_as, service_tier, meter, quantity, unit_price_nano_per_million, cost_nano_usd,
  price_version, team, project, user_name, api_key, labels, cost_center, held_nano_usd, overrun_nano_usd, late,
  unreserved, recorded, unpriced, spooled, corrects_key, reason) VALUES
  (x'30313233343536373839616263646566', 0, 'acme', 'usage', 'r1', 1793491200000001,
   1793491200500000, 0, 'claude-sonnet-4-5', 'claude-sonnet-4-5', '', 'standard',
   'input', 1200, 3000000000, 3600000, '2026-11', 'search', 'web', 'alice', 'k1',
   '{"session":"s1"}', 'cc-1', 15600000, 0, 0, 0,
   0, 0, 0, NULL, NULL),
  (x'66656463626139383736353433323130', 1, 'acme', 'correction', 'r1', 1793491200000001,
   1793491201500000, 0, 'claude-sonnet-4-5', 'claude-sonnet-4-5', '',
   'standard', 'input', -200, 3000000000, -600000, '2026-11', 'search', 'web', 'alice', 'k1', '{}',
   'cc-1', 0, 0, 0, 0, 0, 0, 0,
   x'30313233343536373839616263646566', 'counted twice');
INSERT INTO rollup_hour (org, bucket_us, cost_center, team, project, user_name, model, meter, quantity,
  cost_nano_usd, requests, overrun_nano_usd) VALUES
  ('acme', 1793491200000000, 'cc-1', 'search', 'web', 'alice', 'claude-sonnet-4-5', 'input', 1000,
   3000000, 1, 0);
INSERT INTO rollup_day (org, bucket_us, cost_center, team, project, user_name, model, meter, quantity,
  cost_nano_usd, requests, overrun_nano_usd) VALUES
  ('acme', 1793491200000000, 'cc-1', 'search', 'web', 'alice', 'claude-sonnet-4-5', 'input', 1000,
   3000000, 1, 0);
