// The central ban table: one interface, MySQL/MariaDB and SQLite behind it, same schema, same meaning.
#pragma once

#include "core/ban.hpp"
#include "core/config.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace banpush {

// A ban to be written, values already checked.
struct NewBan {
  std::string hostname, jail, protocol, port; // port as the how-to writes it: name or number, empty for all
  Prefix ip;
  std::optional<Seconds> until; // seconds from now, or `permanent`; needs the side tables
  std::string reason, actor;
};

struct AllowRow {
  std::string prefix; // text from the table, to be parsed strictly
  std::string reason, actor, created;
};

// One row for `list`.
struct ListedBan {
  std::string ip, jail, protocol, port, hostname, created;
  Seconds age = 0;
  std::optional<Seconds> until;
  std::optional<Seconds> revoked;
};

enum class Revoker { Operator, Fail2ban };

class BanTable {
public:
  virtual ~BanTable() = default;

  // Creates the ban table and the side tables where they are missing; never alters what stands.
  // Returns what was created, by name. With index: an index on `created` too.
  virtual std::vector<std::string> init(bool with_index) = 0;

  // Streams every row once, drained as fast as the server sends. Throws Error (Table) when the reading
  // ends before the server said it was whole: a cut read is no table.
  virtual void each(const std::function<void(const RawBan &)> &row) = 0;

  // Records the ban at the time of the database. A second one of the same (hostname, jail, ip) still in
  // force extends it instead of adding a row... see docs/ban-table.md. Returns whether a row was added.
  virtual bool ban(const NewBan &ban) = 0;

  // Marks bans of this address revoked (side tables there) or deletes their rows (without). Empty jail
  // or hostname: all. Returns how many were concerned.
  virtual std::size_t unban(const Prefix &ip, const std::string &jail, const std::string &hostname, Revoker who, const std::string &actor) = 0;

  virtual bool has_side_tables() = 0;
  virtual std::vector<AllowRow> allowed() = 0; // empty without side tables
  virtual void allow(const Prefix &prefix, const std::string &reason, const std::string &actor) = 0;
  virtual bool disallow(const Prefix &prefix) = 0; // false: it was not there
  // Addresses the database knows its writers by: (hostname, address) from banpush_reporter.
  virtual std::vector<std::pair<std::string, std::string>> reporters() = 0;
  // Removes rows whose ban ended more than this ago. Returns how many.
  virtual std::size_t prune(Seconds older_than) = 0;
};

// Connects. Throws Error (Table) with what was attempted, on what, and what came back.
std::unique_ptr<BanTable> open_table(const TableSource &source, const std::string &password);

} // namespace banpush
