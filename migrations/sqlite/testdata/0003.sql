INSERT INTO statement_closes VALUES
  ('acme', 1, '2026-10', 'Europe/Berlin', 'close-1', '{}', 1793577600000000, 1, 1);
INSERT INTO statements VALUES
  ('acme', 1, '2026-10', 'cc-1', 1, 3000000, 0, 0, 0, 0, 0, 3000000, 'USD', 0, '{}',
   x'30313233343536373839616263646566');
INSERT INTO statement_lines VALUES
  ('acme', 1, 0, 'usage', '2026-10', '', 'cc-1', 'search', 'web', 'claude-sonnet-4-5', 'input',
   1000, 3000000, 1, 0);
INSERT INTO statement_days VALUES ('acme', 1, 'team', '2026-10-31', 'search', 3000000);
