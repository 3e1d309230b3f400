#include "core/address/prefix.hpp"

#include <catch2/catch.hpp>

using namespace banpush;

namespace {

std::string canonical(std::string_view text) {
  const auto prefix = Prefix::parse(text);
  return prefix ? prefix->text() : "refused: " + prefix.error().what;
}

Prefix prefix(std::string_view text) { return Prefix::require(text); }

} // namespace

TEST_CASE("an address has one spelling") {
  const std::pair<const char *, const char *> cases[] = {
      {"203.0.113.7", "203.0.113.7/32"},
      {"0.0.0.0", "0.0.0.0/32"},
      {"255.255.255.255", "255.255.255.255/32"},
      {"203.0.113.0/24", "203.0.113.0/24"},
      {"0.0.0.0/0", "0.0.0.0/0"},
      {"2001:DB8::1", "2001:db8::1/128"},
      {"2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1/128"},
      {"2001:db8::/32", "2001:db8::/32"},
      {"::", "::/128"},
      {"::/0", "::/0"},
      {"::1", "::1/128"},
      {"1::", "1::/128"},
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1/128"}, // RFC 5952, 4.2.2: one group is not shortened
      {"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1/128"},
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1/128"},       // 4.2.3: the longest run
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1/128"}, // the first of equal ones
      {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::/128"},
      {"0:0:3:4:5:6:7:8", "::3:4:5:6:7:8/128"},
      {"::3:4:5:6:7:8", "::3:4:5:6:7:8/128"},
      {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0/128"},
      {"64:ff9b::192.0.2.33", "64:ff9b::c000:221/128"},
      {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304/128"},
      {"::1.2.3.4", "::102:304/128"},
      {"::ffff:1.2.3.4", "1.2.3.4/32"},
      {"::ffff:102:304", "1.2.3.4/32"},
      {"::FFFF:1.2.3.0/120", "1.2.3.0/24"},
      {"::ffff:0:0/96", "0.0.0.0/0"},
      {"0:0:0:0:0:ffff:203.0.113.7", "203.0.113.7/32"},
  };
  for (const auto &[text, expected] : cases) {
    INFO(text);
    CHECK(canonical(text) == expected);
    CHECK(canonical(expected) == expected);
  }
}

TEST_CASE("what is not strictly an address is refused") {
  const char *const cases[] = {
      "",
      " ",
      "203.0.113.7 ",
      " 203.0.113.7",
      "203.0.113.7\n",
      "203.0.113.7\t/32",
      "203.0.113",
      "203.0.113.",
      "203.0.113.7.1",
      ".0.113.7",
      "203..113.7",
      "010.1.1.1",
      "1.1.1.01",
      "00.0.0.0",
      "1.1.1.256",
      "1.1.1.1000",
      "1.1.1.99999999999999999999",
      "0x7f.0.0.1",
      "2130706433",
      "127.1",
      "1.2.3.4/33",
      "1.2.3.4/032",
      "1.2.3.4/",
      "1.2.3.4/+8",
      "1.2.3.4/-1",
      "1.2.3.4/8 ",
      "1.2.3.4/255.255.255.255",
      "1.2.3.4/32/32",
      "1.2.3.4:22",
      "-1.2.3.4",
      "+1.2.3.4",
      "fe80::1%eth0",
      "fe80::1%25eth0",
      "fe80::%1/64",
      "[::1]",
      "::1::",
      "1::2::3",
      ":::",
      ":1",
      "1:",
      ":",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "1:2:3:4:5:6:7:8::",
      "::1:2:3:4:5:6:7:8",
      "12345::",
      "g::1",
      "2001:db8::/129",
      "2001:db8::/",
      "::ffff:1.2.3",
      "::ffff:01.2.3.4",
      "::ffff:1.2.3.4.5",
      "1:2:3:4:5:6:7:1.2.3.4",
      "::1.2.3.4:5",
      "::ffff:1.2.3.256",
      "1.2.3.4::",
      "2001:db8::1 ",
      "example.org",
      "localhost",
      "1.2.3.4;reload",
      "' OR 1=1 --",
      "\xd9\xa1.\xd9\xa2.\xd9\xa3.\xd9\xa4",
      "\xef\xbc\x91.2.3.4",
      "1\xe3\x80\x82"
      "2.3.4",
      "\xe2\x80\x8b"
      "1.2.3.4",
  };
  for (const char *text : cases) {
    INFO(text);
    CHECK_FALSE(Prefix::parse(text).has_value());
    CHECK_FALSE(Prefix::parse(text, HostBits::Clear).has_value());
  }
  CHECK_FALSE(Prefix::parse(std::string_view("1.2.3.4\0", 8)).has_value());
  CHECK_FALSE(Prefix::parse(std::string_view("1.2.3.4\0.5", 10)).has_value());
  CHECK_FALSE(Prefix::parse(std::string(100000, '1')).has_value());
  CHECK_FALSE(Prefix::parse("::" + std::string(100000, '0')).has_value());
}

TEST_CASE("host bits are refused unless asked for") {
  for (const auto &[text, cleared] : {std::pair{"198.51.100.7/24", "198.51.100.0/24"},
                                      {"1.2.3.4/0", "0.0.0.0/0"},
                                      {"2001:db8::1/64", "2001:db8::/64"},
                                      {"::1/127", "::/127"},
                                      {"::ffff:1.2.3.4/120", "1.2.3.0/24"},
                                      {"255.255.255.255/31", "255.255.255.254/31"}}) {
    INFO(text);
    CHECK_FALSE(Prefix::parse(text).has_value());
    CHECK(Prefix::parse(text, HostBits::Clear)->text() == cleared);
  }
  CHECK(Prefix::parse("198.51.100.7/24").error().what == "not a network address: bits are set behind /24; did you mean 198.51.100.0/24?");
}

TEST_CASE("a problem says where") {
  CHECK(Prefix::parse("203.0.113.300").error().column == 11);
  CHECK(Prefix::parse("203.0.113.7/33").error().column == 13);
  CHECK(Prefix::parse("fe80::1%eth0").error().what == "an address with a zone id");
  CHECK(Prefix::parse("fe80::1%eth0").error().column == 8);
  CHECK(Prefix::parse("010.1.1.1").error().what == "an octet with a leading zero may be meant as octal");
  CHECK_THROWS_WITH(Prefix::require("1.2.3.4\n"), "\"1.2.3.4\\x0a\" is no address or prefix: \\x0a after the address (column 8)");
  try {
    Prefix::require("x", ErrorKind::Config);
    FAIL("nothing thrown");
  } catch (const Error &error) {
    CHECK(error.kind() == ErrorKind::Config);
  }
}

TEST_CASE("arithmetic on prefixes") {
  CHECK(prefix("10.0.0.0/8").contains(prefix("10.255.0.0/16")));
  CHECK(prefix("10.0.0.0/8").contains(prefix("10.0.0.0/8")));
  CHECK_FALSE(prefix("10.0.0.0/16").contains(prefix("10.0.0.0/8")));
  CHECK_FALSE(prefix("0.0.0.0/0").contains(prefix("::/0")));
  CHECK(prefix("::/0").contains(prefix("2001:db8::1")));
  CHECK(prefix("2001:db8::/65").contains(prefix("2001:db8::1")));
  CHECK_FALSE(prefix("2001:db8::/65").contains(prefix("2001:db8:0:0:8000::")));
  CHECK(prefix("10.0.0.0/16").overlaps(prefix("10.0.0.0/8")));
  CHECK_FALSE(prefix("10.0.0.0/9").overlaps(prefix("10.128.0.0/9")));

  CHECK(prefix("203.0.113.7").with_length(24) == prefix("203.0.113.0/24"));
  CHECK(prefix("203.0.113.0/24").with_length(26) == prefix("203.0.113.0/26"));
  CHECK(prefix("2001:db8::ffff").with_length(64) == prefix("2001:db8::/64"));
  CHECK(prefix("203.0.113.6").sibling() == prefix("203.0.113.7"));
  CHECK(prefix("203.0.112.0/24").sibling() == prefix("203.0.113.0/24"));
  CHECK(prefix("0.0.0.0/0").sibling() == prefix("0.0.0.0/0"));
  CHECK(prefix("::/1").sibling() == prefix("8000::/1"));
  CHECK(prefix("203.0.113.0/24").last_host() == prefix("203.0.113.255"));
  CHECK(prefix("2001:db8::/64").last_host() == prefix("2001:db8::ffff:ffff:ffff:ffff"));
  CHECK(prefix("::/0").last_host().text() == "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128");
  CHECK(prefix("128.0.0.1").bit(0));
  CHECK(prefix("128.0.0.1").bit(31));
  CHECK_FALSE(prefix("128.0.0.1").bit(30));
}

TEST_CASE("masks") {
  CHECK(prefix("203.0.113.0/24").netmask() == "255.255.255.0");
  CHECK(prefix("203.0.113.0/24").wildcard() == "0.0.0.255");
  CHECK(prefix("203.0.113.7").wildcard() == "0.0.0.0");
  CHECK(prefix("0.0.0.0/0").netmask() == "0.0.0.0");
  CHECK(prefix("2001:db8::/32").netmask() == "ffff:ffff::");
  CHECK(prefix("2001:db8::/32").wildcard() == "::ffff:ffff:ffff:ffff:ffff:ffff");
  for (unsigned length = 0; length <= 32; ++length) {
    const Prefix all = prefix("0.0.0.0/0").with_length(length);
    CHECK(length_of_netmask(all.netmask()).value() == length);
    CHECK(length_of_wildcard(all.wildcard()).value() == length);
  }
  for (unsigned length = 0; length <= 128; ++length) {
    const Prefix all = prefix("2001:db8:1:2:3:4:5:6").with_length(length);
    CHECK(length_of_netmask(all.netmask()).value() == length);
    CHECK(length_of_wildcard(all.wildcard()).value() == length);
  }
  CHECK_FALSE(length_of_netmask("ffff:0:ffff::").has_value());
  CHECK_FALSE(length_of_wildcard("ffff::").has_value());
  CHECK_FALSE(length_of_netmask("255.0.255.0").has_value());
  CHECK_FALSE(length_of_netmask("0.0.0.255").has_value());
  CHECK_FALSE(length_of_wildcard("0.255.0.255").has_value());
  CHECK_FALSE(length_of_wildcard("255.255.255.0").has_value());
  CHECK_FALSE(length_of_netmask("255.255.255.000").has_value());
  CHECK_FALSE(length_of_netmask("24").has_value());
}

TEST_CASE("prefixes sort by family, address, then the wider first") {
  const char *const in_order[] = {"0.0.0.0/0",   "9.9.9.9/32", "10.0.0.0/8", "10.0.0.0/16",   "10.0.0.0/32",   "10.0.0.1/32",
                                  "255.0.0.0/8", "::/0",       "::/128",     "2001:db8::/32", "2001:db8::/64", "2001:db8::1/128"};
  for (std::size_t i = 1; i < std::size(in_order); ++i)
    CHECK(prefix(in_order[i - 1]) < prefix(in_order[i]));
}
