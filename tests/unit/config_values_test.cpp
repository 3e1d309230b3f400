#include "config/document/duration.hpp"
#include "config/document/mapping.hpp"
#include "config/document/suggestion.hpp"
#include "config/document/values.hpp"

#include <catch2/catch.hpp>

using namespace banpush;

namespace {

// What is said when the value of `x` is read by one of the functions; "" when nothing is.
template <class Read>
std::string said_of(const std::string &value, Read read) {
  const Node node = parse_document("f", "x: " + value + "\n");
  Problems problems;
  Mapping mapping(node, problems);
  (void)mapping.get("x", read);
  std::string all;
  for (const std::string &line : problems.lines())
    all += (all.empty() ? "" : "\n") + line;
  return all;
}

template <class Read>
auto value_of(const std::string &value, Read read) {
  const Node node = parse_document("f", "x: " + value + "\n");
  Problems problems;
  Mapping mapping(node, problems);
  auto result = mapping.get("x", read);
  CHECK(problems.empty());
  return result;
}

std::optional<std::int64_t> port(const Node &node, Problems &problems) { return whole_of(node, problems, 1, 65535); }

} // namespace

TEST_CASE("durations as people write them") {
  CHECK(parse_duration("90s") == 90);
  CHECK(parse_duration("15m") == 900);
  CHECK(parse_duration("1h") == 3600);
  CHECK(parse_duration("1d") == 86400);
  CHECK(parse_duration("2w") == 1209600);
  CHECK(parse_duration("0s") == 0);
  CHECK(parse_duration("2000ms") == 2);
  CHECK(parse_duration("permanent") == permanent);
  CHECK(parse_milliseconds("500ms") == std::chrono::milliseconds(500));
  for (const char *text : {"", "s", "1", "1 h", "1H", "-1h", "+1h", "1.5h", "1h30m", "1y", "010s", "0x10s", "99999999999999999999s",
                           "101w1", "5300w", "1500ms", "Permanent", "1s\n", " 1s"}) {
    INFO(text);
    CHECK_FALSE(parse_duration(text).has_value());
  }
  CHECK(parse_duration("600").error().what == "\"600\" has no unit; write 600s, 600m, 600h, 600d or 600w");
  CHECK(parse_duration("010m").error().what == "\"010m\" looks octal; write it without the leading zero");
  CHECK(parse_duration("5300w").error().what == "\"5300w\" is longer than a century");
  CHECK_FALSE(parse_milliseconds("permanent").has_value());
}

TEST_CASE("whole numbers are decimal and in their range") {
  CHECK(value_of("65535", port) == 65535);
  CHECK(value_of("\"22\"", port) == 22);
  CHECK(said_of("0", port) == "f:1:4: x: expected a whole number from 1 to 65535, found \"0\"");
  CHECK(said_of("99999", port) == "f:1:4: x: expected a whole number from 1 to 65535, found \"99999\"");
  CHECK(said_of("010", port) == "f:1:4: x: \"010\" looks octal; write it without the leading zero");
  CHECK(said_of("-022", port) == "f:1:4: x: \"-022\" looks octal; write it without the leading zero");
  for (const char *text :
       {"0x16", "0o26", "22.0", "2e1", "+22", "-1", "1_000", "22 ", "'22 '", "99999999999999999999", "[22]", "{}", "yes"}) {
    INFO(text);
    const std::string said = said_of(text, port);
    if (std::string(text) == "22 ")
      CHECK(said.empty()); // YAML drops the blank
    else
      CHECK(said.find("f:1:4: x: expected a whole number from 1 to 65535, found ") == 0);
  }
  CHECK(said_of("", port) == "f:1:1: x: no value");
  CHECK(said_of("~", port) == "f:1:1: x: no value");
}

TEST_CASE("yes and no") {
  CHECK(value_of("yes", yes_no_of) == true);
  CHECK(value_of("true", yes_no_of) == true);
  CHECK(value_of("no", yes_no_of) == false);
  CHECK(value_of("false", yes_no_of) == false);
  for (const char *text : {"on", "off", "1", "0", "Yes", "TRUE", "y", "[yes]"})
    CHECK(said_of(text, yes_no_of).find("f:1:4: x: expected yes or no, found ") == 0);
}

TEST_CASE("shares are percentages") {
  CHECK(value_of("20%", share_of) == 0.20);
  CHECK(value_of("0.1%", share_of) == 0.001);
  CHECK(value_of("0%", share_of) == 0.0);
  CHECK(value_of("100%", share_of) == 1.0);
  for (const char *text : {"0.2", "20", "101%", "-1%", "'%'", "2 0%", "20%%", "nan%", "inf%", "1e1%", "[20%]"}) {
    INFO(text);
    CHECK(said_of(text, share_of).find("f:1:4: x: expected a share from 0% to 100%, found ") == 0);
  }
  CHECK(said_of("020%", share_of) == "f:1:4: x: \"020%\" looks octal; write it without the leading zero");
}

