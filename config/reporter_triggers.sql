-- Optional, for MariaDB and MySQL: the database writes down who a reporter is, and what a client says of itself does not count.
--   mariadb fail2ban < reporter_triggers.sql
-- Each reporting host needs an account of its own, with the name that `banpush list` is to show: CREATE USER web1@'192.0.2.21' …
-- and says that name itself (`banpush ban --hostname web1`, in fail2ban's action `hostname = web1`), or its bans and its notes
-- on them do not find each other. Whoever makes the triggers needs the right TRIGGER, and keeps his account: they act as him.
-- The server has to run with skip_name_resolve (`SELECT @@skip_name_resolve` says 1): where it resolves names, what it sees of a
-- client is a name and no address, and a reporter is not protected by what stands in banpush_reporter.
-- To be without them again: DROP TRIGGER banpush_names_reporter; DROP TRIGGER banpush_names_address; DROP TRIGGER banpush_keeps_address;

DROP TRIGGER IF EXISTS banpush_names_reporter;
DROP TRIGGER IF EXISTS banpush_names_address;
DROP TRIGGER IF EXISTS banpush_keeps_address;

CREATE TRIGGER banpush_names_reporter BEFORE INSERT ON fail2ban FOR EACH ROW
  SET NEW.hostname = SUBSTRING_INDEX(USER(), '@', 1);

-- The addresses that are never blocked because reporters come from there: those that the database sees.
CREATE TRIGGER banpush_names_address BEFORE INSERT ON banpush_reporter FOR EACH ROW
  SET NEW.hostname = SUBSTRING_INDEX(USER(), '@', 1), NEW.address = SUBSTRING_INDEX(USER(), '@', -1);

-- Nobody takes away what protects another reporter, but the account that has made these triggers.
DELIMITER //
CREATE TRIGGER banpush_keeps_address BEFORE DELETE ON banpush_reporter FOR EACH ROW
  IF SUBSTRING_INDEX(USER(), '@', 1) NOT IN (OLD.hostname, SUBSTRING_INDEX(CURRENT_USER(), '@', 1)) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'a line of banpush_reporter is removed by its own account, or by that of the triggers';
  END IF//
DELIMITER ;
