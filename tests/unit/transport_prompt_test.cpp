#include "transport/cli/prompt.hpp"

#include <catch2/catch.hpp>

using namespace banpush;

namespace {

Driver with_prompts(std::map<std::string, std::string> prompts) {
  Driver driver;
  for (auto &[name, text] : prompts)
    driver.prompts[name] = Pattern(text);
  return driver;
}

const Driver ios = with_prompts({{"user", R"([\w.\-@/:\[\]+]{1,63}>)"},
                                 {"exec", R"([\w.\-@/:\[\]+]{1,63}#)"},
                                 {"config", R"([\w.\-@/:+]{1,63}\((?:con|conf|config|cfg)[^)]*\)#)"}});
const Driver junos =
    with_prompts({{"exec", R"([\w.\-]+@[\w.\-]+>)"}, {"config", R"((?:\{\w[^}\n]*\})?(?:\[edit[^\]\n]*\]\s+)[\w.\-]+@[\w.\-]+#)"}});

} // namespace

TEST_CASE("prompt: the part that names the device", "[transport]") {
  CHECK(prompt_name("edge1#") == "edge1");
  CHECK(prompt_name("edge1(config-ext-nacl)#") == "edge1");
  CHECK(prompt_name("switch(maint-mode)#") == "switch");
  CHECK(prompt_name("[edit]\nadmin@core-1.example# ") == "core-1.example");
  CHECK(prompt_name("RP/0/RP0/CPU0:core#") == "core");
  CHECK(prompt_name("A:admin@sr1# ") == "sr1");
  CHECK(prompt_name("[admin@my router] > ") == "my");
  CHECK(prompt_name("<some-device>") == "some-device");
  CHECK(prompt_name("[*some-device-acl4-basic-2000]") == "some-device-acl4-basic-2000");
  CHECK(prompt_name("* Slot-1 x450.12 # ") == "x450");
  CHECK(prompt_name("vyos@gw:~$ ") == "gw");
  CHECK(prompt_name("fw/pri/act#") == "fw");
  CHECK(prompt_name("(UBNT EdgeSwitch) #") == "UBNT");
  CHECK(prompt_name("FGT (root) # ") == "FGT");
  CHECK(prompt_name("10.0.0.1>") == "10.0.0.1");
  CHECK(prompt_name("admin@10.0.0.1>") == "10.0.0.1");
  // A time, or the number of a line, is none.
  CHECK(prompt_name("19:42:13 sw1 [lab]#") == "sw1");
  CHECK(prompt_name("19.42 sw1#") == "sw1");
  CHECK(prompt_name("2026-11-29 sw1#") == "sw1");
  CHECK(prompt_name("2 edge1#") == "edge1");
  CHECK(prompt_name("edge1:42#") == "edge1");
  CHECK(prompt_name("19:42:13#").empty());
  CHECK(prompt_name("> ").empty());
}

TEST_CASE("prompt: names may be cut short behind 16 characters", "[transport]") {
  CHECK(shows_name("a-very-long-hostname-in(config)#", "a-very-long-hostname-indeed"));
  CHECK(shows_name("[~some-device-acl4-basic-2000]", "some-device"));
  CHECK_FALSE(shows_name("[V200R009C00SPC500]", "some-device"));
  CHECK_FALSE(shows_name("not-edge1#", "edge1"));
  CHECK(shows_name("anything#", ""));
  // Cut with a sign behind it, as deep in a table.
  CHECK(shows_name("FortiGate~ (policy) #", "FortiGate-of-site-7"));
  CHECK_FALSE(shows_name("FortiMail~ (policy) #", "FortiGate-of-site-7"));
  CHECK_FALSE(shows_name("F~ #", "FortiGate-of-site-7"));
}

TEST_CASE("prompt: only at the end, only whole, only of this device", "[transport]") {
  Prompts prompts(ios);
  CHECK(prompts.at_end({}, "edge1#")->text == "edge1#");
  CHECK(prompts.at_end({}, "edge1(config-if)# ")->text == "edge1(config-if)#");
  CHECK_FALSE(prompts.at_end({}, "edge1# show"));
  CHECK_FALSE(prompts.at_end({}, "Welcome to edge1#"));
  CHECK_FALSE(prompts.at_end({"edge1#"}, ""));
  prompts.learn("edge1#");
  CHECK_FALSE(prompts.at_end({}, "edge2#"));
  CHECK(prompts.at_end({}, "edge1>"));
  CHECK(Prompts::is(Pattern(R"([\w.\-]{1,64}# )"), "r1#")); // the blank at the end was trimmed
  CHECK_FALSE(Prompts::is(ios.prompts.at("exec"), "edge1(config)#"));
}

