#include "core/address/prefix_set.hpp"

#include <catch2/catch.hpp>

using namespace banpush;

namespace {

PrefixSet set(std::initializer_list<const char *> texts) {
  std::vector<Prefix> prefixes;
  for (const char *text : texts)
    prefixes.push_back(Prefix::require(text));
  return PrefixSet(prefixes);
}

Prefix prefix(const char *text) { return Prefix::require(text); }

std::string text(const std::vector<Prefix> &prefixes) {
  std::string all;
  for (const Prefix &one : prefixes)
    all += (all.empty() ? "" : " ") + one.text();
  return all;
}

std::string text(const PrefixSet &prefixes) { return text(std::vector<Prefix>(prefixes.begin(), prefixes.end())); }

} // namespace

TEST_CASE("a set is sorted and has no doubles") {
  CHECK(text(set({"10.0.0.1", "::1", "10.0.0.0/24", "10.0.0.1"})) == "10.0.0.0/24 10.0.0.1/32 ::1/128");
  CHECK(set({}).empty());
}

TEST_CASE("membership, cover and overlap") {
  const PrefixSet some = set({"10.0.0.0/8", "10.1.0.0/16", "192.0.2.7", "2001:db8::/32", "198.51.100.0/25"});
  CHECK(some.has(prefix("10.1.0.0/16")));
  CHECK_FALSE(some.has(prefix("10.2.0.0/16")));
  CHECK(some.covers(prefix("10.200.0.1")));
  CHECK(some.covers(prefix("192.0.2.7")));
  CHECK_FALSE(some.covers(prefix("192.0.2.0/24")));
  CHECK_FALSE(some.covers(prefix("0.0.0.0/0")));
  CHECK(some.covers(prefix("2001:db8:1::1")));
  CHECK(some.overlap(prefix("192.0.2.0/24")) == prefix("192.0.2.7"));
  CHECK(some.overlap(prefix("10.1.2.3")) == prefix("10.0.0.0/8"));
  CHECK(some.overlap(prefix("0.0.0.0/0")) == prefix("10.0.0.0/8"));
  CHECK(some.overlap(prefix("::/0")) == prefix("2001:db8::/32"));
  CHECK_FALSE(some.overlap(prefix("192.0.2.8/29")).has_value());
  CHECK_FALSE(some.overlap(prefix("198.51.100.128/25")).has_value());
  CHECK_FALSE(set({}).overlap(prefix("10.0.0.0/8")).has_value());
}

TEST_CASE("collapse merges halves and drops what is inside") {
  CHECK(text(set({"192.0.2.0/25", "192.0.2.128/25"}).collapsed()) == "192.0.2.0/24");
  CHECK(text(set({"192.0.2.0", "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"}).collapsed()) == "192.0.2.0/30 192.0.2.4/32");
  CHECK(text(set({"192.0.2.1", "192.0.2.2"}).collapsed()) == "192.0.2.1/32 192.0.2.2/32");
  CHECK(text(set({"10.0.0.0/8", "10.1.0.0/16", "10.1.1.1"}).collapsed()) == "10.0.0.0/8");
  CHECK(text(set({"0.0.0.0/1", "128.0.0.0/1"}).collapsed()) == "0.0.0.0/0");
  CHECK(text(set({"2001:db8::", "2001:db8::1"}).collapsed()) == "2001:db8::/127");
  CHECK(text(set({"192.0.2.0/24", "192.0.3.0/25", "192.0.3.128/26", "192.0.3.192/26"}).collapsed()) == "192.0.2.0/23");
  CHECK(text(set({"::fffe:0:0/96", "0.0.0.0/0"}).collapsed()) == "0.0.0.0/0 ::fffe:0:0/96");
}

TEST_CASE("a hole is as few prefixes as can be") {
  CHECK(text(set({"192.0.2.77"}).hole(prefix("192.0.2.0/24"))) ==
        "192.0.2.0/26 192.0.2.64/29 192.0.2.72/30 192.0.2.76/32 192.0.2.78/31 192.0.2.80/28 192.0.2.96/27 192.0.2.128/25");
  CHECK(text(set({"192.0.2.0/24"}).hole(prefix("192.0.2.0/24"))).empty());
  CHECK(text(set({"192.0.0.0/16"}).hole(prefix("192.0.2.0/24"))).empty());
  CHECK(text(set({"198.51.100.0/24"}).hole(prefix("192.0.2.0/24"))) == "192.0.2.0/24");
  CHECK(text(set({"192.0.2.0/25", "192.0.2.1", "192.0.2.128/25"}).hole(prefix("192.0.2.0/24"))).empty());
  CHECK(set({"2001:db8::1"}).hole(prefix("2001:db8::/64")).size() == 64);
  // The half that stands for IPv4 space is no block of IPv6.
  CHECK(text(set({"::fffe:0:0/97"}).hole(prefix("::fffe:0:0/95"))) == "::fffe:8000:0/97");
}
