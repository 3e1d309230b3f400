// nftables in this process against the program nft, in a network namespace that the test makes for itself.
#include "transport/nft/nft_runner.hpp"

#include "core/error.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <exception>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <random>
#include <sched.h>
#include <set>
#include <thread>

using namespace banpush;

namespace {

constexpr const char *skeleton = R"(add table inet T
add set inet T hosts4 { type ipv4_addr; }
add set inet T nets4 { type ipv4_addr; flags interval; }
add set inet T hosts6 { type ipv6_addr; }
add set inet T nets6 { type ipv6_addr; flags interval; }
add chain inet T blocks { type filter hook prerouting priority -300; policy accept; }
add rule inet T blocks ip saddr @nets4 counter drop
)";

std::string skeleton_of(const std::string &table) {
  std::string text = skeleton;
  for (std::size_t at = 0; (at = text.find(" T", at)) != std::string::npos; ++at)
    text.replace(at, 2, " " + table);
  return text;
}

// Runs the test in a thread that has a network of its own; skipped, and said so, where that is not permitted.
template <typename Test>
void in_own_network(const Test &test) {
  std::exception_ptr failure;
  bool permitted = true;
  std::thread([&] {
    if (::unshare(CLONE_NEWNET) != 0) {
      permitted = false;
      return;
    }
    try {
      test();
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure)
    std::rethrow_exception(failure);
  if (!permitted)
    WARN("skipped: network namespaces are not permitted here");
}

Finished run(Runner &runner, const std::vector<std::string> &argv, const std::string &input = {}) { return runner.run({argv, input}); }

// What somebody else does.
void another_does(const std::string &input) {
  LocalRunner program;
  const std::vector<std::string> nft{"nft", "-f", "-"};
  const Finished done = run(program, nft, input);
  INFO(done.errors);
  REQUIRE(done.exit == 0);
}

struct Here {
  Here() : runner("here") {
    runner.open();
    change(skeleton_of("T"));
  }
  void change(const std::string &input) {
    const Finished done = run(runner, {"nft", "-f", "-"}, input);
    INFO(input << done.errors);
    REQUIRE(done.exit == 0);
  }
  std::string read() {
    runner.watch();
    const Finished done = run(runner, list);
    REQUIRE(done.exit == 0);
    return done.output;
  }
  std::vector<std::string> list{"nft", "-j", "list", "table", "inet", "T"};
  NftRunner runner;
};

std::string program_lists(const std::string &table) {
  LocalRunner program;
  const std::vector<std::string> argv{"nft", "-j", "list", "table", "inet", table};
  const Finished done = run(program, argv);
  REQUIRE(done.exit == 0);
  return done.output;
}

// By set, its elements in an order of their own; without what differs between two tables of the same content.
std::map<std::string, std::multiset<std::string>> content_of(const std::string &listing) {
  std::map<std::string, std::multiset<std::string>> content;
  const auto whole = nlohmann::json::parse(listing);
  for (const auto &item : whole["nftables"])
    if (item.contains("set")) {
      auto &set = content[item["set"]["name"]];
      for (const auto &element : item["set"].value("elem", nlohmann::json::array()))
        set.insert(element.dump());
    }
  return content;
}

// By kind, everything but elements and handles.
std::multiset<std::string> frame_of(const std::string &listing) {
  std::multiset<std::string> frame;
  auto whole = nlohmann::json::parse(listing);
  for (auto &item : whole["nftables"]) {
    item.begin().value().erase("elem");
    frame.insert(item.dump());
  }
  return frame;
}

std::vector<std::string> texts(const std::optional<std::vector<Shown>> &shown) {
  std::vector<std::string> all;
  for (const Shown &one : shown.value_or(std::vector<Shown>{}))
    all.push_back(fmt::format("{} {} {}", one.list, one.prefix.text(), one.there ? "there" : "gone"));
  return all;
}

} // namespace

TEST_CASE("nftables: a history of elements ends with what the program nft makes of it, and is listed as it lists it") {
  in_own_network([] {
    Here here;
    another_does(skeleton_of("U"));
    constexpr unsigned seed = 5;
    INFO("seed " << seed);
    std::mt19937 random(seed);
    std::map<std::string, std::set<std::string>> there;
    const auto any = [&](unsigned most) { return static_cast<unsigned>(random() % most); };
    for (int round = 0; round < 60; ++round) {
      std::string text;
      std::set<std::string> touched;
      for (const char *set : {"hosts4", "nets4", "hosts6", "nets6"}) {
        for (const char *verb : {"delete", "add"}) {
          std::string entries;
          for (unsigned count = any(20); count > 0; --count) {
            // Networks side by side, none within another: they meet at their ends all the time.
            const std::string name = set;
            const unsigned number = any(60);
            const std::string entry = name == "hosts4"   ? fmt::format("203.0.113.{}", number)
                                      : name == "nets4"  ? fmt::format("198.51.100.{}/30", number * 4)
                                      : name == "hosts6" ? fmt::format("2001:db8::{:x}", number)
                                                         : fmt::format("2001:db8:1:{:x}::/64", number);
            const bool adds = std::string(verb) == "add";
            if (touched.count(entry) != 0 || (!adds && there[set].count(entry) == 0))
              continue;
            touched.insert(entry);
            if (adds)
              there[set].insert(entry);
            else
              there[set].erase(entry);
            entries += (entries.empty() ? "" : ", ") + entry;
          }
          if (!entries.empty())
            text += fmt::format("{} element inet T {} {{ {} }}\n", verb, set, entries);
        }
      }
      here.change(text);
      for (std::size_t at = 0; (at = text.find("inet T ", at)) != std::string::npos;)
        text.replace(at, 7, "inet U ");
      another_does(text);
      const std::string listed = here.read();
      INFO("round " << round << "\n" << text);
      REQUIRE(content_of(listed) == content_of(program_lists("T")));
      REQUIRE(content_of(listed) == content_of(program_lists("U")));
      REQUIRE(frame_of(listed) == frame_of(program_lists("T")));
    }
  });
}

TEST_CASE("nftables: after a change it is asked for what was written, and others' changes are noticed") {
  in_own_network([] {
    Here here;
    another_does(skeleton_of("other"));
    here.read();
    CHECK_FALSE(here.runner.disturbed());
    here.change("add element inet T hosts4 { 203.0.113.7, 203.0.113.9 }\nadd element inet T nets4 { 198.51.100.0/24 }\n");
    CHECK(texts(here.runner.shown()) ==
          std::vector<std::string>{"hosts4 203.0.113.7/32 there", "hosts4 203.0.113.9/32 there", "nets4 198.51.100.0/24 there"});
    here.change("delete element inet T hosts4 { 203.0.113.7 }\ndelete element inet T nets4 { 198.51.100.0/24 }\n"
                "add element inet T nets4 { 198.51.100.0/25, 198.51.100.128/25 }\n");
    CHECK(texts(here.runner.shown()) == std::vector<std::string>{"hosts4 203.0.113.7/32 gone", "nets4 198.51.100.0/24 gone",
                                                                 "nets4 198.51.100.0/25 there", "nets4 198.51.100.128/25 there"});

    SECTION("another table is nobody's business") {
      another_does("add element inet other hosts4 { 192.0.2.1 }\nadd table ip T\n");
      CHECK_FALSE(here.runner.disturbed());
      here.change("add element inet T hosts6 { 2001:db8::1 }\n");
      CHECK(texts(here.runner.shown()) == std::vector<std::string>{"hosts6 2001:db8::1/128 there"});
      another_does("flush ruleset ip\n");
      CHECK_FALSE(here.runner.disturbed());
    }
    const std::vector<std::string> disturbing{"add element inet T hosts4 { 192.0.2.1 }\n",
                                              "delete element inet T hosts4 { 203.0.113.9 }\n",
                                              "flush set inet T hosts4\n",
                                              "flush table inet T\n",
                                              "insert rule inet T blocks accept\n",
                                              "delete table inet T\n",
                                              "flush ruleset\n",
                                              "add table inet T { flags dormant; }\n",
                                              "add chain inet T more\n"};
    for (const std::string &change : disturbing)
      SECTION("but this is: " + change) {
        SECTION("before ours") {
          another_does(change);
          CHECK(here.runner.disturbed());
        }
        SECTION("behind ours") {
          here.change("add element inet T hosts4 { 203.0.113.8 }\n");
          another_does(change);
          CHECK_FALSE(here.runner.shown());
        }
      }
    SECTION("more announcements than there is room for are a disturbance") {
      std::string many;
      for (int i = 0; i < 20'000; ++i)
        many += fmt::format("{}10.{}.{}.{}", many.empty() ? "" : ", ", i >> 16, i >> 8 & 255, i & 255);
      another_does("add element inet other hosts4 { " + many + " }\n");
      CHECK(here.runner.disturbed());
    }
  });
}

TEST_CASE("nftables: what the kernel refuses is told as the program nft tells it, and nothing of it is done") {
  in_own_network([] {
    Here here;
    here.change("add element inet T hosts4 { 203.0.113.9 }\nadd element inet T nets4 { 198.51.100.0/24 }\n");
    LocalRunner program;
    const std::vector<std::string> nft{"nft", "-f", "-"};
    for (const std::string &bad :
         {std::string("add element inet T hosts4 { 203.0.113.1 }\ndelete element inet T hosts4 { 203.0.113.2 }\n"),
          std::string("add element inet T hosts4 { 203.0.113.1 }\nadd element inet T nosuch { 203.0.113.2 }\n"),
          std::string("add element inet T hosts4 { 203.0.113.1 }\nadd element inet T nets4 { 198.51.100.64/26 }\n"),
          std::string("add element inet T hosts4 { 203.0.113.1 }\nadd element inet T hosts4 { 203.0.113.0/24 }\n"),
          std::string("add element inet T hosts4 { 203.0.113.1 }\nadd elment\n")}) {
      const std::string before = here.read();
      const Finished ours = run(here.runner, nft, bad), theirs = run(program, nft, bad);
      INFO(bad);
      CHECK(theirs.exit == 1);
      CHECK(ours.exit == theirs.exit);
      CHECK(ours.errors == theirs.errors);
      CHECK(content_of(here.read()) == content_of(before));
    }
    const std::vector<std::string> list{"nft", "-j", "list", "table", "inet", "nosuch"};
    const Finished ours = run(here.runner, list), theirs = run(program, list);
    CHECK(ours.exit == theirs.exit);
    CHECK(ours.errors == theirs.errors);
  });
}

TEST_CASE("nftables: questions are answered as by the program, whatever stands in the table") {
  in_own_network([] {
    Here here;
    another_does("add table inet T2 { chain c { type filter hook input priority 0; policy accept; }; }\n"
                 "add rule inet T blocks iifname { \"lo\", \"eth9\" } tcp dport { 22, 80-90 } counter accept\n"
                 "add element inet T hosts4 { 203.0.113.7 }\n"
                 "add element inet T hosts6 { ::ffff:203.0.113.7, 2001:db8::7 }\n"
                 "add element inet T nets4 { 198.51.100.0-198.51.100.6, 203.0.113.5, 240.0.0.0/4 }\n");
    LocalRunner program;
    const auto same = [&](const std::vector<std::string> &argv) {
      const Finished ours = run(here.runner, argv), theirs = run(program, argv);
      INFO(fmt::format("{}", fmt::join(argv, " ")));
      CHECK(ours.exit == theirs.exit);
      CHECK(ours.errors == theirs.errors);
      if (argv[1] == "-j") {
        CHECK(content_of(ours.output) == content_of(theirs.output));
        CHECK(frame_of(ours.output) == frame_of(theirs.output));
      } else {
        CHECK(ours.output == theirs.output);
      }
    };
    const auto all_the_same = [&] {
      same({"nft", "-j", "list", "table", "inet", "T"});
      same({"nft", "-j", "list", "table", "inet", "T2"});
      same({"nft", "-t", "list", "table", "inet", "T"});
      same({"nft", "-a", "-t", "list", "table", "inet", "T"});
      same({"nft", "list", "set", "inet", "T", "nets4"});
      same({"nft", "list", "flowtables"});
    };
    all_the_same();
    // What is somebody else's: a comment, a time-out, a counter, a map.
    another_does("add element inet T hosts4 { 192.0.2.1 comment \"theirs\" }\n");
    all_the_same();
    another_does("add set inet T2 s { type ipv4_addr; flags timeout; }\nadd element inet T2 s { 192.0.2.1 timeout 1h }\n");
    same({"nft", "-t", "list", "table", "inet", "T2"});
    another_does("add map inet T m { type ipv4_addr : verdict; elements = { 192.0.2.9 : drop } }\n");
    all_the_same();
  });
}

TEST_CASE("nftables: elements out of the ordinary are left to the library") {
  CHECK(element_statements("add element inet T hosts4 { 203.0.113.7 }\n"));
  for (const char *other :
       {"add element inet T hosts4 { 203.0.113.7 timeout 3s }", "add element inet T nets4 { 203.0.113.1-203.0.113.7 }",
        "add element inet T hosts4 { 203.0.113.7 comment \"x\" }", "add element inet T hosts4 {203.0.113.7}",
        "create element inet T hosts4 { 203.0.113.7 }", "add set inet T hosts4 { type ipv4_addr; }", "add element T hosts4 { 203.0.113.7 }",
        "add element inet T hosts4 { }", "add element inet T hosts4 { 203.0.113.7, }", "add element inet T; hosts4 { 203.0.113.7 }",
        "add element inet T hosts4 { 203.0.113.7 } ; flush ruleset"})
    CHECK_FALSE(element_statements(other));
  const auto two =
      element_statements("delete element inet T nets6 { 2001:db8::/32, 2001:db9::/48 }\nadd element ip6 T hosts6 { 2001:db8::1 }\n");
  REQUIRE(two);
  REQUIRE(two->size() == 2);
  CHECK(two->front().verb == NftStatement::Verb::Delete);
  CHECK(two->front().prefixes.size() == 2);
  CHECK(two->back().set == NftSetName{"ip6", "T", "hosts6"});
}
