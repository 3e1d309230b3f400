#include "config/driver/driver_file.hpp"
#include "config_folder.hpp"

using namespace banpush;

namespace {

constexpr const char *whole = R"(about: a driver made for this test
sets: list
transport: [cli]
evidence: {level: documented, source: this file}
params:
  acl4: {type: name, charset: "A-Z0-9-", max: 20, default: BAN4}
  vlan: {type: number, from: 1, to: 4094, optional: yes}
  uplink: {type: name, for: setup}
prompts: {exec: '\w+#', config: '\w+\(config\)#'}
session: [terminal length 0]
fatal: '^% '
facts:
  archive: {send: show archive, holds: 'on'}
lists:
  acl4: {holds: {families: [4]}, owned_by: list, numbers: {from: 10, to: 1000, step: 10}}
reads:
  - lists: [acl4]
    send: "show access-list {{acl4}}"
    found: '\S'
    entry: ['^ (?P<number>\d+) deny ip host (?P<address>\S+) any$']
    terminal: '^ (?P<number>\d+) permit'
stages:
  open: {until: config}
  add: {until: config}
  remove: {until: config}
  close: {until: exec}
script:
  add: ['^ (?P<number>\d+) deny ip host (?P<address>\S+) any$']
  remove: ['^ no (?P<number>\d+)$']
  frame: ['^ip access-list extended (?P<list>\S+)$']
)";

// A data folder with this one driver, or with the driver changed.
class DriverFolder {
public:
  DriverFolder() {
    write("templates/x/open", "configure terminal\n");
    write("templates/x/add", "ip access-list extended {{list}}\n{{#entries}}\n {{number}} deny ip host {{address}} any\n{{/entries}}\n");
    write("templates/x/remove", "ip access-list extended {{list}}\n{{#entries}}\n no {{number}}\n{{/entries}}\n");
    write("templates/x/close", "end\n");
  }

  void write(const std::string &name, const std::string &text) const { folder_.write(name, text); }
  void remove(const std::string &name) const { std::filesystem::remove(folder_.path() + "/" + name); }
  Driver load(const std::string &text = whole, const std::string &name = "x") const {
    return load_driver(folder_.write("drivers/" + name + ".yaml", text), {folder_.path()});
  }
  std::string complaint(const std::string &text, const std::string &name = "x") const {
    try {
      load(text, name);
    } catch (const Error &error) {
      CHECK(error.kind() == ErrorKind::Config);
      return folder_.without_path(error.what());
    }
    return "nothing";
  }
  const std::string &path() const { return folder_.path(); }

private:
  ConfigFolder folder_;
};

std::string with(const std::string &from, const std::string &to) {
  std::string text = whole;
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

} // namespace

TEST_CASE("a driver file becomes a driver") {
  const DriverFolder folder;
  const Driver driver = folder.load();
  CHECK(driver.name == "x");
  CHECK(driver.transports == std::vector<TransportKind>{TransportKind::Cli});
  CHECK(driver.evidence.level == EvidenceLevel::Documented);
  CHECK(driver.params.at("acl4").standard == "BAN4");
  CHECK(driver.params.at("vlan").optional);
  CHECK(driver.params.at("uplink").only == "setup");
  CHECK(driver.fatal.size() == 1);
  CHECK(driver.facts.front().name == "archive");
  REQUIRE(driver.list("acl4") != nullptr);
  CHECK(driver.list("acl4")->numbers->step == 10);
  CHECK(driver.list("acl4")->families == std::vector<Family>{Family::IPv4});
  CHECK(driver.reads.front().entry.front().has_group("address"));
  CHECK(driver.stages.at(Stage::Open).front().until.text() == "\\w+\\(config\\)#");
  CHECK(driver.templates.at("add").text().find("{{number}} deny") != std::string::npos);
  CHECK(driver.spoken.frame.size() == 1);
  CHECK(driver.has(Stage::Close));
  CHECK_FALSE(driver.has(Stage::Save));
}

