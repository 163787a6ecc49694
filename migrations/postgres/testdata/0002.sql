INSERT INTO ledger_keys (charge_key, occurred_at_us) VALUES
  ('\x41424344454647484950515253545556', 1793491300000001);
INSERT INTO ledger_entries (charge_key, line, org, kind, reservation_id, occurred_at_us, recorded_at_us, attempt, model,
    subject_model, priced_as, service_tier, meter, quantity, unit_price_nano_per_million, cost_nano_usd, price_version,
    team, project, user_name, api_key, labels, cost_center, held_nano_usd, overrun_nano_usd, late, unreserved, recorded,
    unpriced, spooled, corrects_key, reason, corrected_at_us, corrected_by, move_key) VALUES
  ('\x41424344454647484950515253545556', 0, 'acme', 'correction', 'r1', 1793491300000001, 1793491300000001, 0,
   'claude-sonnet-4-5', 'claude-sonnet-4-5', '', 'standard', 'input', -100, 3000000000, -300000, '2026-11', 'search',
   'web', 'erased-0123456789abcdef', 'k1', '{}', 'cc-1', 0, 0, 0, 0, 0, 0, 0,
   '\x30313233343536373839616263646566', 'counted twice', 1793491200000001, 'adjustment',
   '\x41424344454647484950515253545556');
INSERT INTO ledger_moves (move_key, org, fingerprint, recorded_at_us, applied_at_us) VALUES
  ('\x41424344454647484950515253545556', 'acme', 7, 1793491300000001, NULL),
  ('\x51424344454647484950515253545556', 'acme', 8, 1793491200000001, 1793491200000099);
INSERT INTO erasure_salt (only_one, salt) VALUES (1, '\x30313233343536373839616263646566');
INSERT INTO erasures (user_digest, org, pseudonym, erased_at_us) VALUES
  ('\x61424344454647484950515253545556', 'acme', 'erased-0123456789abcdef', 1793491250000000);
INSERT INTO ledger_audit (at_us, actor, action, org, detail) VALUES
  (1793491300000001, 'finance', 'adjust', 'acme', '{"id":"a1"}');
INSERT INTO ledger_kept (kind, from_us) VALUES ('entries', 1793491200000000);
