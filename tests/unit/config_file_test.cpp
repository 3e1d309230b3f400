#include "config_folder.hpp"

using namespace banpush;

namespace {

constexpr const char *here = "devices:\n  here: {address: local, driver: linux_nft}\n";

struct Case {
  std::string text, said;
};

} // namespace

TEST_CASE("a small configuration gets the standard values") {
  const ConfigFolder folder;
  const Config config = folder.load(here);
  REQUIRE(config.devices.size() == 1);
  const Device &device = config.devices.front();
  CHECK(device.is_local());
  CHECK(device.policy.protocols.empty());
  CHECK(device.policy.reserved_allowed);
  CHECK(config.policy.protocols == std::vector<std::string>{"tcp"});
  CHECK_FALSE(config.policy.reserved_allowed);
  CHECK(config.tables.front().path == "/var/lib/banpush/bans.db");
  CHECK(config.state == "/var/lib/banpush/state.db");
  CHECK(device.limits.add == 0.20);
  CHECK(device.limits.storm->bans == 200);
  CHECK(config.driver(device).name == "linux_nft");
  CHECK(config.warnings.empty());
}

TEST_CASE("a bad configuration is refused, each mistake with its place") {
  const ConfigFolder folder;
  folder.write("pass", "x\n");
  const std::vector<Case> cases{
      // keys
      {"policy:\n  bantme: 1d\n", "banpush.yaml:2:3: unknown key \"bantme\"; did you mean \"bantime\"?"},
      {"polcy: {}\n", "banpush.yaml:1:1: unknown key \"polcy\"; did you mean \"policy\"?"},
      {"policy: {bantime: 1d, bantime: 2d}\n", "banpush.yaml:1:23: duplicate key \"bantime\", first in line 1"},
      {"- a\n", "banpush.yaml:1:1: expected a mapping (key: value), found a list"},
      {"just text\n", "banpush.yaml:1:1: expected a mapping (key: value), found \"just text\""},
      {"policy:\n", "banpush.yaml:1:1: policy: no value"},
      {"policy: &p {}\n", "banpush.yaml:1:9: anchors (&name) are not used here; write it out"},
      // policy
      {"policy: {bantime: 1 day}\n", "banpush.yaml:1:19: bantime: expected a duration such as 90s, 15m, 1h, 1d or 2w, found \"1 day\""},
      {"policy: {bantime: 86400}\n", "banpush.yaml:1:19: bantime: \"86400\" has no unit; write 86400s, 86400m, 86400h, 86400d or 86400w"},
      {"policy: {bantime: -1}\n", "banpush.yaml:1:19: bantime: expected a duration such as 90s, 15m, 1h, 1d or 2w, found \"-1\""},
      {"policy: {bantime: 0s}\n", "banpush.yaml:1:19: bantime: must be at least 1s"},
      {"policy: {max_age: permanent}\n", "banpush.yaml:1:19: max_age: cannot be permanent"},
      {"policy: {jails: {sshd: {bantim: 1w}}}\n", "banpush.yaml:1:25: unknown key \"bantim\"; did you mean \"bantime\"?"},
      {"policy: {jails: [sshd]}\n", "banpush.yaml:1:17: jails: expected a mapping (key: value), found a list"},
      {"policy: {jails: {\"a\\nb\": {}}}\n",
       "banpush.yaml:1:18: expected a name or a wildcard of at most 255 characters, found \"a\\x0ab\""},
      {"policy: {jails: {sshd: {weight: -1}}}\n", "banpush.yaml:1:33: weight: expected a number from 0 to 1000, found \"-1\""},
      {"policy: {quorum: {within: 1h}}\n", "banpush.yaml:1:18: quorum: asks for nothing; give hosts, bans or weight"},
      {"policy: {quorum: {hosts: 0}}\n", "banpush.yaml:1:26: hosts: expected a whole number from 1 to 1000000, found \"0\""},
      {"policy: {escalate: {factor: 0.5}}\n", "banpush.yaml:1:29: factor: expected a number from 1 to 1000, found \"0.5\""},
      {"policy: {protocols: [tpc]}\n", "banpush.yaml:1:22: protocols: unknown word \"tpc\"; did you mean \"tcp\"?"},
      {"policy: {families: []}\n", "banpush.yaml:1:20: families: expected ipv4, ipv6 or both, found a list"},
      {"policy: {families: [ipv5]}\n", "banpush.yaml:1:21: families: unknown word \"ipv5\"; did you mean \"ipv4\"?"},
      {"policy: {reserved: sometimes}\n", "banpush.yaml:1:20: reserved: expected never or allowed, found \"sometimes\""},
      {"policy: {shortest: {ipv4: 33}}\n", "banpush.yaml:1:27: ipv4: expected a whole number from 8 to 32, found \"33\""},
      {"policy: {shortest: {ipv4: 7}}\n", "banpush.yaml:1:27: ipv4: expected a whole number from 8 to 32, found \"7\""},
      {"policy: {shortest: {ipv6: 4}}\n", "banpush.yaml:1:27: ipv6: expected a whole number from 8 to 128, found \"4\""},
      {"policy: {shortest: {ipv4: 024}}\n", "banpush.yaml:1:27: ipv4: \"024\" looks octal; write it without the leading zero"},
      {"policy: {widen: {ipv6: 32}}\n", "banpush.yaml:1:24: widen: /32 is wider than shortest allows (/48)"},
      {"policy: {aggregate: some}\n", "banpush.yaml:1:21: aggregate: expected none or exact, found \"some\""},
      {"policy: {aggregate: {density: 25%}}\n", "banpush.yaml:1:21: aggregate: the key \"max_innocents\" is missing"},
      {"policy: {honour_unban: maybe}\n", "banpush.yaml:1:24: honour_unban: expected yes or no, found \"maybe\""},
      {"limits: {add: 0.2}\n", "banpush.yaml:1:15: add: expected a share from 0% to 100%, found \"0.2\""},
      {"limits: {storm: {bans: 0}}\n", "banpush.yaml:1:24: bans: expected a whole number from 1 to 1000000000, found \"0\""},
      // allow and protect: all or nothing
      {"policy: {allow: [192.0.2.1/24]}\n",
       "banpush.yaml:1:18: allow: \"192.0.2.1/24\": not a network address: bits are set behind /24; did you mean 192.0.2.0/24?"},
      {"policy:\n  allow:\n", "banpush.yaml:2:3: allow: no value"},
      {"policy: {protect: [host name]}\n", "banpush.yaml:1:20: protect: expected a prefix or the name of a host, found \"host name\""},
      {"policy: {allow_files: [nowhere.txt]}\n", "banpush.yaml:1:24: allow_files: cannot read nowhere.txt: No such file or directory"},
      // serve
      {"serve: {poll: 0ms}\n", "banpush.yaml:1:15: poll: must be at least 1ms"},
      {"serve: {workers: 0}\n", "banpush.yaml:1:18: workers: expected a whole number from 1 to 1024, found \"0\""},
      // devices
      {"devices:\n  e: {adress: local, driver: linux_nft}\n",
       "banpush.yaml:2:3: e: the key \"address\" is missing\nbanpush.yaml:2:7: unknown key \"adress\"; did you mean \"address\"?"},
      {"devices:\n  e: {address: 198.51.100.1}\n", "banpush.yaml:2:3: e: the key \"driver\" is missing"},
      {"devices:\n  e: {address: 198.51.100.0/24, driver: frr}\n",
       "banpush.yaml:2:16: address: expected an IP address, the name of a host, or local, found \"198.51.100.0/24\""},
      {"devices:\n  e: {address: 198.51.100.256, driver: frr}\n",
       "banpush.yaml:2:16: address: expected an IP address, the name of a host, or local, found \"198.51.100.256\""},
      {"devices:\n  e: {address: [local, a], driver: linux_nft}\n",
       "banpush.yaml:2:16: address: local cannot be combined with other addresses"},
      {"devices:\n  e: {address: a, driver: linux_ntf}\n",
       "banpush.yaml:2:27: there is no driver \"linux_ntf\"; did you mean \"linux_nft\"?"},
      {"devices:\n  e: {address: a, driver: ../frr}\n", "banpush.yaml:2:27: there is no driver \"../frr\"; there are ~"},
      {"devices:\n  e: {address: a, driver: frr, groups: [egde]}\ngroups: {edge: {}}\n",
       "banpush.yaml:2:41: groups: there is no group \"egde\"; did you mean \"edge\"?"},
      {"devices:\n  \"a b\": {address: a, driver: frr}\n",
       "banpush.yaml:2:3: expected the name of a device (letters, digits, _ . -, at most 63), found \"a b\""},
      {"devices:\n  e: {address: a, driver: frr}\n  e: {address: b, driver: frr}\n",
       "banpush.yaml:3:3: duplicate key \"e\", first in line 2"},
      {"devices:\n  e: frr\n", "banpush.yaml:2:6: e: expected a mapping (key: value), found \"frr\""},
      {"devices:\n  e: {address: a, driver: frr, port: 99999}\n",
       "banpush.yaml:2:38: port: expected a whole number from 1 to 65535, found \"99999\""},
      {"devices:\n  e: {address: a, driver: frr, port: 022}\n",
       "banpush.yaml:2:38: port: \"022\" looks octal; write it without the leading zero"},
      {"devices:\n  e: {address: a, driver: frr, save: \"25:00\"}\n",
       "banpush.yaml:2:38: save: expected never, each, or a time of day such as \"03:30\", found \"25:00\""},
      {"devices:\n  e: {address: a, driver: linux_nft, save: each}\n", "banpush.yaml:2:44: save: driver linux_nft has no way to save"},
      {"devices:\n  e: {address: a, driver: linux_nft, transport: cli}\n",
       "banpush.yaml:2:49: transport: driver linux_nft speaks exec, not cli"},
      {"devices:\n  e: {address: local, driver: frr, transport: cli}\n",
       "banpush.yaml:2:47: transport: this host is reached by exec alone"},
      {"devices:\n  e: {address: a, driver: frr, attach: [{interface: \"eth0; reboot\", direction: in}]}\n",
       "banpush.yaml:2:53: interface: expected the name of an interface (letters, digits, . _ : / @ + * -, single blanks inside), found "
       "\"eth0; "
       "reboot\""},
      {"devices:\n  e: {address: a, driver: frr, attach: [{interface: eth0, direction: inn}]}\n",
       "banpush.yaml:2:70: direction: unknown word \"inn\"; did you mean \"in\"?"},
      {"devices:\n  e: {address: a, driver: frr, budget: {ipv4: 6000}}\n",
       "banpush.yaml:2:47: ipv4: 6000 is more than the 5000 entries driver frr takes"},
      {"devices:\n  e: {address: a, driver: frr, budget: {ipv4: 3000, ipv6: 3000}}\n",
       "banpush.yaml:2:40: budget: 6000 entries in all are more than the 5000 driver frr takes"},
      {"devices:\n  e: {address: a, driver: frr, jump: \"a@b:c\"}\n", "banpush.yaml:2:38: jump: expected USER@HOST:PORT, found \"a@b:c\""},
      {"devices:\n  e: {address: a, driver: frr, key: id}\n", "banpush.yaml:2:37: key: cannot read id: No such file or directory"},
      {"devices:\n  e: {address: a, driver: frr, services: yes}\n", "banpush.yaml:2:42: services: driver frr blocks whole addresses only"},
      {"devices:\n  e: {address: a, driver: frr, bantime: 1h, policy: {bantime: 2h}}\n",
       "banpush.yaml:2:32: duplicate key \"bantime\", also in policy in line 2"},
      // params
      {"devices:\n  e: {address: a, driver: frr, params: {tga: 1}}\n",
       "banpush.yaml:2:41: driver frr has no param \"tga\"; did you mean \"tag\"?"},
      {"devices:\n  e: {address: a, driver: frr, params: {tag: abc}}\n",
       "banpush.yaml:2:46: tag: expected a whole number from 1 to 4294967295, found \"abc\""},
      {"devices:\n  e: {address: a, driver: frr, params: {tag: 010}}\n",
       "banpush.yaml:2:46: tag: \"010\" looks octal; write it without the leading zero"},
      {"devices:\n  e: {address: a, driver: linux_nft, params: {table: \"a b\"}}\n",
       "banpush.yaml:2:54: table: expected 1 to 31 characters of A-Za-z0-9_, found \"a b\""},
      {"devices:\n  e: {address: a, driver: linux_nft, params: {table: \"a\\nb\"}}\n",
       "banpush.yaml:2:54: table: expected 1 to 31 characters of A-Za-z0-9_, found \"a\\x0ab\""},
      {"devices:\n  e: {address: a, driver: linux_nft, params: {hook: output}}\n",
       "banpush.yaml:2:53: hook: expected one of prerouting, input, forward, found \"output\""},
      {"devices:\n  e: {address: a, driver: linux_nft, params: {table: [a]}}\n", "banpush.yaml:2:54: table: expected text, found a list"},
      // groups and defaults are looked at even where nobody uses them
      {"groups: {edge: {budget: {ipv5: 1}}}\n", "banpush.yaml:1:26: unknown key \"ipv5\"; did you mean \"ipv4\"?"},
      {"groups: {edge: {address: local}}\n", "banpush.yaml:1:17: unknown key \"address\"; there are driver, ~"},
      {"defaults: {usernme: x}\n", "banpush.yaml:1:12: unknown key \"usernme\"; did you mean \"username\"?"},
      {"defaults: {quorum: {hosts: many}}\n", "banpush.yaml:1:28: hosts: expected a whole number from 1 to 1000000, found \"many\""},
  };
  for (const Case &one : cases) {
    INFO(one.text);
    const std::string said = folder.complaint(one.text);
    if (one.said.back() == '~') // names follow that change with the drivers there are
      CHECK(said.find(one.said.substr(0, one.said.size() - 1)) == 0);
    else
      CHECK(said == one.said);
  }
}