TEST_CASE("a driver file that is wrong is refused, each mistake with its place") {
  const DriverFolder folder;
  struct Case {
    std::string from, to, said;
  };
  const std::vector<Case> cases{
      {"about: a", "abut: a",
       "drivers/x.yaml:1:1: the key \"about\" is missing\ndrivers/x.yaml:1:1: unknown key \"abut\"; did you mean \"about\"?"},
      {"[cli]", "[clli]", "drivers/x.yaml:3:13: transport: unknown word \"clli\"; did you mean \"cli\"?"},
      {"[cli]", "[]", "?"},
      {"documented, source: this file", "documented", "drivers/x.yaml:4:11: evidence: the key \"source\" is missing"},
      {"documented", "certain", "drivers/x.yaml:4:19: level: expected believed, documented, captured or live, found \"certain\""},
      {"type: name, charset", "type: nmae, charset", "?"},
      {"max: 20", "max: 020", "drivers/x.yaml:6:47: max: \"020\" looks octal; write it without the leading zero"},
      {"default: BAN4", "default: ban4", "drivers/x.yaml:6:60: default: expected 1 to 20 characters of A-Z0-9-, found \"ban4\""},
      {"\"A-Z0-9-\"", "\"Z-A\"", "drivers/x.yaml:6:31: charset: expected the characters between [ and ] of a pattern, found \"Z-A\""},
      {"from: 1, to: 4094", "from: 5, to: 4", "drivers/x.yaml:7:9: vlan: from 5 to 4 is empty"},
      {"for: setup}", "for: add}", "drivers/x.yaml:8:29: for: expected setup, found \"add\""},
      {"'\\w+#'", "'\\w+('", "drivers/x.yaml:9:17: exec: pattern `\\w+(`: missing ): \\w+("},
      {"[terminal length 0]", "\"terminal\\nlength\"", "drivers/x.yaml:10:10: session: control character in \"terminal\\x0alength\""},
      {"show archive", "'show {{archiv}}'", "drivers/x.yaml:13:19: send: nothing here is called \"archiv\"; there are acl4, vlan, uplink"},
      {", holds: 'on'", "", "drivers/x.yaml:13:12: archive: needs holds or address, and only one of them"},
      {"archive: {", "host: {", "drivers/x.yaml:13:3: the name \"host\" is taken: templates know it already"},
      {"archive: {", "vlan: {", "drivers/x.yaml:13:3: the name \"vlan\" is taken by a param or list"},
      {"families: [4]", "families: [5]", "drivers/x.yaml:15:29: families: expected 4 or 6, found \"5\""},
      {"owned_by: list", "owned_by: us", "drivers/x.yaml:15:44: owned_by: expected list, numbers or tag, found \"us\""},
      {"from: 10, to: 1000", "from: 10, to: 9", "drivers/x.yaml:15:59: numbers: from 10 to 9 is empty"},
      {"- lists: [acl4]", "- lists: [acl5]",
       "drivers/x.yaml:17:3: reads: nothing reads the list \"acl4\"\ndrivers/x.yaml:17:13: lists: no list is called \"acl5\"; did you mean "
       "\"acl4\"?"},
      {"{{acl4}}\"", "{{alc4}}\"", "drivers/x.yaml:18:11: send: nothing here is called \"alc4\"; did you mean \"acl4\"?"},
      {"{{acl4}}\"", "{{acl4\"", "?"},
      {"    send: \"show access-list {{acl4}}\"\n", "",
       "drivers/x.yaml:17:5: reads: the key \"send\" is missing, which transport cli needs"},
      {"    send: \"show", "    run: [a]\n    send: \"show", "drivers/x.yaml:18:10: run: has no use, as transport has no exec"},
      {"    found: '\\S'\n", "",
       "drivers/x.yaml:17:5: reads: the key \"found\" is missing: what a complete reply contains (or empty_is_none: yes, where the exit "
       "status proves "
       "it)"},
      {"    found: '\\S'\n", "    empty_is_none: yes\n",
       "drivers/x.yaml:19:20: empty_is_none: only where a program's exit status tells (transport exec alone)"},
      {"entry: ['^ (?P<number>\\d+) deny ip host (?P<address>", "entry: ['^ (?P<number>\\d+) deny ip host (?P<adress>",
       "drivers/x.yaml:20:13: entry: needs a group prefix, slug, address, or first and last\n"
       "drivers/x.yaml:20:13: entry: unknown group \"adress\"; did you mean \"address\"?"},
      {"    terminal:", "    items: /a\n    terminal:", "drivers/x.yaml:21:5: unknown key \"items\"?"},
      {"  open: {until: config}", "  open: {until: confg}",
       "drivers/x.yaml:23:17: until: no prompt is called \"confg\"; did you mean \"config\"?"},
      {"  open:", "  opne:", "drivers/x.yaml:23:3: no stage is called \"opne\"; did you mean \"open\"?"},
      {"  open: {until: config}", "  open:", "drivers/x.yaml:23:3: open: no value; write open: {} for a stage with nothing to say"},
      {"  open: {until: config}", "  open: {until: config, when: arcive}",
       "drivers/x.yaml:23:31: when: nothing it may ask for is called \"arcive\"; did you mean \"archive\"?"},
      {"  open: {until: config}", "  open: {until: config, when: '!archive', window: {lines: 0}}",
       "drivers/x.yaml:23:59: lines: expected a whole number from 1 to 100000, found \"0\""},
      {"  open: {until: config}", "  open: {run: [a], template: open}",
       "drivers/x.yaml:23:30: template: run is a program of its own and takes no template\n"
       "templates/x/open:1:1: no stage of driver x uses this template; did you mean \"open\"?"},
      {"  open: {until: config}", "  open: {template: ../../secret}",
       "drivers/x.yaml:23:20: template: expected the name of a file in the template folder, found \"../../secret\""},
      {"  open: {until: config}", "  open: {template: opened}",
       "drivers/x.yaml:1:1: there is no template \"opened\" in templates/x\n"
       "templates/x/open:1:1: no stage of driver x uses this template; did you mean \"open\"?"},
      {"  open: {until: config}", "  open: {ask: [{question: 'sure?'}]}", "drivers/x.yaml:23:16: ask: the key \"answer\" is missing"},
      {"  add: ['^ (", "  add: ['^ x(", "nothing"},
      {"  add: ['^ (?P<number>\\d+) deny ip host (?P<address>\\S+) any$']", "  add: ['^ deny']",
       "drivers/x.yaml:28:9: add: needs a group prefix, slug, address, first and last, or number"},
      {"  add: ['^ (?P<number>\\d+) deny ip host (?P<address>\\S+) any$']", "  add: [{line: '^x', item: '(?P<prefix>y)'}]",
       "drivers/x.yaml:28:16: line: needs a group (?P<entries>…), which item cuts up"},
      {"  remove: ['^ no (?P<number>\\d+)$']\n", "",
       "drivers/x.yaml:1:1: script: add and remove must say how blocks are read back out of the lines"},
      {"fatal: '^% '", "fatal: '^{{acl4}}'", "drivers/x.yaml:11:8: fatal: {{name}} is not filled in here"},
      {"fatal:", "order: [add]\nfatal:", "drivers/x.yaml:11:8: order: expected [add, remove] or [remove, add]"},
      {"fatal:", "newline: x\nfatal:", "drivers/x.yaml:11:10: newline: expected \"\\n\", \"\\r\" or \"\\r\\n\", found \"x\""},
      {"fatal:", "dead_man: {kind: timer, unit: hours}\nfatal:",
       "drivers/x.yaml:11:31: unit: expected seconds or minutes, found \"hours\""},
      {"fatal:", "enable: {send: enable, password: 'word:', prompt: exce}\nfatal:",
       "drivers/x.yaml:11:51: prompt: no prompt is called \"exce\"; did you mean \"exec\"?"},
      {"fatal:", "limits: {entries: none}\nfatal:",
       "drivers/x.yaml:11:19: entries: expected a whole number from 1 to 1000000000, found \"none\""},
      {"fatal:", "fatal: x\nfatal:", "drivers/x.yaml:12:1: duplicate key \"fatal\", first in line 11"},
  };
  for (const Case &one : cases) {
    INFO(one.to);
    const std::string said = folder.complaint(with(one.from, one.to));
    if (one.said == "?")
      CHECK(said.find("drivers/x.yaml:") == 0);
    else if (one.said.back() == '?' && one.said.find("did you mean") == std::string::npos)
      CHECK(said.find(one.said.substr(0, one.said.size() - 1)) == 0);
    else
      CHECK(said == one.said);
  }
}

