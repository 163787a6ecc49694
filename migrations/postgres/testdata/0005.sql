UPDATE control_head SET number = 7;
INSERT INTO control_requests (org, request_id, action, request_digest, at_us, answer) VALUES
  ('acme', 'req-1', 'CreateDraft', 'd1', 1793491200000000, 'a1'),
  ('acme', 'req-2', 'ActivatePolicy', 'd2', 1793491201000000, '');
INSERT INTO control_items (name, number, body) VALUES
  ('policy/acme', 2, 'body'),
  ('key/0a1b', 7, '');
INSERT INTO policy_versions (
  org, version, state, base_version, fingerprint, author, reason, created_at_us, activated_at_us, activated_by,
  superseded_at_us, change_number, document_number, approvals) VALUES
  ('acme', 1, 'superseded', 0, '0011223344556677', 'token:ci', 'first', 1793491200000000, 1793491201000000, 'token:ci',
   1793491203000000, 4, 1, 1),
  ('acme', 2, 'active', 1, '8899aabbccddeeff', 'token:ci', '', 1793491202000000, 1793491203000000, 'oidc:idp#bob', NULL,
   4, 3, 1),
  ('acme', 3, 'draft', 2, '8899aabbccddeeff', 'oidc:idp#bob', '', 1793491204000000, NULL, NULL, NULL, 5, 5, 2);
INSERT INTO policy_documents (org, version, document) VALUES
  ('acme', 1, 'limits: []'),
  ('acme', 2, 'limits: []'),
  ('acme', 3, 'limits: []');
INSERT INTO policy_authors (org, version, author) VALUES
  ('acme', 1, 'token:ci'),
  ('acme', 2, 'token:ci'),
  ('acme', 3, 'oidc:idp#bob');
INSERT INTO policy_approvals (org, version, approver, approved_at_us, comment) VALUES
  ('acme', 2, 'oidc:idp#bob', 1793491202500000, 'as agreed');
INSERT INTO exceptions (
  org, exception_id, state, scope, raises, start_us, end_us, reason, requester, requested_at_us, decider, decided_at_us,
  decide_comment, revoked_by, revoked_at_us, change_number) VALUES
  ('acme', 'e1', 'approved', '{"user":"alice"}',
   '[{"amount":900000000000,"limit":"user-month","per":["user"]}]', NULL, 1794096000000000, 'launch', 'oidc:idp#alice', 1793491200000000,
   'oidc:idp#bob', 1793491205000000, 'fine', NULL, NULL, 6);
INSERT INTO virtual_keys (
  key_id, org, display_name, team, project, user_name, models, hash, previous_hash, previous_until_us, expires_at_us,
  author, created_at_us, rotated_at_us, revoked_by, revoked_at_us, change_number) VALUES
  ('0a1b', 'acme', 'ci', 'search', '', '', '["claude-*"]', decode(repeat('1f', 32), 'hex'), decode(repeat('2e', 32), 'hex'), 1793494800000000, NULL, 'token:ci',
   1793491200000000, 1793491206000000, NULL, NULL, 7);
INSERT INTO price_books (
  number, version, state, author, reason, created_at_us, active_from_us, activated_by, models, change_number, document)
VALUES
  (1, '2026-11-01', 'activated', 'token:ci', '', 1793491200000000, 1793491207000000, 'token:ci', 2, 7, 'prices: []');
INSERT INTO audit_log (
  org, number, at_us, actor, action, target, outcome, reason, address, before_json, after_json, previous_hash, hash) VALUES
  ('acme', 1, 1793491200000000, 'token:ci', 'CreateDraft', 'policy/1', 'OK', 'first', 'ipv4:127.0.0.1:50412', '',
   '{"version":1}', decode(repeat('00', 32), 'hex'), decode(repeat('3d', 32), 'hex')),
  ('acme', 2, 1793491201000000, 'token:ci', 'ActivatePolicy', 'policy/1', 'PERMISSION_DENIED ROLE_MISSING', '', '', '', '',
   decode(repeat('3d', 32), 'hex'), decode(repeat('4c', 32), 'hex'));
INSERT INTO audit_heads (org, number, hash) VALUES ('acme', 2, decode(repeat('4c', 32), 'hex'));
