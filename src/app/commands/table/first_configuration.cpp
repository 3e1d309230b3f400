#include "app/commands/table/first_configuration.hpp"

#include "core/error.hpp"
#include "files/open.hpp"
#include "files/own_files.hpp"

#include <fmt/format.h>

namespace banpush {

namespace {

constexpr const char *text = R"(# Written by `banpush init`. banpush.yaml(5) explains every key, and the example that comes with banpush
# (share/doc/banpush/examples/banpush.yaml) shows them all. Try every change with `banpush check`.

# The table of bans. One host alone keeps it in a file:
bans:
  url: sqlite:/var/lib/banpush/bans.db
# Several servers share one in MySQL or MariaDB; put its password into a file of root:banpush with mode 0640:
#  url: mysql://fail2ban@db.example.net:3306/fail2ban
#  password: {file: /etc/banpush/db.pass}

# What is never blocked, besides what is found by itself (this host, the devices, the table, name servers, who is logged in):
#policy:
#  allow: [192.0.2.0/24]
#  protect: [198.51.100.0/28, bastion.example.net]

# Whom bans are pushed to. `banpush drivers` lists the platforms; `banpush setup DEVICE` shows what a device needs first.
# A router, for example; its key is made by ssh-keygen, and `banpush trust edge1` stores its host key:
#  edge1: {address: 198.51.100.1, driver: frr, username: banpush, key: /etc/banpush/id_ed25519}
devices:
  here: {address: local, driver: linux_nft}
)";

// For editors that complete and check YAML by a schema.
std::string line_for_editors() {
  const std::string schema = data_folder() + "/schema/banpush.schema.json";
  return file_exists(schema).value_or(false) ? fmt::format("# yaml-language-server: $schema={}\n", schema) : std::string();
}

Error refused(const std::string &path, const FileProblem &problem) {
  return Error(ErrorKind::Usage, fmt::format("a configuration cannot be written to {}: {}", path, problem.text));
}

} // namespace

FirstConfiguration write_first_configuration(const std::string &path) {
  if (const auto folder = Folder::around(path, Folder::Missing::Make); !folder)
    throw refused(path, folder.error());
  const auto alone = lock_folder_of(path); // of two at once one writes
  if (!alone)
    throw refused(path, alone.error());
  const auto there = file_exists(path);
  if (!there)
    throw refused(path, there.error());
  if (*there)
    return FirstConfiguration::ThereAlready;
  if (const auto written = replace_file(path, line_for_editors() + text, Shared::GroupReads); !written)
    throw refused(path, written.error());
  return FirstConfiguration::Written;
}

} // namespace banpush
