// A private MariaDB server for the tests of the ban table, started by mariadb.py.
#pragma once

#include "settings/config.hpp"

#include <map>
#include <string>
#include <sys/types.h>
#include <vector>

namespace banpush::test {

class MariaDbServer {
public:
  // Started with TLS on first use, stopped when the tests end (or die: it watches our end of a pipe).
  static MariaDbServer &shared();

  explicit MariaDbServer(const std::vector<std::string> &options);
  MariaDbServer(const MariaDbServer &) = delete;
  MariaDbServer &operator=(const MariaDbServer &) = delete;
  ~MariaDbServer();

  const std::string &operator[](const std::string &key) const { return facts_.at(key); } // as mariadb.py names them
  TableSource source(const std::string &database) const;                                 // over TCP, TLS verified
  TableSource over_socket(const std::string &database) const;
  std::string new_database(const std::string &more = {}); // runs `more` in it

  // What the plain client prints, as root; tab-separated, no header. Throws std::runtime_error with its words.
  std::string sql(const std::string &text, const std::string &database = {}) const;
  void send_signal(int number) const; // to the server, by its pid
  void start_again();                 // after SIGKILL

private:
  void read_facts();

  std::map<std::string, std::string> facts_;
  int to_ = -1, from_ = -1; // standard input and output of mariadb.py
  pid_t script_ = -1;
  unsigned databases_ = 0;
};

} // namespace banpush::test
