// The rows of the ban table: RawBan as text from strangers, Ban as values, Bans as all of them.
#pragma once

#include "core/address/block.hpp"

#include <array>
#include <chrono>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace banpush {

using Seconds = std::int64_t;
// "Never ends", wherever a length or a remaining time in seconds is meant.
inline constexpr Seconds permanent = std::numeric_limits<Seconds>::max();

// One row as a table hands it over, views valid only while it does. Text is whatever stood there.
struct RawBan {
  std::string_view hostname, created, name, protocol, port, ip;
  Seconds age = 0;                  // by the database's clock; negative where `created` lies in the future
  std::optional<Seconds> until;     // from banpush_ban: seconds still to run, negative when over, `permanent`
  std::optional<Seconds> revoked;   // from banpush_ban: seconds since it was revoked
  bool revoked_by_operator = false; // an operator's unban (all devices), not fail2ban's own (honour_unban)
};

// One row with an address in it. Jail and host are indices into Bans::names.
struct Ban {
  Block block; // the service as the row has it; any where it does not parse to one range
  std::uint32_t jail = 0;
  std::uint32_t host = 0;
  std::int32_t age = 0;          // seconds, clamped to what fits; negative in the future
  std::int32_t until = no_until; // seconds still to run; no_until where the table says nothing
  std::uint8_t source = 0;       // which table, by its place in the configuration
  std::uint8_t protocol = 0;     // as protocol_code() says
  enum class Revoked : std::uint8_t { No, ByFail2ban, ByOperator } revoked = Revoked::No;

  static constexpr std::int32_t no_until = std::numeric_limits<std::int32_t>::min();
  static constexpr std::int32_t never_ends = std::numeric_limits<std::int32_t>::max();
};

// A row that is no ban, kept for people to see: the text escaped and cut to 80 characters.
struct BadRow {
  std::string source, hostname, created, ip, problem;
};

// All rows of all tables, typed. Rows whose ip is no address, or whose jail or hostname nobody could
// have written (control characters, quotes, over 255 bytes), are counted, the first few kept.
class Bans {
public:
  void add(const RawBan &row, std::uint8_t source = 0, std::string_view source_name = {});

  // Puts the rows in order of their address, once, so that the candidates of many policies share the
  // work. Not needed: without it (or after a further add) candidates() orders for itself.
  void settle();
  // Row numbers by prefix as of settle(); empty where that is out of date.
  const std::vector<std::uint32_t> &order() const noexcept { return order_; }

  const std::vector<Ban> &rows() const noexcept { return rows_; }
  const std::string &name(std::uint32_t index) const { return names_[index]; } // of a jail or a host, as text
  std::size_t names() const noexcept { return names_.size(); }
  // Every distinct reporting host, as indices for name().
  const std::vector<std::uint32_t> &hosts() const noexcept { return hosts_; }
  std::size_t bad_rows() const noexcept { return bad_rows_; }
  const std::vector<BadRow> &bad_samples() const noexcept { return bad_samples_; }

private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  std::optional<std::uint32_t> intern(std::string_view text); // nothing for what is no name

  // What the columns `protocol` and `port` of the row before came to: mostly the next one says the same.
  struct Ports {
    std::string protocol, port;
    std::uint8_t number = 0;
    Service service;
  };

  std::vector<Ban> rows_;
  std::vector<std::uint32_t> order_;
  Ports ports_;
  std::array<std::uint32_t, 64> recent_{}; // places in names_, by a rough hash
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> index_;
  std::vector<std::uint32_t> hosts_;
  std::vector<bool> is_host_;
  std::size_t bad_rows_ = 0;
  std::vector<BadRow> bad_samples_;
};

// The numbers of the rows, by prefix (wider ones first); rows of the same prefix in no stated order.
std::vector<std::uint32_t> ordered_by_prefix(const std::vector<Ban> &rows);

// Whether a row may have this text as its jail, hostname, protocol or port: what a person could have written.
bool is_row_text(std::string_view text) noexcept;

// A name made such: a byte that no row may have, or that not every table holds, as %NN; of what is longer than 255 bytes
// the beginning, with a digest of the whole. Blanks around it go.
std::string row_name(std::string_view name);

// The port of a service that fail2ban's own jails name, lower case only; nothing for others.
std::optional<std::uint16_t> known_port(std::string_view service) noexcept;

// Text from strangers made fit to show: control characters, quotes but apostrophes, and non-UTF-8 as \xNN, cut to
// `most` characters with "…".
std::string shown(std::string_view text, std::size_t most = 80);

} // namespace banpush