TEST_CASE("questions at the login are answered as the driver says, and told apart when they are wrong") {
  const DriverFolder folder;
  const std::string login = "login: [{question: '^Press any key', answer: y}, {question: 'license\\? \\[Y/n\\]:', answer: n}]\n";
  const Driver driver = folder.load(whole + login);
  REQUIRE(driver.login.size() == 2);
  CHECK(driver.login[0].question.found_in("Press any key to continue"));
  CHECK(driver.login[0].answer == "y");
  CHECK(driver.login[1].question.found_in("see the software license? [Y/n]:"));
  CHECK(driver.login[1].answer == "n");
  CHECK(folder.load().login.empty());
  CHECK_THAT(folder.complaint(std::string(whole) + "login: [{question: '(', answer: y}]\n"), Catch::Contains("drivers/x.yaml:"));
  CHECK_THAT(folder.complaint(std::string(whole) + "login: [{quesion: 'x', answer: y}]\n"), Catch::Contains("question"));
}

TEST_CASE("a template that is wrong is refused with its place") {
  const DriverFolder folder;
  const std::vector<std::pair<std::string, std::string>> cases{
      {"{{#entries}}\n {{numbr}}\n{{/entries}}\n", "templates/x/add:2:2: nothing is called \"numbr\"; did you mean \"number\"?"},
      {"{{#entries}}\n", "templates/x/add:1:1: section {{#entries}} is not closed"},
      {"{{> open}}\n", "templates/x/add:1:1: partials are not used here"},
      {"a\n b {{{list}}}\n", "templates/x/add:2:4: {{{…}}} is not used here: nothing is escaped, {{name}} is enough"},
      {"{{=<% %>=}}\n", "templates/x/add:1:1: delimiters cannot be changed here"},
      {"{{port}}\n", "nothing"}, // the view's own
      {"{{acl4_stands}}\n", "templates/x/add:1:1: acl4_stands is known in setup and unsetup only"},
      {"a\x07\n", "templates/x/add:1:2: a control character (U+0007) does not belong in this file"},
      {"\xFF\n", "templates/x/add:1:1: the byte 0xFF, which is no UTF-8, does not belong in this file"},
  };
  for (const auto &[text, said] : cases) {
    INFO(text);
    folder.write("templates/x/add", text);
    CHECK(folder.complaint(whole) == said);
  }
}

