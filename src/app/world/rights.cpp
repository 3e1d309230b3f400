#include "app/world/rights.hpp"

#include "core/error.hpp"
#include "files/open.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace banpush {

namespace {

struct Service {
  Owner owner;
  std::string name; // of the user
  std::vector<gid_t> groups;
};

std::string folder_of(const std::string &file) {
  const std::size_t slash = file.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : file.substr(0, slash);
}

std::vector<gid_t> groups_of(const std::string &user, gid_t group) {
  std::vector<gid_t> groups(256);
  int count = static_cast<int>(groups.size());
  if (getgrouplist(user.c_str(), group, groups.data(), &count) < 0)
    return {group};
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

Service service_of(const Folder &state) {
  Service service{state.owner(), user_name(state.owner().user), {}};
  std::array<char, 4096> room{};
  passwd entry{}, *found = nullptr;
  if (getpwuid_r(service.owner.user, &entry, room.data(), room.size(), &found) == 0 && found != nullptr)
    service.groups = groups_of(service.name, found->pw_gid);
  service.groups.push_back(service.owner.group); // of the folder: the service's files have it
  return service;
}

bool may_read(const Service &service, const FileFacts &file) {
  if (file.owner.user == service.owner.user)
    return (file.mode & S_IRUSR) != 0;
  if (std::find(service.groups.begin(), service.groups.end(), file.owner.group) != service.groups.end())
    return (file.mode & S_IRGRP) != 0;
  return (file.mode & S_IROTH) != 0;
}

// Files that whoever records bans writes, beside the service.
enum class Writers { Service, Group };

class Looked {
public:
  explicit Looked(const Config &config) : config_(config) {}

  std::vector<std::string> all() {
    look_at_database(config_.state, Writers::Service);
    look_at_turn(config_.state);
    look_at_database(config_.spool, Writers::Group);
    for (const TableSource &table : config_.tables)
      if (table.kind == TableSource::Kind::Sqlite)
        look_at_database(table.path, Writers::Group);
    for (const std::string &path : {config_.state, config_.spool})
      look_at_readers(path);
    look_at_socket(config_.serve.socket);
    look_at_read();
    return std::move(wrong_);
  }

private:
  void say(const std::string &what, const std::string &remedy) {
    std::string line = fmt::format("{}; mend it with: {}", what, remedy);
    if (std::find(wrong_.begin(), wrong_.end(), line) == wrong_.end())
      wrong_.push_back(std::move(line));
  }

  void look_at_database(const std::string &path, Writers writers) {
    const auto folder = Folder::around(path);
    if (!folder) {
      if (folder.error().code == ELOOP)
        wrong_.push_back(fmt::format("{}: {}", path, folder.error().text));
      return; // one that is missing is made
    }
    look_at_folder(*folder, folder_of(path));
    for (const char *companion : {"", "-wal", "-shm", "-journal"})
      look_at_file(*folder, path + companion, writers);
    if (writers == Writers::Group)
      for (const char *beside : {".waits", ".turn"})
        look_at_file(*folder, path + beside, writers);
  }

  void look_at_turn(const std::string &path) {
    if (const auto folder = Folder::around(path))
      look_at_file(*folder, path + ".turn", Writers::Service);
  }

  void look_at_folder(const Folder &folder, const std::string &path) {
    if (folder.is_for_all())
      say(fmt::format("{} may be written by everybody", path), fmt::format("chmod o-w {}", path));
    const auto facts = file_facts(path);
    if (facts && folder.owner().user != 0 && folder.is_for_group() && (facts->mode & S_ISGID) == 0)
      say(fmt::format("{} may be written by its group, but what is made in it gets another group", path),
          fmt::format("chmod g+s {}", path));
  }

  void look_at_file(const Folder &folder, const std::string &path, Writers writers) {
    const auto about = file_facts(path);
    if (!about)
      return;
    const std::string name = path.substr(path.rfind('/') + 1);
    // What is wrong with the folder is said of the folder: what lies in it may be all there is of a ban.
    if (const auto fit = fit_to_use(folder, name); !fit && !(folder.is_for_all() && fit.error().code == EPERM)) {
      say(fmt::format("{}: {}", path, fit.error().text), fmt::format("rm {}", path));
      return;
    }
    const Service service = service_of(folder);
    if (service.owner.user == 0 || path.rfind(".waits") == path.size() - 6)
      return; // of a mark only that it stands counts
    const bool group_writes = about->owner.group == service.owner.group && (about->mode & 060U) == 060U;
    if (about->owner.user != service.owner.user && !(writers == Writers::Group && group_writes))
      say(fmt::format("{} belongs to {}, and {}, whose folder it is in, cannot use it", path, name_of(about->owner), service.name),
          fmt::format("chown {} {}", name_of(service.owner), path));
    else if (writers == Writers::Group && folder.is_for_group() && !group_writes)
      say(fmt::format("{} ({}, mode {:04o}) cannot be written by the group {}, which may write its folder", path, name_of(about->owner),
                      about->mode & 07777U, group_name(service.owner.group)),
          fmt::format("chgrp {} {} && chmod 660 {}", group_name(service.owner.group), path, path));
  }

  // Scripts and the devices' words stand in the state, and bans with their reasons in the spool.
  void look_at_readers(const std::string &path) {
    for (const char *companion : {"", "-wal", "-shm"})
      if (const auto about = file_facts(path + companion); about && (about->mode & 07U) != 0)
        say(fmt::format("{}{} may be used by everybody (mode {:04o})", path, companion, about->mode & 07777U),
            fmt::format("chmod o-rwx {}{}", path, companion));
  }

  // Others can neither deceive who rings nor the service (both ask the kernel who is at the other end), but keep it from starting.
  void look_at_socket(const std::string &path) {
    if (const auto about = file_facts(path); about && S_ISSOCK(about->mode) && (about->mode & 07U) != 0)
      say(fmt::format("the socket {} may be rung by everybody (mode {:04o})", path, about->mode & 07777U),
          fmt::format("chmod o-rwx {}", path));
    if (const auto folder = Folder::around(path); folder && folder->is_for_all())
      wrong_.push_back(fmt::format(
          "everybody may put something into the place of the socket {}; let serve.socket be in a folder of the service's", path));
  }

  // Configuration, secrets, keys and host keys: the service only reads them.
  void look_at_read() {
    const auto folder = Folder::around(config_.state);
    if (!folder || folder->owner().user == 0)
      return;
    const Service service = service_of(*folder);
    const std::string group = group_name(service.owner.group);
    const auto look = [&](const std::string &path, const char *what, const std::string &remedy) {
      const auto about = file_facts(path);
      if (about && !may_read(service, *about))
        say(fmt::format("{} {} belongs to {}, mode {:04o}, and the service's user {} cannot read it", what, path, name_of(about->owner),
                        about->mode & 07777U, service.name),
            remedy);
    };
    const auto by_group = [&](const std::string &path) { return fmt::format("chgrp {} {} && chmod 640 {}", group, path, path); };
    const auto by_owner = [&](const std::string &path) { return fmt::format("chown {} {} && chmod 600 {}", service.name, path, path); };
    look(config_.path, "the configuration", by_group(config_.path));
    for (const TableSource &table : config_.tables)
      if (table.password.from == Secret::From::File)
        look(table.password.name, "the table's password", by_group(table.password.name));
    const auto look_at_secret = [&](const Secret &secret) {
      if (secret.from == Secret::From::File)
        look(secret.name, "the secret", by_owner(secret.name));
    };
    if (config_.serve.alerts)
      for (const Secret *secret : {&config_.serve.alerts->webhook, &config_.serve.alerts->token})
        look_at_secret(*secret);
    if (config_.serve.http) {
      for (const HttpSettings::Token &token : config_.serve.http->tokens)
        look_at_secret(token.secret);
      if (!config_.serve.http->key.empty())
        look(config_.serve.http->key, "the key", by_owner(config_.serve.http->key));
    }
    for (const Device &device : config_.devices) {
      if (device.is_local())
        continue;
      look(device.login.known_hosts, "the file of host keys", fmt::format("chmod 644 {}", device.login.known_hosts));
      if (!device.login.key.empty())
        look(device.login.key, "the key", by_owner(device.login.key));
      for (const Secret *secret : {&device.login.password, &device.login.passphrase, &device.enable})
        look_at_secret(*secret);
    }
  }

  const Config &config_;
  std::vector<std::string> wrong_;
};

} // namespace

std::vector<std::string> wrong_rights(const Config &config) { return Looked(config).all(); }

void require_service_rights(const Config &config, const std::string &verb) {
  const auto folder = Folder::around(config.state);
  if (::geteuid() == 0 || !folder || folder->owner().user == ::geteuid())
    return;
  for (const std::string &path : {config.state, config.state + ".turn"})
    if (::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0 && errno == EACCES) {
      const std::string service = user_name(folder->owner().user);
      throw Error(ErrorKind::Config,
                  fmt::format("the user {} may not {}: that is for root and for the service's user, {}; callers may ban, unban and list. "
                              "Try it as root, or with `sudo -u {} banpush {} …`",
                              user_name(::geteuid()), verb, service, service, verb));
    }
}

} // namespace banpush
