#include "config/secret.hpp"

#include "config/document/mapping.hpp"
#include "config/document/text_file.hpp"
#include "config/document/values.hpp"
#include "files/open.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <grp.h>
#include <mutex>
#include <set>

namespace banpush {

namespace {

constexpr std::size_t most_bytes = 64 * 1024;

bool is_variable_name(const std::string &name) noexcept {
  const auto is_letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; };
  return !name.empty() && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

void read_form(const Node &form, Secret &secret, Problems &problems, const std::string &folder) {
  const std::string &key = form.name;
  if (key == "command") {
    secret.command = argv_of(form, problems);
    secret.from = Secret::From::Command;
    return;
  }
  const auto name = text_of(form, problems);
  if (!name)
    return;
  if (key == "file") {
    secret.from = Secret::From::File;
    secret.name = resolved_path(*name, folder);
    if (const auto objection = unfit_as_secret(secret.name, form.place.file ? *form.place.file : ""))
      problems.add(form.place, fmt::format("file: {}", *objection));
    return;
  }
  secret.from = Secret::From::Environment;
  secret.name = *name;
  if (!is_variable_name(*name))
    add_mismatch(form, problems, "the name of an environment variable");
  else if (const char *const value = std::getenv(name->c_str()); value == nullptr || *value == '\0')
    problems.add(form.place, fmt::format("env: the environment variable {} is {}", *name, value == nullptr ? "not set" : "empty"));
}

std::string one_line(std::string text, const std::string &origin) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
    text.pop_back();
  if (text.empty())
    throw Error(ErrorKind::Config, fmt::format("the secret from {} is empty", origin));
  if (std::any_of(text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r' || c == '\0'; }))
    throw Error(ErrorKind::Config, fmt::format("the secret from {} has more than one line", origin));
  return text;
}

// Groups that root gave a configuration to: what was accepted when it was loaded is so when a secret is read.
class Groups {
public:
  void add(gid_t group) {
    const std::lock_guard lock(lock_);
    groups_.insert(group);
  }
  bool has(gid_t group) {
    const std::lock_guard lock(lock_);
    return groups_.count(group) != 0;
  }

private:
  std::mutex lock_;
  std::set<gid_t> groups_;
};

Groups &groups_of_configurations() {
  static Groups groups;
  return groups;
}

// Root's own group is nobody's on purpose: it is what a file of root's has by itself.
bool is_group_of_service(gid_t group, const std::string &config) {
  const auto learn = [](const Owner &owner) {
    if (owner.user == 0 && owner.group != 0)
      groups_of_configurations().add(owner.group);
  };
  if (const auto file = file_facts(config))
    learn(file->owner);
  if (const auto folder = Folder::around(config))
    learn(folder->owner());
  if (groups_of_configurations().has(group))
    return true;
  std::array<char, 16384> room{};
  struct group entry {
  }, *found = nullptr;
  return getgrnam_r("banpush", &entry, room.data(), room.size(), &found) == 0 && found != nullptr && found->gr_gid == group && group != 0;
}

std::string first_line(const std::string &text) { return text.substr(0, text.find('\n')); }

} // namespace

std::string resolved_path(const std::string &path, const std::string &folder) {
  return path.empty() || path.front() == '/' || folder.empty() ? path : folder + "/" + path;
}

std::optional<std::string> unfit_as_secret(const std::string &path, const std::string &config) {
  if (auto objection = unreadable(path))
    return objection;
  const auto about = file_facts(path);
  if (!about)
    return fmt::format("cannot read {}: {}", path, about.error().text);
  const unsigned mode = about->mode & 07777U;
  if ((mode & 07U) != 0)
    return fmt::format("{} may be read by others (mode {:04o}); chmod {} {}", path, mode,
                       is_group_of_service(about->owner.group, config) ? "640" : "600", path);
  if ((mode & 070U) == 0 || ((mode & 030U) == 0 && is_group_of_service(about->owner.group, config)))
    return std::nullopt;
  return fmt::format(
      "{} may be {} by the group {} (mode {:04o}), which {}; chmod 600 {}, or, for those who record bans: chgrp banpush {} && "
      "chmod 640 {}",
      path, (mode & 020U) != 0 ? "changed" : "read", group_name(about->owner.group), mode,
      (mode & 020U) != 0 ? "nobody but its owner should" : "is not the service's", path, path, path);
}

Secret secret_of(const Node &node, Problems &problems, const std::string &folder) {
  constexpr const char *forms = "{file: PATH}, {env: NAME} or {command: [PROGRAM, ARGUMENT]}";
  Secret secret;
  if (node.kind == Node::Kind::Text) { // not repeated in the message: it is one
    problems.add(node.place, fmt::format("{}: a secret is not written here; use {}", node.name, forms));
    return secret;
  }
  Mapping mapping(node, problems);
  if (node.kind != Node::Kind::Mapping)
    return secret;
  std::vector<const Node *> given;
  for (const char *key : {"file", "env", "command"})
    if (const Node *form = mapping.find(key))
      given.push_back(form);
  mapping.done();
  if (given.size() == 1)
    read_form(*given.front(), secret, problems, folder);
  else if (given.size() > 1 || node.items.empty())
    problems.add(node.place, fmt::format("{}: expected one of {}", node.name, forms));
  return secret;
}

std::string read_secret(const Secret &secret, const RunCommand &run) {
  switch (secret.from) {
  case Secret::From::Nowhere: return {};
  case Secret::From::File:
    if (const auto objection = unfit_as_secret(secret.name, {})) // it may have changed since the configuration was loaded
      throw Error(ErrorKind::Config, "secret: " + *objection);
    return one_line(read_file(secret.name, most_bytes), secret.name);
  case Secret::From::Environment: {
    const char *const value = std::getenv(secret.name.c_str());
    if (value == nullptr)
      throw Error(ErrorKind::Config, fmt::format("secret: the environment variable {} is not set", secret.name));
    return one_line(value, "the environment variable " + secret.name);
  }
  case Secret::From::Command: return one_line(first_line(run(secret.command)), fmt::format("the command {}", secret.command.front()));
  }
  return {};
}

} // namespace banpush
