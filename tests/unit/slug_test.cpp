#include "core/address/slug.hpp"

#include <catch2/catch.hpp>

using namespace banpush;

TEST_CASE("slugs: names of prefixes, read back") {
  CHECK(slug_of(Prefix::require("203.0.113.7"), 28) == "203-0-113-7-32");
  CHECK(slug_of(Prefix::require("255.255.255.255"), 28) == "255-255-255-255-32");
  CHECK(slug_of(Prefix::require("2001:db8::1"), 28) == "2001-db8--1-128");
  const std::string longest = "2001:db8:1111:2222:3333:4444:5555:6666/128";
  CHECK(slug_of(Prefix::require(longest), 64) == "2001-db8-1111-2222-3333-4444-5555-6666-128");
  for (const char *text : {"203.0.113.7/32", "198.51.100.0/24", "2001:db8::1/128", "2001:db8:1111:2222:3333:4444:5555:6666/128",
                           "2001:db8:1111:2222:3333:4444:5555:6660/124", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
                           "2001:db8:1111:2222:3333:4444::/96", "::1234:5678:9abc:def0:1234:5678/128"})
    for (const std::size_t most : {std::size_t{28}, std::size_t{64}}) {
      INFO(text);
      const Prefix prefix = Prefix::require(text);
      const std::string name = slug_of(prefix, most);
      CHECK(name.size() <= most);
      CHECK(name.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz-") == std::string::npos);
      REQUIRE(prefix_of_slug(name));
      CHECK(*prefix_of_slug(name) == prefix);
    }
  for (const char *none : {"", "6", "6000000000000000000000000000", "6zzzzzzzzzzzzzzzzzzzzzzzzz3k", "600000000000000000000000003zz",
                           "60000000000000000000000000A3k", "7000000000000000000000000010", "mail", "6-"})
    if (std::string_view(none) != "6000000000000000000000000000") // ::/0
      CHECK_FALSE(prefix_of_slug(none));
}
