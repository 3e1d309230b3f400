// What one read of a device shows, list by list, as it is met: whose each entry is, and what the order makes of it.
#pragma once

#include "core/driver/driver.hpp"
#include "core/driver/entry_text.hpp"
#include "core/driver/installed.hpp"
#include "core/reading/parse.hpp"
#include "core/reading/rule_order.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace banpush {

// The text as a whole number; nothing where it is none.
std::optional<std::uint64_t> whole_number_in(std::string_view text);

class Collector {
public:
  Collector(const Driver &driver, const Read &read, const Values &values);

  // The key of the list a device calls so; empty when it is none of ours.
  std::string key_of(std::string_view name) const;
  std::string only_list() const { return read_.lists.size() == 1 ? read_.lists.front() : std::string(); }
  ListState &state(const std::string &key);

  // `list`: the key, or empty where the reply does not say and family and kind decide. `why_not`: why it is not in force, if so.
  void entry(const Pieces &shown, std::string list, std::string_view text, const std::string &why_not);
  // A line that is none of the driver's entries: what it lets through cannot be told.
  void unknown(const std::string &list, std::string_view text, std::optional<std::string_view> number);
  void terminal(const std::string &list, std::optional<std::string_view> number, std::string_view text);

  Installed finish() &&;

private:
  enum class Owner { Ours, IfKnown, Others };

  std::string list_of(const Prefix &prefix, const Service &service) const;
  bool may_hold(const std::string &key, const Prefix &prefix) const;
  Owner owner_of(const Pieces &pieces, const std::string &key, const Prefix &prefix) const;
  void foreign(const std::string &list, std::string_view text, const EntryText &read, const Pieces &pieces);
  void rule(const std::string &list, Rule made);
  void put_specific_first(std::vector<Rule> &rules) const;

  const Driver &driver_;
  const Read &read_;
  std::map<std::string, std::string> names_;       // device's name → key
  std::map<std::string, std::vector<Rule>> rules_; // by list, as they were read
  Installed found_;
};

} // namespace banpush