TEST_CASE("a param for setup, and a secret, stay out of what changes") {
  const DriverFolder folder;
  const std::string driver =
      with("  uplink: {type: name, for: setup}", "  uplink: {type: name, for: setup}\n  word: {type: secret, optional: yes}");
  folder.write("templates/x/close", "interface {{uplink}}\nenable {{word}}\n");
  CHECK(folder.complaint(driver) == "templates/x/close:1:11: uplink is known in setup and unsetup only\n"
                                    "templates/x/close:2:8: word is a secret and not allowed in a template");
  folder.write("templates/x/close", "end\n");
  folder.write("templates/x/setup", "interface {{uplink}}\n{{^acl4_in_force}}\n ip access-group {{acl4}} in\n{{/acl4_in_force}}\n");
  CHECK(folder.complaint(driver) == "nothing");
}

TEST_CASE("a stage is there when its template is, and every template is some stage's") {
  const DriverFolder folder;
  folder.write("templates/x/save", "write memory\n");
  CHECK(folder.load().has(Stage::Save));
  folder.write("templates/x/.save.swp", "an editor's\n");
  folder.write("templates/x/svae", "write memory\n");
  CHECK(folder.complaint(whole) == "templates/x/svae:1:1: no stage of driver x uses this template; did you mean \"save\"?");
  folder.remove("templates/x/svae");
  folder.remove("templates/x/add");
  CHECK(folder.complaint(whole) == "drivers/x.yaml:1:1: there is no template \"add\" in templates/x");
}