TEST_CASE("all mistakes are told at once") {
  const ConfigFolder folder;
  CHECK(folder.complaint(
            "policy:\n  bantme: 1d\n  shortest: {ipv4: 99}\nlimits: {add: lots}\ndevices:\n  e: {address: a, driver: linux_ntf}\n") ==
        "banpush.yaml:2:3: unknown key \"bantme\"; did you mean \"bantime\"?\n"
        "banpush.yaml:3:20: ipv4: expected a whole number from 8 to 32, found \"99\"\n"
        "banpush.yaml:4:15: add: expected a share from 0% to 100%, found \"lots\"\n"
        "banpush.yaml:6:27: there is no driver \"linux_ntf\"; did you mean \"linux_nft\"?");
}

TEST_CASE("a device takes its own keys, then its groups' in order, then the defaults") {
  const ConfigFolder folder;
  const Config config = folder.load(R"(
defaults: {username: anybody, port: 22, run_with: [sudo], params: {tag: 1}}
groups:
  one: {driver: frr, port: 1001, params: {tag: 2}, budget: {ipv4: 10}}
  two: {driver: linux_nft, port: 1002, username: second, budget: {ipv4: 20, ipv6: 30}}
devices:
  a: {address: a, groups: [one, two], params: {vty_socket: /run/x}}
  b: {address: b, groups: [one], port: 1003, run_with: [doas, -n]}
  c: {address: c, driver: frr, params: {tag: 3}}
)");
  const Device &a = *config.device("a"), &b = *config.device("b"), &c = *config.device("c");
  CHECK(a.driver == "frr");
  CHECK(a.port == 1001);
  CHECK(a.login.username == "second");
  CHECK(a.params == std::map<std::string, std::string>{{"tag", "2"}, {"vty_socket", "/run/x"}});
  CHECK(a.budget4 == 10);
  CHECK(a.budget6 == 30);
  CHECK(a.run_with == std::vector<std::string>{"sudo"});
  CHECK(b.port == 1003);
  CHECK(b.run_with == std::vector<std::string>{"doas", "-n"}); // a list replaces
  CHECK(b.login.username == "anybody");
  CHECK(c.params.at("tag") == "3");
  CHECK(a.file == folder.path() + "/banpush.yaml:7:3");
}

