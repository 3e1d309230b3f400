// The whole configuration as values, after defaults, groups and devices are merged.
#pragma once

#include "core/driver/driver.hpp"
#include "core/policy/policy.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace banpush {

// Where a secret is to be had; never the secret itself.
struct Secret {
  enum class From { Nowhere, File, Environment, Command } from = From::Nowhere;
  std::string name;                 // path, or name of the variable
  std::vector<std::string> command; // argv, its first output line is the secret
};

struct TableSource {
  std::string name = "bans";
  enum class Kind { Sqlite, Mysql } kind = Kind::Sqlite;
  std::string path; // sqlite file
  std::string user, host, database, socket;
  std::uint16_t port = 3306;
  Secret password;
  std::string table = "fail2ban";
  enum class Tls { Verify, Required, Off } tls = Tls::Verify;
  std::string ca;                                  // file with the authority's certificate; empty: the system's
  double trust = 1.0;                              // multiplies the weight of each of its rows
  std::vector<std::string> only_jails, only_hosts; // wildcards; empty: all
};

struct Attach { // one place where a list is bound, for setup and check
  std::string interface;
  std::string direction = "in";
};

// What has to be reachable after a change because it was before it: a place that takes TCP connections, or a program that ends
// with status 0.
struct Probe {
  std::string host;
  std::uint16_t port = 0;
  std::vector<std::string> command; // argv; empty: host and port
};

struct Login {
  std::string username;
  std::string key;   // private key file; empty: agent, then password
  Secret passphrase; // of the key
  Secret password;
  bool agent = false;
  std::string known_hosts = "/etc/banpush/known_hosts";
  bool legacy_algorithms = false; // old key exchanges and ciphers, per device
  Pattern password_question;      // how keyboard-interactive asks for the password here, where the driver does not know it
  std::string jump;               // user@host:port of a host to go through
};

struct Device {
  std::string name;
  std::string driver;                 // key of Config::drivers
  std::vector<std::string> addresses; // `local` alone: this host
  std::uint16_t port = 0;             // 0: the transport's own (22, 830)
  std::vector<std::string> groups;
  std::optional<TransportKind> transport; // instead of the driver's first
  Login login;
  Secret enable;
  std::vector<std::string> run_with; // exec: argv put before every program (sudo -n; ip netns exec r1)
  std::vector<Attach> attach;
  std::map<std::string, std::string> params; // as given, checked against the driver's
  std::map<std::string, Secret> secrets;     // of them, those of the type secret
  Policy policy;
  Limits limits;
  std::optional<std::size_t> budget4, budget6;
  struct Save {
    enum class When { Never, Each, Daily } when = When::Never;
    int minute_of_day = 0;
  } save;
  Seconds confirm = 120; // how long a device waits for the confirm before it rolls back
  enum class ConfirmWhen { Always, Risky, Never } confirm_when = ConfirmWhen::Risky; // what goes under its dead-man
  std::vector<Probe> probe;
  bool accept_unproven = false;
  bool keep_setup = true;                    // of this host: what `setup` made and somebody took away, the service makes again
  Seconds connect_timeout = 10, silence = 0; // 0: the driver's
  std::string file;                          // where it stands, for messages: path:line:column
  bool is_local() const noexcept { return addresses.size() == 1 && addresses.front() == "local"; }
};

// What the service offers over HTTP.
struct HttpSettings {
  enum class Offer { Feed, Metrics, Page };
  std::string address = "127.0.0.1"; // an IP address
  std::uint16_t port = 8490;
  std::vector<std::string> names; // what a Host header may say beside addresses, in small letters
  std::string certificate, key;   // files; empty: without TLS
  bool behind_proxy = false;      // whoever asks from elsewhere does so through a proxy that has TLS
  std::vector<Offer> offers{Offer::Feed, Offer::Metrics, Offer::Page};
  struct Token {
    std::string name;
    Secret secret;
    std::vector<Offer> may;
  };
  std::vector<Token> tokens; // none: nobody is asked for one
  bool is_loopback() const noexcept { return address.compare(0, 4, "127.") == 0 || address == "::1"; }
};
const char *word(HttpSettings::Offer offer) noexcept; // as it stands in the configuration

// Who is told of what a person has to know, beside the log. Either a program or a web server.
struct AlertSettings {
  std::vector<std::string> command; // argv
  Secret webhook;                   // the URL: it may be a secret, and then is one
  std::string webhook_url;          // the same, written out
  std::string ca;                   // file of those that a web server's certificate is judged by; empty: the system's
  Secret token;                     // for the web server; Nowhere: none
  Seconds after = minute;           // how long something is so before anybody is told
  Seconds every = minute;           // from one message to the next at least
  std::vector<std::string> leave_out;
};
// What `leave_out` may name.
inline constexpr std::array<const char *, 24> alert_names{"unreachable", "login",    "failing", "unconfirmed", "unsaved", "renamed",
                                                          "list",        "add",      "remove",  "storm",       "span",    "capacity",
                                                          "unproven",    "shadowed", "numbers", "dead_man",    "script",  "protected",
                                                          "allow",       "shortest", "tables",  "state",       "spool",   "http"};

// Of the service's log: sentences for people, or a JSON document a line.
enum class LogForm { Text, Json };

struct ServeSettings {
  std::chrono::milliseconds poll{1000};
  Seconds audit = 15 * minute;
  unsigned workers = 32;
  std::string socket = "/run/banpush/banpush.sock";
  LogForm log = LogForm::Text;
  std::optional<HttpSettings> http;    // nothing: nothing is offered
  std::optional<AlertSettings> alerts; // nothing: nobody is told
};

struct Config {
  std::string path;
  std::vector<TableSource> tables;
  std::string state = "/var/lib/banpush/state.db";
  std::string spool = "/var/lib/banpush/spool.db";
  ServeSettings serve;
  Policy policy;                         // top level, for `ban` and `list`
  std::vector<Device> devices;           // in the file's order
  std::map<std::string, Driver> drivers; // those in use, and all found for `drivers`
  std::vector<std::string> warnings;     // what a rescue verb overlooked; with any, nothing may be pushed
  std::vector<std::string> notes;        // for `check`: settings without effect, families a driver cannot hold

  const Device *device(std::string_view name) const noexcept;
  const Driver &driver(const Device &device) const { return drivers.at(device.driver); }
};

} // namespace banpush
