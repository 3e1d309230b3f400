#include "app/world/changeable.hpp"

#include "files/open.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace banpush {

namespace {

std::string folder_of(const std::string &file) {
  const std::size_t slash = file.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : file.substr(0, slash);
}

// The group that a user's files have by themselves.
bool is_own_group(const Owner &owner) {
  std::array<char, 4096> room{};
  passwd entry{}, *found = nullptr;
  return getpwuid_r(owner.user, &entry, room.data(), room.size(), &found) == 0 && found != nullptr && found->pw_gid == owner.group;
}

class Looked {
public:
  explicit Looked(const Config &config) : config_(config) {
    if (const auto state = Folder::around(config.state))
      service_ = state->owner();
  }

  std::vector<std::string> all() {
    look_at(config_.path, "the configuration");
    look_at_all(folder_of(config_.path) + "/drivers", "the driver");
    look_at_all(folder_of(config_.path) + "/templates", "the template");
    look_at_allow(config_.policy);
    for (const Device &device : config_.devices) {
      look_at_allow(device.policy);
      if (!device.is_local())
        look_at(device.login.known_hosts, "the file of host keys");
      for (const Secret *one : {&device.login.password, &device.login.passphrase, &device.enable})
        look_at_program(one->command);
      for (const auto &[name, secret] : device.secrets)
        look_at_program(secret.command);
      look_at_program(device.run_with);
      for (const Probe &probe : device.probe)
        look_at_program(probe.command);
    }
    for (const TableSource &table : config_.tables) {
      look_at_program(table.password.command);
      look_at_authority(table.ca);
    }
    if (config_.serve.alerts) {
      look_at_authority(config_.serve.alerts->ca);
      look_at_program(config_.serve.alerts->command);
      look_at_program(config_.serve.alerts->webhook.command);
      look_at_program(config_.serve.alerts->token.command);
    }
    if (config_.serve.http && !config_.serve.http->certificate.empty())
      look_at(config_.serve.http->certificate, "the certificate");
    if (config_.serve.http)
      for (const HttpSettings::Token &token : config_.serve.http->tokens)
        look_at_program(token.secret.command);
    return std::move(wrong_);
  }

private:
  // A site's own, beside the configuration, those too that only others of its drivers extend. Those that came with the program are
  // whose the program is.
  void look_at_all(const std::string &folder, const char *what) {
    namespace fs = std::filesystem;
    std::error_code failure;
    const auto about = file_facts(real_path(folder));
    if (!about || !S_ISDIR(about->mode))
      return;
    look_at_one(real_path(folder), "the folder");
    for (fs::recursive_directory_iterator at(folder, failure), end; !failure && at != end; at.increment(failure))
      look_at_one(real_path(at->path().string()), at->is_directory(failure) ? "the folder" : what);
  }

  void look_at_allow(const Policy &policy) {
    for (const std::string &path : policy.allow_paths) {
      const auto about = file_facts(real_path(path));
      look_at(path, about && S_ISDIR(about->mode) ? "the folder" : "the allowlist");
    }
  }

  void look_at_authority(const std::string &path) {
    if (!path.empty())
      look_at(path, "the certificate of the authority");
  }

  // Of those that are found by PATH the system is the judge.
  void look_at_program(const std::vector<std::string> &argv) {
    if (!argv.empty() && argv.front().find('/') != std::string::npos)
      look_at(argv.front(), "the program");
  }

  // The file, and its folder: who may write that exchanges the file.
  void look_at(const std::string &path, const char *what) {
    const std::string real = real_path(path);
    look_at_one(real, what);
    look_at_one(real_path(folder_of(real)), "the folder");
    if (real != path)
      look_at_one(real_path(folder_of(path)), "the folder");
  }

  // A link has a mode that says nothing: what it leads to is looked at.
  static std::string real_path(const std::string &path) {
    std::error_code failure;
    const auto real = std::filesystem::canonical(path, failure);
    return failure ? path : real.string();
  }

  void look_at_one(const std::string &path, const char *what) {
    const auto about = file_facts(path);
    if (!about)
      return;
    const bool is_sticky_folder = S_ISDIR(about->mode) && (about->mode & S_ISVTX) != 0;
    if (const uid_t user = about->owner.user; user != 0 && user != service_.user && user != ::geteuid())
      say(fmt::format("{} {} belongs to {}, who may change it", what, path, user_name(user)), fmt::format("chown root {}", path));
    if (is_sticky_folder) // others put files there, and exchange only their own
      return;
    if ((about->mode & S_IWOTH) != 0)
      say(fmt::format("{} {} may be changed by everybody (mode {:04o})", what, path, about->mode & 07777U),
          fmt::format("chmod o-w {}", path));
    const Owner &owner = about->owner;
    if ((about->mode & S_IWGRP) != 0 && owner.group != 0 && (owner.group == service_.group || !is_own_group(owner)))
      say(fmt::format("{} {} may be changed by the group {} (mode {:04o})", what, path, group_name(owner.group), about->mode & 07777U),
          fmt::format("chmod g-w {}", path));
  }

  void say(const std::string &what, const std::string &remedy) {
    std::string line = fmt::format("{}; mend it with: {}", what, remedy);
    if (std::find(wrong_.begin(), wrong_.end(), line) == wrong_.end())
      wrong_.push_back(std::move(line));
  }

  const Config &config_;
  Owner service_; // root where there is none
  std::vector<std::string> wrong_;
};

} // namespace

std::vector<std::string> changeable_by_others(const Config &config) { return Looked(config).all(); }

} // namespace banpush