TEST_CASE("policy comes from every level, key by key; allow and protect only add up") {
  const ConfigFolder folder;
  const Config config = folder.load(R"(
policy:
  bantime: 1h
  jails: {sshd: {bantime: 2h}, nginx: {ignore: yes}}
  allow: [192.0.2.0/24]
  protect: [198.51.100.1]
  shortest: {ipv4: 20, ipv6: 56}
defaults: {policy: {allow: [192.0.3.0/24]}}
groups:
  edge: {driver: frr, jails: {sshd: {weight: 2}}, allow: 192.0.4.0/24, shortest: {ipv4: 28, ipv6: 32}}
devices:
  a: {address: a, groups: [edge], bantime: 3h, allow: [192.0.5.0/24], protect: [bastion.example.net], protocols: [udp]}
)");
  const Policy &policy = config.device("a")->policy;
  CHECK(policy.bantime == 3 * hour);
  REQUIRE(policy.jails.size() == 2);
  const auto sshd = std::find_if(policy.jails.begin(), policy.jails.end(), [](const JailRule &rule) { return rule.pattern == "sshd"; });
  CHECK(sshd->bantime == 2 * hour);
  CHECK(sshd->weight == 2.0);
  CHECK(policy.protocols == std::vector<std::string>{"udp"});
  std::vector<std::string> allowed;
  for (const NamedPrefix &one : policy.allow)
    allowed.push_back(one.prefix.text() + " " + one.why);
  CHECK(allowed == std::vector<std::string>{"192.0.5.0/24 devices.a.allow", "192.0.4.0/24 groups.edge.allow", "192.0.3.0/24 defaults.allow",
                                            "192.0.2.0/24 policy.allow"});
  CHECK(policy.protect.size() == 1);
  REQUIRE(policy.protect_hosts.size() == 1);
  CHECK(policy.protect_hosts.front().host == "bastion.example.net");
  CHECK(policy.shortest4 == 28); // the strictest, whoever says it
  CHECK(policy.shortest6 == 56);
  CHECK(config.policy.shortest4 == 20);
}

