#include "config/devices.hpp"

#include "config/driver/params.hpp"

#include "config/document/suggestion.hpp"
#include "config/document/values.hpp"
#include "config/secret.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace banpush {

namespace {

const char *family_word(Family family) noexcept { return family == Family::IPv4 ? "ipv4" : "ipv6"; }

// The node under a path of keys; nothing when it is not there.
const Node *at(const Node &node, std::initializer_list<std::string_view> path) {
  const Node *found = &node;
  for (const std::string_view key : path) {
    found = found->at(key);
    if (found == nullptr)
      return nullptr;
  }
  return found;
}

bool holds(const Driver &driver, Family family) {
  return std::any_of(driver.lists.begin(), driver.lists.end(), [&](const List &list) {
    return std::find(list.families.begin(), list.families.end(), family) != list.families.end();
  });
}

// Entries of a family that the driver's lists and limits take; nothing when neither says.
std::optional<std::size_t> most_of(const Driver &driver, Family family) {
  std::size_t sum = 0;
  for (const List &list : driver.lists) {
    if (std::find(list.families.begin(), list.families.end(), family) == list.families.end())
      continue;
    if (!list.most)
      return driver.most_entries;
    sum += *list.most;
  }
  return driver.most_entries ? std::min(sum, *driver.most_entries) : sum;
}

void check_params(Device &device, const Driver &driver, const Node &merged, Problems &problems, const std::string &folder) {
  const Node *params = merged.at("params");
  std::vector<std::string> names;
  for (const auto &[name, param] : driver.params)
    names.push_back(name);
  for (std::size_t i = 0; params != nullptr && i < params->keys.size(); ++i) {
    const Node &key = params->keys[i], &item = params->items[i];
    const auto found = driver.params.find(key.text);
    if (found == driver.params.end()) {
      problems.add(key.place, fmt::format("driver {} has no param \"{}\"{}", driver.name, shown(key.text), suggestion(key.text, names)));
      continue;
    }
    const Param &param = found->second;
    if (param.type == Param::Type::Secret) {
      device.secrets[key.text] = secret_of(item, problems, folder);
      device.params.erase(key.text);
    } else if (item.kind == Node::Kind::Text) {
      if (item.text.empty() && param.optional)
        continue;
      if (const auto objection = unfit_as_param(param, item.text))
        problems.add(item.place, fmt::format("{}: {}", key.text, *objection));
      else if (param.type == Param::Type::Flag)
        device.params[key.text] = item.text == "yes" || item.text == "true" ? "yes" : "";
    } else {
      add_mismatch(item, problems, "text");
    }
  }
  for (const auto &[name, param] : driver.params)
    if (!param.standard && !param.optional && param.only.empty() && (params == nullptr || params->at(name) == nullptr))
      problems.add(merged.place, fmt::format("{}: driver {} needs the param \"{}\"{}", device.name, driver.name, name,
                                             param.about.empty() ? "" : fmt::format(" ({})", param.about)));
}

void check_transport(const Device &device, const Driver &driver, const Node &merged, Problems &problems) {
  const auto offers = [&](TransportKind kind) {
    return std::find(driver.transports.begin(), driver.transports.end(), kind) != driver.transports.end();
  };
  std::string all;
  for (const TransportKind kind : driver.transports)
    if (device.is_local() || kind != TransportKind::Nftables)
      all += (all.empty() ? "" : " or ") + std::string(word(kind));
  if (device.transport && !offers(*device.transport))
    problems.add(at(merged, {"transport"})->place,
                 fmt::format("transport: driver {} speaks {}, not {}", driver.name, all, word(*device.transport)));
  if (device.transport == TransportKind::Nftables && !device.is_local())
    problems.add(at(merged, {"transport"})->place, "transport: nftables is for this host alone (`address: local`)");
  else if (device.transport == TransportKind::Nftables && !device.run_with.empty())
    problems.add(at(merged, {"transport"})->place, "transport: nftables starts no program, so `run_with` has no effect; exec starts some");
  if (offers(TransportKind::File)) {
    if (!device.is_local())
      problems.add(at(merged, {"address"})->place,
                   fmt::format("address: what driver {} keeps are files of this host: `address: local`", driver.name));
    if (!device.run_with.empty())
      problems.add(at(merged, {"run_with"})->place, fmt::format("run_with: driver {} starts no program, so it has no effect", driver.name));
    return;
  }
  if (!device.is_local())
    return;
  if (!offers(TransportKind::Exec))
    problems.add(at(merged, {"address"})->place,
                 fmt::format("address: driver {} speaks {} and cannot be used for this host", driver.name, all));
  else if (device.transport && *device.transport != TransportKind::Exec && *device.transport != TransportKind::Nftables)
    problems.add(at(merged, {"transport"})->place,
                 fmt::format("transport: this host is reached by exec {}", offers(TransportKind::Nftables) ? "or nftables" : "alone"));
}

void check_budget(const Device &device, const Driver &driver, const Node &merged, Problems &problems) {
  std::size_t sum = 0;
  const auto check = [&](Family family, std::optional<std::size_t> budget) {
    const Node *node = at(merged, {"budget", family_word(family)});
    if (!budget || node == nullptr)
      return;
    sum += *budget;
    const auto most = most_of(driver, family);
    if (*budget > 0 && !holds(driver, family))
      problems.add(node->place, fmt::format("{}: driver {} holds no {} entries", family_word(family), driver.name, family_word(family)));
    else if (most && *budget > *most)
      problems.add(node->place,
                   fmt::format("{}: {} is more than the {} entries driver {} takes", family_word(family), *budget, *most, driver.name));
  };
  check(Family::IPv4, device.budget4);
  check(Family::IPv6, device.budget6);
  const bool each_fits = (!device.budget4 || *device.budget4 <= driver.most_entries.value_or(*device.budget4)) &&
                         (!device.budget6 || *device.budget6 <= driver.most_entries.value_or(*device.budget6));
  if (each_fits && driver.most_entries && sum > *driver.most_entries)
    problems.add(at(merged, {"budget"})->place,
                 fmt::format("budget: {} entries in all are more than the {} driver {} takes", sum, *driver.most_entries, driver.name));
}

void check_policy(const Device &device, const Driver &driver, const Node &own, Problems &problems, std::vector<std::string> &notes) {
  const Node *asked = at(own, {"policy", "families"});
  for (const Family family : device.policy.families) {
    if (holds(driver, family))
      continue;
    if (asked != nullptr)
      problems.add(asked->place, fmt::format("families: driver {} holds no {} entries", driver.name, family_word(family)));
    else
      notes.push_back(fmt::format("{}: {}: driver {} holds no {} entries; those bans are left out", device.file, device.name, driver.name,
                                  family_word(family)));
  }
  const bool has_services = std::any_of(driver.lists.begin(), driver.lists.end(), [](const List &list) { return list.services; });
  if (const Node *services = at(own, {"policy", "services"}); services != nullptr && device.policy.services && !has_services)
    problems.add(services->place, fmt::format("services: driver {} blocks whole addresses only", driver.name));
}

void check_habits(const Device &device, const Driver &driver, const Node &merged, DeviceProblems problems,
                  std::vector<std::string> &notes) {
  if (const Node *save = at(merged, {"save"});
      save != nullptr && device.save.when != Device::Save::When::Never && !driver.has(Stage::Save)) {
    if (driver.saves.empty())
      problems.other.add(save->place, fmt::format("save: driver {} has no way to save", driver.name));
    else
      notes.push_back(fmt::format("{}: save has no effect: driver {} saves {}", save->place.text(), driver.name, driver.saves));
  }
  for (const char *key : {"confirm", "confirm_when"})
    if (const Node *confirm = at(merged, {key}); confirm != nullptr && !driver.dead_man)
      notes.push_back(fmt::format("{}: {}: {} has no effect: driver {} cannot roll back by itself", confirm->place.text(), device.name, key,
                                  driver.name));
  if (const Node *confirm = at(merged, {"confirm"}); confirm != nullptr && driver.dead_man)
    if (const std::int64_t taken = driver.dead_man->taken(device.confirm); taken < device.confirm)
      notes.push_back(fmt::format("{}: {}: confirm is {} s, and driver {} takes {} s at most", confirm->place.text(), device.name,
                                  device.confirm, driver.name, taken));
  if (const Node *keep = at(merged, {"keep_setup"}); keep != nullptr && !(device.is_local() && driver.has(Stage::Setup)))
    notes.push_back(fmt::format("{}: {}: keep_setup has no effect: {}", keep->place.text(), device.name,
                                device.is_local() ? fmt::format("driver {} needs no setup", driver.name)
                                                  : std::string("only what is on this host is set up again by itself")));
  if (const Node *enable = at(merged, {"enable"}); enable != nullptr && !driver.enable && !device.is_local())
    notes.push_back(fmt::format("{}: {}: enable has no effect: driver {} asks for none", enable->place.text(), device.name, driver.name));
}

} // namespace

void check_device(Device &device, const Driver &driver, const Node &merged, const Node &own, DeviceProblems problems,
                  const std::string &folder, std::vector<std::string> &notes) {
  check_params(device, driver, merged, problems.essential, folder);
  check_transport(device, driver, merged, problems.essential);
  check_budget(device, driver, merged, problems.other);
  check_policy(device, driver, own, problems.other, notes);
  check_habits(device, driver, merged, problems, notes);
}

} // namespace banpush
