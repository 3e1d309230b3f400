#include "core/address/block.hpp"

#include <catch2/catch.hpp>

using namespace banpush;

TEST_CASE("services have one spelling") {
  const std::pair<const char *, const char *> cases[] = {{"any", "any"},
                                                         {"tcp", "tcp"},
                                                         {"tcp/22", "tcp/22"},
                                                         {"tcp/22-22", "tcp/22"},
                                                         {"udp/5000-5010", "udp/5000-5010"},
                                                         {"icmp", "icmp"},
                                                         {"6/22", "tcp/22"},
                                                         {"47", "gre"},
                                                         {"41", "41"},
                                                         {"ipv6-icmp", "icmpv6"},
                                                         {"sctp/1-65535", "sctp"},
                                                         {"tcp/0-65535", "tcp"}};
  for (const auto &[text, expected] : cases) {
    INFO(text);
    const auto service = Service::parse(text);
    REQUIRE(service.has_value());
    CHECK(service->text() == expected);
    CHECK(Service::parse(expected).value() == *service);
  }
  for (const char *text :
       {"",       "TCP",    "tcp/",   "tcp/0", "tcp/022", "tcp/65536", "tcp/22-",   "tcp/-22",   "tcp/30-20", "tcp/ssh",
        "tcp 22", "icmp/8", "any/22", "0",     "255",     "256",       "tcp/22,23", "tcp/22/23", " tcp",      "tcp/22 "}) {
    INFO(text);
    CHECK_FALSE(Service::parse(text).has_value());
  }
}

TEST_CASE("a block is a prefix and perhaps a service") {
  CHECK(Block::parse("203.0.113.7/32")->text() == "203.0.113.7/32");
  CHECK(Block::parse("203.0.113.7")->text() == "203.0.113.7/32");
  CHECK(Block::parse("203.0.113.7/32 tcp/22")->text() == "203.0.113.7/32 tcp/22");
  CHECK(Block::parse("2001:db8::/64 udp")->text() == "2001:db8::/64 udp");
  CHECK(Block::parse("203.0.113.7/32 any")->text() == "203.0.113.7/32");
  for (const char *text : {"", "203.0.113.7 ", "203.0.113.7  tcp", " 203.0.113.7", "203.0.113.7 tcp/22 x", "tcp/22"})
    CHECK_FALSE(Block::parse(text).has_value());
  CHECK(Block::parse("203.0.113.7 tcp/x").error().column == 17);
  CHECK(Block::parse("203.0.113.7").value() < Block::parse("203.0.113.7 tcp/22").value());
}
