INSERT INTO curbs (org, alert, is_freeze, share_permille, scope, limit_id, from_us, until_us, change_number) VALUES
  ('acme', 17, 1, 0, '{"user":"alice"}', '', 1793491200000000, 1793494800000000, 1),
  ('acme', 18, 0, 200, '{}', 'org-month', 1793491200000000, 1793494800000000, 2);
