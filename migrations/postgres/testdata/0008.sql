INSERT INTO anomaly_states (org, through_us, state, saved_at_us) VALUES ('acme', 1793491200000000, '\x0102', 1793491260000000);
