#include "core/driver/entry_text.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <string>

using namespace banpush;

namespace {

EntryText read(const std::map<std::string, std::string> &said) {
  const Pieces pieces = [&said](std::string_view name) -> std::optional<std::string_view> {
    const auto found = said.find(std::string(name));
    return found == said.end() ? std::nullopt : std::optional<std::string_view>(found->second);
  };
  return entry_of(pieces);
}

} // namespace

TEST_CASE("an IPv6 entry for a mapped address is no entry of the IPv4 address and holds no ban of it") {
  using Said = std::map<std::string, std::string>;
  for (const Said &said : {Said{{"prefix", "::ffff:203.0.113.7"}}, Said{{"prefix", "::ffff:203.0.113.0/120"}},
                           Said{{"address", "::ffff:cb00:7107"}}, Said{{"address", "::ffff:203.0.113.0"}, {"length", "24"}},
                           Said{{"first", "::ffff:203.0.113.0"}, {"last", "::ffff:203.0.113.255"}}}) {
    const EntryText entry = read(said);
    INFO(said.begin()->second);
    CHECK(!entry.block);
    CHECK(!entry.covers);
    CHECK(!entry.around);
  }
  CHECK(read({{"prefix", "203.0.113.7"}}).block.has_value());
  CHECK(read({{"prefix", "2001:db8::7"}}).block.has_value());
}

TEST_CASE("masks of IPv6 are read as templates write them") {
  const Prefix net = Prefix::require("2001:db8:1::/48");
  CHECK(read({{"address", "2001:db8:1::"}, {"netmask", net.netmask()}}).block->prefix == net);
  CHECK(read({{"address", "2001:db8:1::"}, {"wildcard", net.wildcard()}}).block->prefix == net);
  CHECK(read({{"address", "2001:db8::7"}, {"netmask", Prefix::require("2001:db8::7").netmask()}}).block->prefix.is_host());
  CHECK_FALSE(read({{"address", "2001:db8:1::"}, {"netmask", "255.255.255.0"}}).block);
  CHECK_FALSE(read({{"address", "203.0.113.0"}, {"netmask", "ffff:ff00::"}}).block);
}
