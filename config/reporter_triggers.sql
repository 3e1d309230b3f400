-- Optional, for MariaDB and MySQL: the database writes down who a reporter is, and what a client says of itself does not count.
--   mariadb fail2ban < reporter_triggers.sql
-- Each reporting host needs an account of its own, with the name that `banpush list` is to show: CREATE USER web1@'192.0.2.21' …
-- and says that name itself (`banpush ban --hostname web1`, in fail2ban's action `hostname = web1`), or its bans and its notes
-- on them do not find each other. Whoever makes the triggers needs the right TRIGGER, and keeps his account: they act as him.
-- To be without them again: DROP TRIGGER banpush_names_reporter; DROP TRIGGER banpush_names_address;

CREATE TRIGGER banpush_names_reporter BEFORE INSERT ON fail2ban FOR EACH ROW
  SET NEW.hostname = SUBSTRING_INDEX(USER(), '@', 1);

-- The addresses that are never blocked because reporters come from there: those that the database sees.
CREATE TRIGGER banpush_names_address BEFORE INSERT ON banpush_reporter FOR EACH ROW
  SET NEW.hostname = SUBSTRING_INDEX(USER(), '@', 1), NEW.address = SUBSTRING_INDEX(USER(), '@', -1);