TEST_CASE("a driver that extends another takes what it does not say itself") {
  const DriverFolder folder;
  folder.load();
  const std::string child = "extends: x\nevidence: {level: captured, source: a session}\n"
                            "params: {acl4: {type: name, default: OTHER4}, vlan: }\n"
                            "stages: {close: , save: {until: exec}}\n"
                            "fatal: ['^Error']\n";
  folder.write("templates/y/save", "save force\n");
  folder.write("templates/y/add",
               "ip access-list extended {{list}}\n{{#entries}}\n {{number}} deny ip host {{address}} any\n{{/entries}}\nexit\n");
  const Driver driver = folder.load(child, "y");
  CHECK(driver.name == "y");
  CHECK(driver.about == "a driver made for this test");
  CHECK(driver.evidence.source == "a session");
  CHECK(driver.params.at("acl4").standard == "OTHER4");
  CHECK(driver.params.count("vlan") == 0);
  CHECK(driver.params.count("uplink") == 1);
  CHECK(driver.fatal.front().text() == "^Error");
  CHECK(driver.has(Stage::Save));
  CHECK_FALSE(driver.has(Stage::Close)); // though the parent has a template for it
  CHECK(driver.templates.at("add").file() == folder.path() + "/templates/y/add");
  CHECK(driver.templates.at("open").file() == folder.path() + "/templates/x/open");
  CHECK(folder.complaint("extends: x\n", "y") == "drivers/y.yaml:1:1: the key \"evidence\" is missing");
}

TEST_CASE("what a child makes wrong in its parent's file names the child") {
  const DriverFolder folder;
  folder.load();
  const std::string child = "extends: x\nevidence: {level: captured, source: a session}\nprompts: {config:}\n";
  const std::string complaint = folder.complaint(child, "y");
  INFO(complaint);
  CHECK(complaint.find("drivers/x.yaml:") != std::string::npos);
  CHECK(complaint.find(" (in driver y, which extends x)") != std::string::npos);
}

TEST_CASE("extends that leads nowhere or in a circle is refused") {
  const DriverFolder folder;
  folder.load();
  const std::string evidence = "evidence: {level: live, source: none}\n";
  CHECK(folder.complaint("extends: xx\n" + evidence, "y") ==
        "drivers/y.yaml:1:10: extends: there is no driver \"xx\"; did you mean \"x\"?");
  CHECK(folder.complaint("extends: ../drivers/x\n" + evidence, "y").find("drivers/y.yaml:1:10: extends: there is no driver") == 0);
  CHECK(folder.complaint("extends: y\n" + evidence, "y") == "drivers/y.yaml:1:10: extends: y comes back to itself");
  folder.write("drivers/z.yaml", "extends: y\n");
  CHECK(folder.complaint("extends: z\n" + evidence, "y") == "drivers/z.yaml:1:10: extends: y comes back to itself");
  CHECK(folder.complaint("extends: [x]\n" + evidence, "y") == "drivers/y.yaml:1:10: extends: expected text, found a list");
}

TEST_CASE("mistakes of the parent are told at the parent's place") {
  const DriverFolder folder;
  folder.write("drivers/x.yaml", with("max: 20", "max: many"));
  CHECK(folder.complaint("extends: x\nevidence: {level: live, source: none}\n", "y") ==
        "drivers/x.yaml:6:47: max: expected a whole number from 1 to 1000, found \"many\"");
}

