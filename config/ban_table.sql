-- The shared ban table for MySQL or MariaDB, and banpush's own tables beside it. `banpush init` makes the
-- same (with ENGINE=InnoDB for the ban table, see docs/ban-table.md); this file is for those who prefer to
-- do it by hand: mariadb fail2ban < ban_table.sql. Nothing that stands already is altered.

-- The table that fail2ban's writers share. Other engines do as well; on a Galera cluster it must be InnoDB.
CREATE TABLE IF NOT EXISTS fail2ban (
  id bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  hostname varchar(255) COLLATE utf8_unicode_ci NOT NULL,
  created datetime NOT NULL,
  name text COLLATE utf8_unicode_ci NOT NULL,
  protocol varchar(16) COLLATE utf8_unicode_ci NOT NULL,
  port varchar(32) COLLATE utf8_unicode_ci NOT NULL,
  ip varchar(64) COLLATE utf8_unicode_ci NOT NULL,
  PRIMARY KEY (id),
  KEY hostname (hostname,ip)
) ENGINE=MyISAM DEFAULT CHARSET=utf8 COLLATE=utf8_unicode_ci;

-- What the columns above cannot hold, by natural key. Times are UTC.
CREATE TABLE IF NOT EXISTS banpush_ban (
  ban_table varchar(64) NOT NULL,
  ip varchar(64) NOT NULL,
  created datetime(6) NOT NULL,
  hostname varchar(255) NOT NULL,
  name varchar(255) NOT NULL,
  since datetime DEFAULT NULL,
  `until` datetime DEFAULT NULL,
  reason text DEFAULT NULL,
  actor varchar(255) NOT NULL DEFAULT '',
  revoked datetime DEFAULT NULL,
  revoker varchar(16) DEFAULT NULL,
  revoked_by varchar(255) NOT NULL DEFAULT '',
  token varchar(64) DEFAULT NULL,
  changed datetime(6) NOT NULL,
  ports text DEFAULT NULL,
  protocols text DEFAULT NULL,
  note text DEFAULT NULL,
  PRIMARY KEY (ban_table,ip,created,hostname,name),
  UNIQUE KEY token (token),
  KEY changed (changed)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC;

-- The allowlist that all pushers share: `banpush allow`.
CREATE TABLE IF NOT EXISTS banpush_allow (
  prefix varchar(64) NOT NULL,
  reason text DEFAULT NULL,
  actor varchar(255) NOT NULL DEFAULT '',
  created datetime NOT NULL,
  PRIMARY KEY (prefix)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC;

-- Where the writers come from: those addresses are never blocked.
CREATE TABLE IF NOT EXISTS banpush_reporter (
  hostname varchar(255) NOT NULL,
  address varchar(64) NOT NULL,
  seen datetime NOT NULL,
  PRIMARY KEY (hostname,address)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC;

-- Which of several pushers works on what.
CREATE TABLE IF NOT EXISTS banpush_lease (
  name varchar(64) NOT NULL,
  holder varchar(255) NOT NULL,
  epoch bigint(20) unsigned NOT NULL,
  `until` datetime(6) NOT NULL,
  PRIMARY KEY (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC;

-- Which columns the tables above have: 1 (or no row) lacks ports, protocols and note of banpush_ban, which
-- `banpush init` adds. The highest counts.
CREATE TABLE IF NOT EXISTS banpush_schema (
  version int(10) unsigned NOT NULL,
  since datetime NOT NULL,
  PRIMARY KEY (version)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC;
INSERT IGNORE INTO banpush_schema (version, since) VALUES (2, UTC_TIMESTAMP());
