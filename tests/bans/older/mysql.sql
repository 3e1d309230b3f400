-- What banpush of schema 1 (version 0.1 before the columns ports, protocols and note) says to its side tables: a ban, the same
-- ban for longer, an unban, a ban anew, the allowlist, a reporter, and a prune. Values stand where it binds them.
REPLACE INTO banpush_reporter (hostname, address, seen) VALUES ('web1', '198.51.100.9', UTC_TIMESTAMP());
INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES ('web1', NOW(), 'sshd', 'tcp', '22', '203.0.113.1');
REPLACE INTO banpush_ban (ban_table, ip, created, hostname, name, since, `until`, reason, actor, token, changed) SELECT 'fail2ban', ip, created, hostname, name, UTC_TIMESTAMP(), DATE_ADD(UTC_TIMESTAMP(), INTERVAL 600 SECOND), 'a reason', 'ann', NULL, UTC_TIMESTAMP(6) FROM fail2ban WHERE ip = '203.0.113.1';
INSERT IGNORE INTO banpush_ban (ban_table, ip, created, hostname, name, changed) SELECT 'fail2ban', ip, created, hostname, name, UTC_TIMESTAMP(6) FROM fail2ban WHERE ip = '203.0.113.1';
UPDATE banpush_ban SET changed = UTC_TIMESTAMP(6), revoked = NULL, revoker = NULL, revoked_by = '', since = UTC_TIMESTAMP(), `until` = DATE_ADD(UTC_TIMESTAMP(), INTERVAL 3600 SECOND), actor = 'ann' WHERE ban_table = 'fail2ban' AND ip = '203.0.113.1';
INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES ('web1', NOW(), 'sshd', 'tcp', '22', '203.0.113.2');
INSERT IGNORE INTO banpush_ban (ban_table, ip, created, hostname, name, changed) SELECT 'fail2ban', ip, created, hostname, name, UTC_TIMESTAMP(6) FROM fail2ban WHERE ip = '203.0.113.2';
UPDATE banpush_ban SET revoked = UTC_TIMESTAMP(), revoker = 'operator', revoked_by = 'ann', changed = UTC_TIMESTAMP(6) WHERE ban_table = 'fail2ban' AND ip = '203.0.113.2';
INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES ('web1', NOW(), 'sshd', 'tcp', '22', '203.0.113.3');
REPLACE INTO banpush_ban (ban_table, ip, created, hostname, name, since, `until`, reason, actor, token, changed) SELECT 'fail2ban', ip, created, hostname, name, UTC_TIMESTAMP(), DATE_ADD(UTC_TIMESTAMP(), INTERVAL 600 SECOND), '', 'ann', 'a-token', UTC_TIMESTAMP(6) FROM fail2ban WHERE ip = '203.0.113.3';
DELETE FROM fail2ban WHERE ip = '203.0.113.3';
DELETE FROM banpush_ban WHERE ban_table = 'fail2ban' AND ip = '203.0.113.3';
REPLACE INTO banpush_allow (prefix, reason, actor, created) VALUES ('192.0.2.0/24', 'office', 'ann', UTC_TIMESTAMP());
REPLACE INTO banpush_allow (prefix, reason, actor, created) VALUES ('198.51.100.0/24', '', 'ann', UTC_TIMESTAMP());
DELETE FROM banpush_allow WHERE prefix = '198.51.100.0/24';
