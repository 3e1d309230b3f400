// What decides over what banpush does, and somebody else may change.
#include "app/world/changeable.hpp"

#include <filesystem>
#include <unistd.h>

#include "config_folder.hpp"

using namespace banpush;

namespace {

namespace fs = std::filesystem;

// What is said once everybody may write a path; nothing is said before and after.
std::string said_of(const Config &config, const std::string &path) {
  CHECK(changeable_by_others(config).empty());
  const fs::perms before = fs::status(path).permissions();
  fs::permissions(path, fs::perms::others_write, fs::perm_options::add);
  const auto lines = changeable_by_others(config);
  fs::permissions(path, before);
  return lines.size() == 1 ? lines.front() : std::to_string(lines.size()) + " lines";
}

} // namespace

TEST_CASE("changeable: allow files, the folders of their wildcards, authorities, and programs that tell the secrets of params") {
  const ConfigFolder folder;
  const std::string path = folder.path();
  const auto listed = folder.write("offices.txt", "192.0.2.0/24\n", 0644), found = folder.write("allow.d/a.txt", "", 0644),
             of_device = folder.write("more/edge.txt", "198.51.100.0/24\n", 0644), ca = folder.write("ca.pem", "", 0644),
             program = folder.write("tell", "#!/bin/sh\n", 0755);
  Config config =
      folder.load("policy: {allow_files: [offices.txt, \"allow.d/*.txt\"]}\n"
                  "devices: {edge: {address: 192.0.2.1, driver: cisco_ios, username: u, policy: {allow_files: more/edge.txt}}}\n");
  TableSource table;
  table.ca = ca;
  config.tables = {table};
  config.devices.front().secrets["key"].command = {program};
  config.state = path + "/state.db";
  for (const auto &[one, what] : {std::pair{listed, "the allowlist"},
                                  {found, "the allowlist"},
                                  {of_device, "the allowlist"},
                                  {ca, "the certificate of the authority"},
                                  {program, "the program"},
                                  {path + "/allow.d", "the folder"}}) {
    INFO(one);
    CHECK(said_of(config, one).find(std::string(what) + " " + one + " may be changed by everybody") == 0);
  }
  fs::remove(found); // an empty folder, too, is one into which somebody may put a file
  config = folder.load("policy: {allow_files: \"allow.d/*.txt\"}\n");
  config.state = path + "/state.db";
  CHECK(said_of(config, path + "/allow.d").find("the folder ") == 0);
}
