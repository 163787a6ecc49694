INSERT INTO statement_closes (org, close_number, month, time_zone, request_id, rules, closed_at_us, first_number,
  statements) VALUES
  ('acme', 1, '2026-10', 'Europe/Berlin', 'close-1', '{}', 1793577600000000, 1, 1);
INSERT INTO statements (org, number, month, cost_center, active_users, usage_nano_usd, late_nano_usd,
  corrections_nano_usd, markup_nano_usd, seat_fees_nano_usd, shared_costs_nano_usd, total_nano_usd, currency,
  due_nano, document, digest) VALUES
  ('acme', 1, '2026-10', 'cc-1', 1, 3000000, 0, 0, 0, 0, 0, 3000000, 'USD', 0, '{}',
   x'30313233343536373839616263646566');
INSERT INTO statement_lines (org, number, line, kind, month, corrects_month, cost_center, team, project, model,
  meter, quantity, cost_nano_usd, requests, overrun_nano_usd) VALUES
  ('acme', 1, 0, 'usage', '2026-10', '', 'cc-1', 'search', 'web', 'claude-sonnet-4-5', 'input',
   1000, 3000000, 1, 0);
INSERT INTO statement_days (org, number, dimension, day, name, cost_nano_usd) VALUES ('acme', 1, 'team', '2026-10-31', 'search', 3000000);
