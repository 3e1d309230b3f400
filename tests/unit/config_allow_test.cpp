#include "config/allow.hpp"
#include "config_folder.hpp"

using namespace banpush;

namespace {

std::vector<std::string> allowed(const Config &config, const ConfigFolder &folder) {
  std::vector<std::string> all;
  for (const NamedPrefix &one : config.policy.allow)
    all.push_back(one.prefix.text() + " " + folder.without_path(one.why));
  return all;
}

} // namespace

TEST_CASE("allow files: one prefix a line, comments, the place as the reason") {
  const ConfigFolder folder;
  folder.write("b.txt", "# two offices\n\n192.0.2.0/24\n  2001:db8::/32\t# with blanks\n", 0644);
  folder.write("a.txt", "203.0.113.7\r\n198.51.100.0/24", 0644);
  folder.write("a.txt~", "nonsense", 0644);
  const Config config = folder.load("policy: {allow: [203.0.113.9], allow_files: [\"*.txt\"]}\n");
  CHECK(allowed(config, folder) == std::vector<std::string>{"203.0.113.9/32 policy.allow", "203.0.113.7/32 a.txt:1",
                                                            "198.51.100.0/24 a.txt:2", "192.0.2.0/24 b.txt:3", "2001:db8::/32 b.txt:4"});
}

TEST_CASE("an allow file in which one line does not parse stops everything, with every bad line") {
  const ConfigFolder folder;
  folder.write("allow.txt",
               "192.0.2.0/24\n192.0.2.1/24\n  2001:db8::1/32 # host bits\nexample.net\n010.0.0.1\n192.0.2.0/33\n192.0.2.1 "
               "192.0.2.2\nfe80::1%eth0\n\xC3\xA4 1\n",
               0644);
  const std::string said = folder.complaint("policy: {allow_files: allow.txt}\n");
  for (const char *place : {"allow.txt:2:", "allow.txt:3:", "allow.txt:4:1: ", "allow.txt:5:", "allow.txt:6:", "allow.txt:7:",
                            "allow.txt:8:", "allow.txt:9:1: "}) {
    INFO(place);
    CHECK(said.find(place) != std::string::npos);
  }
  CHECK(said.find("allow.txt:1:") == std::string::npos);
  INFO(said);
  CHECK(said.find("allow.txt:3:3: \"2001:db8::1/32\": not a network address: bits are set behind /32; did you mean 2001:db8::/32?") !=
        std::string::npos);
}

TEST_CASE("an allow file that is not there, or no text, stops everything") {
  const ConfigFolder folder;
  const auto said = [&](const std::string &files) { return folder.complaint("policy: {allow_files: " + files + "}\n"); };
  CHECK(said("[nowhere.txt]") == "banpush.yaml:1:24: allow_files: cannot read nowhere.txt: No such file or directory");
  folder.write("dir/x.txt", "nonsense\n");
  CHECK(said("dir") == "banpush.yaml:1:23: allow_files: dir is no regular file");
  CHECK(said("\"dir/*\"").find("dir/x.txt:1:1: ") == 0);
  folder.write("binary", std::string("192.0.2.0/24\n\0\n", 15));
  CHECK(said("binary") == "binary:2:1: a control character (U+0000) does not belong in this file");
  CHECK(said("\"none/*.txt\"") == "nothing");
  const Config config = folder.load("policy: {allow_files: \"none/*.txt\"}\n");
  REQUIRE(config.notes.size() == 1);
  CHECK(folder.without_path(config.notes.front()) == "banpush.yaml:1:23: allow_files: the folder none does not exist");
}

TEST_CASE("a file of nonsense is not told line by line for ever") {
  const ConfigFolder folder;
  std::string text;
  for (int i = 0; i < 5000; ++i)
    text += "nonsense\n";
  folder.write("allow.txt", text);
  const std::string said = folder.complaint("policy: {allow_files: allow.txt}\n");
  CHECK(std::count(said.begin(), said.end(), '\n') == 99);
}

TEST_CASE("allow and protect in the file point at the character that is wrong") {
  const ConfigFolder folder;
  CHECK(folder.complaint("policy: {allow: [192.0.2.0/24, 192.0.2.0/33]}\n").find("banpush.yaml:1:42: allow: ") == 0);
  CHECK(folder.complaint("policy: {allow: [\"192.0.2.0/33\"]}\n").find("banpush.yaml:1:29: allow: ") == 0);
  CHECK(folder.complaint("policy: {allow: [bastion.example.net]}\n").find("banpush.yaml:1:18: allow: ") == 0); // only protect takes names
  CHECK(folder.complaint("policy: {allow: {a: b}}\n") == "banpush.yaml:1:17: allow: expected an address or a prefix, found a mapping");
}

TEST_CASE("protect takes names of hosts, to be resolved by whoever uses them") {
  const ConfigFolder folder;
  const Config config = folder.load("policy: {protect: [198.51.100.0/28, bastion.example.net, db1]}\n");
  REQUIRE(config.policy.protect.size() == 1);
  REQUIRE(config.policy.protect_hosts.size() == 2);
  CHECK(config.policy.protect_hosts[0].host == "bastion.example.net");
  CHECK(config.policy.protect_hosts[0].why == "policy.protect");
  for (const char *wrong : {"198.51.100.256", "198.51.100.1/28", "a_b.example", "-a", "a..b", "a b", "10.0.0", "'a;b'"}) {
    INFO(wrong);
    CHECK(folder.complaint("policy: {protect: [" + std::string(wrong) + "]}\n").find("banpush.yaml:1:") == 0);
  }
}

TEST_CASE("names of hosts") {
  for (const char *good : {"a", "localhost", "bastion.example.net", "a-b.c1", "1a.example", "4.example.net"})
    CHECK(is_host_name(good));
  for (const char *bad : {"", ".", "a.", ".a", "-a", "a-", "a..b", "10.0.0.1", "a.1", "a_b", "a b", "a/b", "\xC3\xA4.example"})
    CHECK_FALSE(is_host_name(bad));
  CHECK_FALSE(is_host_name(std::string(64, 'a')));
  CHECK_FALSE(is_host_name(std::string(300, 'a')));
}