TEST_CASE("text has no control characters, however they were written") {
  CHECK(value_of("a b", text_of) == "a b");
  CHECK(value_of("010", text_of) == "010"); // only a number can be octal
  CHECK(said_of("\"a\\nb\"", text_of) == "f:1:4: x: control character in \"a\\x0ab\"");
  CHECK(said_of("\"\\0\"", text_of).find("control character") != std::string::npos);
  CHECK(said_of("''", text_of) == "f:1:4: x: expected text, found \"\"");
  CHECK(said_of("[a]", text_of) == "f:1:4: x: expected text, found a list");
  CHECK(said_of("{a: b}", text_of) == "f:1:4: x: expected text, found a mapping");
}

TEST_CASE("lists take a single value for a list of one, and complain about each item") {
  CHECK(value_of("a", texts_of) == std::vector<std::string>{"a"});
  CHECK(value_of("[a, b]", texts_of) == std::vector<std::string>{"a", "b"});
  CHECK(value_of("[]", texts_of).empty());
  CHECK(said_of("[a, [b], {c: d}]", texts_of) == "f:1:8: x: expected text, found a list\nf:1:13: x: expected text, found a mapping");
  CHECK(said_of("[1, 256, a]", statuses_of) ==
        "f:1:8: x: expected a whole number from 0 to 255, found \"256\"\nf:1:13: x: expected a whole number from 0 to 255, found \"a\"");
  CHECK(said_of("nft -f", argv_of) == "f:1:4: x: expected a list: the program and its arguments, found \"nft -f\"");
  CHECK(said_of("[]", argv_of) == "f:1:4: x: expected a list: the program and its arguments, found a list");
  CHECK(value_of("[a, '']", argv_of) == std::vector<std::string>{"a", ""});
}

TEST_CASE("a pattern that does not compile is told in RE2's words at its place") {
  CHECK(value_of("'^a+$'", pattern_of).found_in("aa"));
  CHECK(said_of("'a('", pattern_of) == "f:1:4: x: pattern `a(`: missing ): a(");
  CHECK(said_of("'(?<n>a)'", pattern_of).find("f:1:4: x: pattern `(?<n>a)`: ") == 0);
  CHECK(said_of("['a', 'b[', 'c)']", patterns_of) == "f:1:10: x: pattern `b[`: missing ]: [\nf:1:16: x: pattern `c)`: unexpected ): c)");
}

TEST_CASE("what somebody probably meant") {
  const std::vector<std::string> names{"bantime", "jails", "hosts", "quorum"};
  CHECK(nearest("bantme", names) == "bantime");
  CHECK(nearest("host", names) == "hosts");
  CHECK(nearest("jials", names) == "jails");
  CHECK(nearest("x", names) == std::nullopt);
  CHECK(nearest("", names) == std::nullopt);
  CHECK(nearest(std::string(100'000, 'a'), names) == std::nullopt);
  CHECK(suggestion("jals", names) == "; did you mean \"jails\"?");
  CHECK(suggestion("zzz", names) == "; there are bantime, jails, hosts, quorum");
  CHECK(suggestion("zzz", {"a"}) == "; there is a");
  CHECK(suggestion("zzz", {}).empty());
  const std::vector<std::string> drivers{"linux_ipset", "linux_iptables", "linux_nft", "linux_route", "cisco_ios", "cisco_iosxe"};
  CHECK(suggestion("linux_nftables", drivers) == "; did you mean \"linux_nft\"?");
  CHECK(suggestion("linux_iptabels", drivers) == "; did you mean \"linux_iptables\"?");
  CHECK(suggestion("cisco_ios_xe", drivers) == "; did you mean \"cisco_iosxe\"?");
  CHECK(suggestion("linux_", {"linux_nft"}) == "; did you mean \"linux_nft\"?");
}

TEST_CASE("unknown keys are all told") {
  const Node node = parse_document("f", "prot: 1\nfoo: 2\nuser: 3\n");
  Problems problems;
  Mapping mapping(node, problems);
  mapping.get("port", port);
  mapping.get("user", text_of);
  mapping.done();
  CHECK(problems.lines() == std::vector<std::string>{"f:1:1: unknown key \"prot\"; did you mean \"port\"?",
                                                     "f:2:1: unknown key \"foo\"; there are port, user"});
}