TEST_CASE("of limits the strictest counts, wherever it stands") {
  const ConfigFolder folder;
  const Config config = folder.load(R"(
limits: {add: 50%, remove: 10%, storm: {bans: 100, within: 5m}}
groups: {edge: {driver: frr, limits: {add: 30%, remove: 90%, floor: 500, span: 1%}, storm: {bans: 500, hold: 1h}}}
devices:
  a: {address: a, groups: [edge], add: 90%, floor: 200}
  b: {address: b, driver: frr, limits: {storm: none}}
  c: {address: c, driver: frr}
)");
  const Limits &a = config.device("a")->limits;
  CHECK(a.add == 0.30);
  CHECK(a.remove == 0.10);
  CHECK(a.floor == 200);
  CHECK(a.span == 0.01);
  CHECK(a.storm->bans == 100);
  CHECK(a.storm->within == 5 * minute);
  CHECK(a.storm->hold == hour);
  CHECK(config.device("b")->limits.storm->bans == 100); // `none` is the least strict
  CHECK(config.device("c")->limits.add == 0.50);
  CHECK(config.device("c")->limits.floor == 100);
  CHECK_FALSE(folder.load("limits: {storm: none}\ndevices:\n  c: {address: c, driver: frr}\n").devices.front().limits.storm);
}

