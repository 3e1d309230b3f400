// The texts of nftables that need no library: lines that add or delete elements, and one table cut out of a
// listing. Pure.
#pragma once

#include "core/address/prefix.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace banpush {

// The family in nft's words: `inet`, `ip6`.
struct NftTableName {
  std::string family, table;
};

// A set as statements name it.
struct NftSetName {
  std::string family, table, set;
  friend bool operator==(const NftSetName &, const NftSetName &) = default;
};

// `add element inet TABLE SET { 203.0.113.7, 198.51.100.0/24 }`, or `delete`.
struct NftStatement {
  enum class Verb { Add, Delete } verb = Verb::Add;
  NftSetName set;
  std::vector<Prefix> prefixes;
};

// The lines as statements, in order. Nothing where a line is anything else: an element with a comment, a range,
// another command.
std::optional<std::vector<NftStatement>> element_statements(std::string_view text);

// Of `nft list ruleset`, the part about one table as `nft list table` shows it; nothing where it is not there.
std::optional<std::string> table_in(std::string_view ruleset, const NftTableName &table);

// The table of `list table inet TABLE`; nothing for any other command.
std::optional<NftTableName> listed_table(const std::string &words);

// Of `nft -j -t list ruleset`, the part about one table as `nft -j list table` shows it: `elements` gives those of a set, as
// json_of() does. Nothing where the table is not there, has maps, or `elements` gives nothing.
std::optional<std::string> with_elements(const std::string &ruleset, const NftTableName &table,
                                         const std::function<std::optional<std::string>(const std::string &set)> &elements);

// An element of a set as the kernel has it: two of them are an interval.
struct NftElement {
  Prefix::Bytes key{};
  bool ends_interval = false; // the first key behind one
};

// From the first address to the last, both in it.
struct NftInterval {
  Prefix::Bytes first{}, last{};
  friend auto operator<=>(const NftInterval &, const NftInterval &) = default;
};
// The intervals that these elements of one set are, in order.
std::vector<NftInterval> intervals_of(std::vector<NftElement> elements, Family family);

enum class NftSetKind { Hosts, Intervals };
// The elements as nft lists them in JSON, without the brackets: `"203.0.113.7", {"prefix": …}, {"range": […]}`.
std::string json_of(std::vector<NftElement> elements, Family family, NftSetKind kind);

} // namespace banpush