TEST_CASE("prompt: of two lines", "[transport]") {
  Prompts prompts(junos);
  const auto found = prompts.at_end({"commit complete", "", "{master}[edit]"}, "admin@core# ");
  REQUIRE(found);
  CHECK(found->text == "{master}[edit]\nadmin@core#");
  CHECK(found->lines_before == 1);
  CHECK_FALSE(prompts.at_end({"no brackets here"}, "admin@core# "));
  // An optional head is taken along, output never.
  Prompts optional(with_prompts({{"config", R"((?:\[edit[^\]\n]*\]\s+)?[\w.\-]+@[\w.\-]+#)"}}));
  CHECK(optional.at_end({"[edit]"}, "admin@core# ")->lines_before == 1);
  Prompts greedy(with_prompts({{"exec", R"([\w\s.-]+[#>] )"}}));
  CHECK(greedy.at_end({"some words", "and more"}, "switch# ")->lines_before == 0);
}

TEST_CASE("prompt: counters and flags do not make another prompt", "[transport]") {
  CHECK(same_prompt("x450.9 #", "* x450.10 # "));
  CHECK(same_prompt("[~core]", "[*core]"));
  CHECK_FALSE(same_prompt("edge1#", "edge1(config)#"));
}

TEST_CASE("prompt: echoes, whole and damaged", "[transport]") {
  Prompts prompts(ios);
  prompts.learn("edge1#");
  const std::string sent = "deny ip host 203.0.113.7 any";
  const std::string at = "edge1(config-ext-nacl)#";
  CHECK(prompts.echo({}, sent, sent, at).kind == Echo::Bare);
  CHECK(prompts.echo({}, at + sent, sent, at).kind == Echo::Exact);
  CHECK(prompts.echo({}, at + "  deny  ip host 203.0.113.7 any ", sent, at).kind == Echo::Exact);
  CHECK(prompts.echo({}, "edge1(config)#" + sent, sent, at).kind == Echo::Exact);                          // the mode changed
  CHECK(prompts.echo({}, "deny ip hoedge1(config)# " + sent, sent, "edge1(config)#").kind == Echo::Exact); // typed ahead, cut by the prompt
  CHECK(prompts.echo({}, at + "$203.0.113.7 any", sent, at).kind == Echo::Damaged);
  CHECK(prompts.echo({}, "$ host 203.0.113.7 any", sent, at).kind == Echo::Damaged);
  CHECK(prompts.echo({}, at + "deny ip host 203.0.113.77 any", sent, at).kind == Echo::Damaged);
  CHECK(prompts.echo({}, at, sent, at).kind == Echo::None);
  CHECK(prompts.echo({}, "% Duplicate sequence number", sent, at).kind == Echo::None);
  CHECK(prompts.echo({}, "10 deny ip host 203.0.113.7 any", sent, at).kind == Echo::None); // a list that shows the line is no echo
}

TEST_CASE("prompt: words in front of it on its line", "[transport]") {
  const std::string at = "edge1#", clock = "19:42:13 sw1 [lab]#";
  CHECK(Prompts::words_before("% Duplicate entry. edge1#", at) == 19);
  CHECK(Prompts::words_before("2000 bytes[OK]edge1# ", at) == 14);
  CHECK(Prompts::words_before("edge1#", at) == 0);
  CHECK(Prompts::words_before("*edge1#", at) == 0);
  CHECK(Prompts::words_before("% No such entry#", at) == 0);
  CHECK(Prompts::words_before("edge1# show", at) == 0);
  CHECK(Prompts::words_before("words", "") == 0);
  CHECK(Prompts::words_before("[OK]19:43:01 sw1 [lab]#", clock) == 4);
  CHECK(Prompts::words_before("19:43:01 sw1 [lab]#", clock) == 0);
  // Typed ahead, the next line stands behind it.
  Prompts prompts(with_prompts({{"exec", R"([^\s()#>][^\r\n()#>]{0,78}# ?)"}}));
  prompts.learn(at);
  const Prompts::Echoed echoed = prompts.echo({}, "% Duplicate entry. edge1#permit any", "permit any", at);
  CHECK(echoed.kind == Echo::Exact);
  REQUIRE(echoed.prompt);
  CHECK(echoed.prompt->text == at);
  CHECK(echoed.words == "% Duplicate entry. ");
}

TEST_CASE("prompt: a driver without prompts cannot be used", "[transport]") { CHECK_THROWS_AS(Prompts(Driver{}), Error); }
