#include "core/bans/protocols.hpp"

#include <catch2/catch.hpp>

using namespace banpush;

namespace {

bool takes(const std::vector<std::string> &policy, const char *column) { return rows_taken(policy)[protocol_code(column)]; }

} // namespace

TEST_CASE("protocols as other writers spell them") {
  const std::pair<const char *, const char *> cases[] = {{"tcp", "tcp"},
                                                         {"TCP", "tcp"},
                                                         {" udp ", "udp"},
                                                         {"6", "tcp"},
                                                         {"17", "udp"},
                                                         {"icmp6", "icmpv6"},
                                                         {"ICMPv6", "icmpv6"},
                                                         {"58", "icmpv6"},
                                                         {"ipv6-icmp", "icmpv6"},
                                                         {"ip", "all"},
                                                         {"IP", "all"},
                                                         {"ipv6", "all"},
                                                         {"all", "all"},
                                                         {"any", "all"},
                                                         {"0", "all"},
                                                         {"", "all"},
                                                         {" , ", "all"},
                                                         {"tcp,udp", "tcp,udp"},
                                                         {"udp,tcp", "tcp,udp"},
                                                         {"tcp, udp", "tcp,udp"},
                                                         {"tcp/udp", "tcp,udp"},
                                                         {"6,17", "tcp,udp"},
                                                         {"tcp,udp,", "tcp,udp"},
                                                         {"tcp,,TCP", "tcp"},
                                                         {"tcp,all", "all"},
                                                         {"udp,sctp,dccp", "udp,sctp,dccp"},
                                                         {"tcp,gre", "tcp,others"},
                                                         {"gre,esp", "several"},
                                                         {"tcp,nonsense", "tcp,others"},
                                                         {"nonsense", "of an unknown name"},
                                                         {"163", "of an unknown name"}, // not the code of a set
                                                         {"256", "of an unknown name"},
                                                         {"tcp\nudp", "of an unknown name"}};
  for (const auto &[column, text] : cases) {
    INFO(column);
    CHECK(protocol_text(protocol_code(column)) == text);
  }
}

TEST_CASE("a policy of some protocols takes what names one of them, and what is for all") {
  for (const char *column : {"tcp", "tcp,udp", "udp,tcp", "all", "ip", "", "TCP", "6", "tcp,gre"})
    CHECK(takes({"tcp"}, column));
  for (const char *column : {"udp", "udp,sctp", "icmp", "17", "udp,gre", "nonsense"})
    CHECK_FALSE(takes({"tcp"}, column));
  CHECK(takes({"gre"}, "tcp,gre"));
  CHECK_FALSE(takes({"udp"}, "tcp,gre"));
  CHECK(takes({"icmpv6"}, "icmp6"));
  CHECK(takes({"ipv6-icmp"}, "icmpv6"));
  for (const char *column : {"tcp", "udp", "gre,esp", "nonsense", "all"}) {
    CHECK(takes({}, column));
    CHECK(takes({"all"}, column));
  }
}

TEST_CASE("one protocol as the table has it") {
  CHECK(protocol_word("TCP") == "tcp");
  CHECK(protocol_word("17") == "udp");
  CHECK(protocol_word("icmp6") == "icmpv6");
  CHECK(protocol_word("ip") == "all");
  CHECK(protocol_word("94") == "94");
  CHECK(protocol_word("nonsense").empty());
  CHECK(protocol_word("tcp,udp").empty());
  CHECK(protocol_word("").empty());
}
