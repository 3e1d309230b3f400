-- What banpush of schema 1 (version 0.1 before the columns ports, protocols and note) says to its side tables: a ban, the same
-- ban for longer, an unban, a ban anew, the allowlist, a reporter, and a prune. Values stand where it binds them.
REPLACE INTO banpush_reporter (hostname, address, seen) VALUES ('web1', '198.51.100.9', datetime('now'));
INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES ('web1', datetime('now', 'localtime'), 'sshd', 'tcp', '22', '203.0.113.1');
REPLACE INTO banpush_ban (ban_table, ip, created, hostname, name, since, `until`, reason, actor, token, changed) SELECT 'fail2ban', ip, created, hostname, name, datetime('now'), datetime('now', '600 seconds'), 'a reason', 'ann', NULL, strftime('%Y-%m-%d %H:%M:%f', 'now') FROM fail2ban WHERE ip = '203.0.113.1';
INSERT OR IGNORE INTO banpush_ban (ban_table, ip, created, hostname, name, changed) SELECT 'fail2ban', ip, created, hostname, name, strftime('%Y-%m-%d %H:%M:%f', 'now') FROM fail2ban WHERE ip = '203.0.113.1';
UPDATE banpush_ban SET changed = strftime('%Y-%m-%d %H:%M:%f', 'now'), revoked = NULL, revoker = NULL, revoked_by = '', since = datetime('now'), `until` = datetime('now', '3600 seconds'), actor = 'ann' WHERE ban_table = 'fail2ban' AND ip = '203.0.113.1';
INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES ('web1', datetime('now', 'localtime'), 'sshd', 'tcp', '22', '203.0.113.2');
INSERT OR IGNORE INTO banpush_ban (ban_table, ip, created, hostname, name, changed) SELECT 'fail2ban', ip, created, hostname, name, strftime('%Y-%m-%d %H:%M:%f', 'now') FROM fail2ban WHERE ip = '203.0.113.2';
UPDATE banpush_ban SET revoked = datetime('now'), revoker = 'operator', revoked_by = 'ann', changed = strftime('%Y-%m-%d %H:%M:%f', 'now') WHERE ban_table = 'fail2ban' AND ip = '203.0.113.2';
INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) VALUES ('web1', datetime('now', 'localtime'), 'sshd', 'tcp', '22', '203.0.113.3');
REPLACE INTO banpush_ban (ban_table, ip, created, hostname, name, since, `until`, reason, actor, token, changed) SELECT 'fail2ban', ip, created, hostname, name, datetime('now'), datetime('now', '600 seconds'), '', 'ann', 'a-token', strftime('%Y-%m-%d %H:%M:%f', 'now') FROM fail2ban WHERE ip = '203.0.113.3';
DELETE FROM fail2ban WHERE ip = '203.0.113.3';
DELETE FROM banpush_ban WHERE ban_table = 'fail2ban' AND ip = '203.0.113.3';
REPLACE INTO banpush_allow (prefix, reason, actor, created) VALUES ('192.0.2.0/24', 'office', 'ann', datetime('now'));
REPLACE INTO banpush_allow (prefix, reason, actor, created) VALUES ('198.51.100.0/24', '', 'ann', datetime('now'));
DELETE FROM banpush_allow WHERE prefix = '198.51.100.0/24';