TEST_CASE("what the top says of protocols and reserved space is not for this host") {
  const ConfigFolder folder;
  const Config config = folder.load(R"(
policy: {protocols: [tcp, udp], reserved: never}
groups: {strict: {protocols: [tcp], reserved: never}}
devices:
  far: {address: a, driver: frr}
  here: {address: local, driver: linux_nft}
  strict: {address: local, driver: linux_nft, groups: [strict]}
)");
  CHECK(config.device("far")->policy.protocols == std::vector<std::string>{"tcp", "udp"});
  CHECK_FALSE(config.device("far")->policy.reserved_allowed);
  CHECK(config.device("here")->policy.protocols.empty());
  CHECK(config.device("here")->policy.reserved_allowed);
  CHECK(config.device("strict")->policy.protocols == std::vector<std::string>{"tcp"});
  CHECK_FALSE(config.device("strict")->policy.reserved_allowed);
}

TEST_CASE("this host needs no login, so a key for the others is no trouble to it") {
  const ConfigFolder folder;
  const std::string text = "groups: {ssh: {key: /nonexistent/id}}\n";
  CHECK(folder.complaint(text + here).find("banpush.yaml:1:21: key: cannot read /nonexistent/id") == 0); // but it is a mistake all the same
  CHECK(folder.complaint(here) == "nothing");
}

TEST_CASE("`none` takes an inherited rule away") {
  const ConfigFolder folder;
  const Config config = folder.load(R"(
policy: {quorum: {hosts: 2}, escalate: {factor: 2}, max_age: 1w, widen: {ipv6: 64}}
devices:
  a: {address: a, driver: frr, quorum: none, escalate: none, max_age: none, widen: none}
  b: {address: b, driver: frr}
)");
  const Policy &a = config.device("a")->policy, &b = config.device("b")->policy;
  CHECK_FALSE(a.quorum);
  CHECK_FALSE(a.escalate);
  CHECK_FALSE(a.max_age);
  CHECK_FALSE(a.widen6);
  CHECK(b.quorum->hosts == 2);
  CHECK(b.widen6 == 64U);
}

TEST_CASE("a site's own driver and template go before the shipped ones") {
  const ConfigFolder folder;
  folder.write("templates/linux_nft/add",
               "add element inet {{table}} {{list}} { {{#entries}}{{prefix}}{{^last}}, {{/last}}{{/entries}} }\n");
  const Config config = folder.load(here);
  CHECK(config.driver(config.devices.front()).templates.at("add").file() == folder.path() + "/templates/linux_nft/add");
  folder.write("drivers/linux_nft.yaml", "about: broken\n");
  CHECK(folder.complaint(here).find("drivers/linux_nft.yaml:1:1: the key \"transport\" is missing") != std::string::npos);
}