TEST_CASE("all drivers of all folders are found, a broken one with what is wrong") {
  const DriverFolder first, second;
  first.load();
  second.load(with("about: a", "about: another"), "x");
  second.write("drivers/broken.yaml", "about: [\n");
  const auto all = find_drivers({first.path(), second.path(), "/nonexistent"});
  REQUIRE(all.size() == 2);
  CHECK(all[0].name == "broken");
  CHECK_FALSE(all[0].driver);
  CHECK(all[0].problems.find("drivers/broken.yaml:") != std::string::npos);
  REQUIRE(all[1].driver);
  CHECK(all[1].driver->about == "a driver made for this test"); // the first folder's
}

TEST_CASE("a driver file cut anywhere, or with a byte changed, ends in a driver or in an error") {
  const DriverFolder folder;
  const std::string text = whole;
  std::size_t loaded = 0, refused = 0;
  const auto attempt = [&](const std::string &broken) {
    try {
      folder.load(broken);
      ++loaded;
    } catch (const Error &error) {
      CHECK(error.kind() == ErrorKind::Config);
      CHECK_FALSE(std::string(error.what()).empty());
      ++refused;
    }
  };
  for (std::size_t length = 0; length < text.size(); length += 13)
    attempt(text.substr(0, length));
  CHECK(loaded == 0);          // every part of it is needed
  std::uint32_t random = 4711; // a fixed sequence, the same in every run
  const auto next = [&random] { return random = random * 1664525U + 1013904223U; };
  for (int i = 0; i < 300; ++i) {
    std::string broken = text;
    constexpr char signs[] = "{}[]():,&*!|>'\"%@`#-?<\\ \n \t\x00\x80\xff"
                             "0a";
    broken[(next() >> 8) % broken.size()] = signs[(next() >> 8) % (sizeof signs - 1)];
    attempt(broken);
  }
  CHECK(refused > 100);
}

TEST_CASE("a NETCONF driver is read by paths") {
  const DriverFolder folder;
  std::filesystem::remove_all(folder.path() + "/templates/x");
  folder.write("templates/x/change", "<acls>{{#lists}}{{#add}}<ace>{{prefix}}</ace>{{/add}}{{/lists}}</acls>\n");
  folder.write("templates/x/show", "<acls/>\n");
  const std::string netconf = R"(about: XML
transport: [netconf]
evidence: {level: believed, source: nobody}
dead_man: {kind: commit, unit: seconds, when: ":confirmed-commit:1.1"}
namespaces: {acl: "urn:example:acl"}
lists: {acl4: {holds: {families: [4]}, owned_by: tag}}
reads:
  - lists: [acl4]
    rpc: show
    format: xml
    items: //acl
    list: name
    entries: aces/ace
    ours: {at: name, like: '^ban-'}
    entry: [{prefix: matches/ipv4/source, number: name}]
stages: {change: {}}
script: {xml_add: "//ace[not(@operation)]", xml_remove: "//ace[@operation='remove']", entry: {prefix: source}}
)";
  const Driver driver = folder.load(netconf);
  CHECK(driver.templates.count("show") == 1);
  CHECK(driver.dead_man->when == ":confirmed-commit:1.1");
  CHECK(driver.reads.front().shapes.front().at("prefix") == "matches/ipv4/source");
  CHECK(driver.reads.front().ours_at == "name");
  const auto said = [&](const std::string &from, const std::string &to) {
    std::string text = netconf;
    return folder.complaint(text.replace(text.find(from), from.size(), to));
  };
  CHECK(said("rpc: show", "rpc: shwo").find("there is no template \"shwo\"") != std::string::npos);
  CHECK(said("items: //acl", "items: '//acl['") == "drivers/x.yaml:11:12: items: `//acl[` is no XPath: Unrecognized node test");
  CHECK(
      said("{prefix: matches", "{prefx: matches").find("drivers/x.yaml:15:14: entry: unknown piece \"prefx\"; did you mean \"prefix\"?") !=
      std::string::npos);
}
