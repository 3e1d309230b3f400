#include "config/config_file.hpp"

#include "config/alerts.hpp"
#include "config/devices.hpp"
#include "config/document/mapping.hpp"
#include "config/document/suggestion.hpp"
#include "config/document/values.hpp"
#include "config/http.hpp"
#include "config/merge.hpp"
#include "config/policy.hpp"
#include "config/secret.hpp"
#include "config/tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace banpush {

namespace {

// One level of configuration, and what it adds to all others.
struct Tier {
  std::string where; // `groups.edge`
  Node node;         // with policy and limits gathered
  Level level;
  Problems problems; // of policy, limits, allow and protect
};

// A driver loaded once, or why not.
struct Loaded {
  std::optional<Driver> driver;
  Problems problems;
};

std::string folder_of(const std::string &path) { return std::filesystem::path(path).parent_path().string(); }

DataDirs data_dirs(const LoadOptions &options) {
  const std::string own = folder_of(options.path);
  DataDirs dirs{own.empty() ? "." : own};
  for (const std::string &dir : options.data_dirs)
    if (std::find(dirs.begin(), dirs.end(), dir) == dirs.end())
      dirs.push_back(dir);
  return dirs;
}

// Whether what the driver keeps are files on this host, which block elsewhere: where they are fetched.
bool is_fetched(const Driver *driver) { return driver != nullptr && driver->transports == std::vector{TransportKind::File}; }

bool is_device_name(const std::string &name) noexcept {
  return !name.empty() && name.size() <= 63 && name.front() != '-' && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
         });
}

class Loader {
public:
  explicit Loader(const LoadOptions &options)
      : options_(options), folder_(folder_of(options.path)), dirs_(data_dirs(options)), root_(read_document(options.path)) {}

  Config load() {
    config_.path = options_.path;
    report_flaws(root_, general_);
    Mapping mapping(root_, general_);
    config_.tables = tables_of(mapping.find("bans"), general_, folder_, config_.notes);
    config_.state = path_under(mapping, "state", config_.state);
    config_.spool = path_under(mapping, "spool", config_.spool);
    if (const Node *serve = mapping.find("serve"))
      read_serve(*serve);
    read_top(mapping.find("policy"), mapping.find("limits"));
    read_defaults(mapping.find("defaults"));
    read_groups(mapping.find("groups"));
    read_devices(mapping.find("devices"));
    mapping.done();
    finish();
    weigh_tables();
    return std::move(config_);
  }

private:
  std::string path_under(Mapping &mapping, const char *key, const std::string &standard) {
    return resolved_path(mapping.get(key, text_of).value_or(standard), folder_);
  }

  void read_serve(const Node &node) {
    Mapping mapping(node, general_);
    ServeSettings &serve = config_.serve;
    serve.poll = mapping.get("poll", milliseconds_of).value_or(serve.poll);
    serve.audit = mapping.get("audit", duration_of).value_or(serve.audit);
    serve.workers = static_cast<unsigned>(mapping.get("workers", whole_of, 1, 1024).value_or(serve.workers));
    serve.socket = path_under(mapping, "socket", serve.socket);
    serve.log = mapping.get("log", word_of<LogForm>, Words<LogForm>{{"text", LogForm::Text}, {"json", LogForm::Json}}).value_or(serve.log);
    // Who records a ban has nothing to do with it, and may not read its key.
    if (const Node *http = mapping.find("http"); http != nullptr && options_.scope.kind != Scope::Kind::Recording)
      serve.http = http_of(*http, general_, folder_);
    if (const Node *alerts = mapping.find("alerts"); alerts != nullptr && options_.scope.kind != Scope::Kind::Recording)
      serve.alerts = alerts_of(*alerts, general_, folder_);
    mapping.done();
  }

  // Reads what a tier adds to all others, and everything else in it once for its problems alone.
  void complete(Tier &tier, Standing standing) {
    report_flaws(tier.node, general_);
    const Node *policy = tier.node.at("policy");
    tier.level = level_of(policy, tier.node.at("limits"), tier.where, tier.problems, folder_, config_.notes);
    policy_of(policy, Reach::Upstream, tier.problems);
    general_.add(tier.problems);
    if (standing == Standing::Group)
      device_of(tier.node, tier.where, standing, {general_, general_}, folder_);
  }

  void read_top(const Node *policy, const Node *limits) {
    top_.where = "policy";
    top_.node.kind = Node::Kind::Mapping;
    for (const Node *section : {policy, limits})
      if (section != nullptr) {
        Node key;
        key.kind = Node::Kind::Text;
        key.text = section->name;
        key.place = section->place;
        top_.node.keys.push_back(std::move(key));
        top_.node.items.push_back(*section);
      }
    complete(top_, Standing::Device);
    config_.policy = with_levels(policy_of(top_.node.at("policy"), Reach::Upstream, general_), {&top_.level});
    check_widen(config_.policy, top_.node, general_);
    top_for_this_host_ = top_.node;
    for (std::size_t i = 0; i < top_for_this_host_.items.size(); ++i)
      if (top_for_this_host_.keys[i].text == "policy")
        drop(top_for_this_host_.items[i], {"protocols", "reserved"});
  }

  // What the top says of protocols and reserved space is for devices that are not this host.
  static void drop(Node &mapping, const std::vector<std::string> &keys) {
    for (std::size_t i = mapping.keys.size(); i-- > 0;)
      if (std::find(keys.begin(), keys.end(), mapping.keys[i].text) != keys.end()) {
        mapping.keys.erase(mapping.keys.begin() + static_cast<std::ptrdiff_t>(i));
        mapping.items.erase(mapping.items.begin() + static_cast<std::ptrdiff_t>(i));
      }
  }

  void read_defaults(const Node *node) {
    defaults_.where = "defaults";
    defaults_.node.kind = Node::Kind::Mapping;
    if (node == nullptr)
      return;
    const Mapping mapping(*node, general_);
    defaults_.node = normalised(*node);
    complete(defaults_, Standing::Group);
  }

  void read_groups(const Node *node) {
    if (node == nullptr)
      return;
    const Mapping all(*node, general_);
    for (std::size_t i = 0; i < node->keys.size(); ++i) {
      const Mapping mapping(node->items[i], general_);
      Tier tier{"groups." + node->keys[i].text, normalised(node->items[i]), {}, {}};
      complete(tier, Standing::Group);
      groups_.emplace(node->keys[i].text, std::move(tier));
      group_names_.push_back(node->keys[i].text);
    }
  }

  void read_devices(const Node *node) {
    std::vector<std::string> names;
    if (node != nullptr) {
      const Mapping all(*node, general_);
      for (std::size_t i = 0; i < node->keys.size(); ++i) {
        const std::string &name = node->keys[i].text;
        if (std::find(names.begin(), names.end(), name) == names.end())
          read_device(node->keys[i], node->items[i]);
        else // which of the two is meant, nobody knows
          for (const Node::Flaw &flaw : node->flaws)
            (is_wanted(name) ? rescue_ : general_).add(flaw.place, flaw.message);
        names.push_back(name);
      }
    }
    if (options_.scope.kind == Scope::Kind::Rescue)
      for (const std::string &wanted : options_.scope.devices)
        if (std::find(names.begin(), names.end(), wanted) == names.end())
          rescue_.add(Error(ErrorKind::Config,
                            fmt::format("{}: there is no device \"{}\"{}", options_.path, shown(wanted), suggestion(wanted, names))));
  }

  // The device's groups, as far as they are there.
  std::vector<const Tier *> groups_of(const Node &node, Problems &problems) const {
    std::vector<const Tier *> tiers;
    const Node *groups = node.at("groups");
    for (const Node *item : groups == nullptr ? std::vector<const Node *>() : items_of(*groups)) {
      const auto found = item->kind == Node::Kind::Text ? groups_.find(item->text) : groups_.end();
      if (found != groups_.end())
        tiers.push_back(&found->second);
      else if (item->kind == Node::Kind::Text)
        problems.add(item->place,
                     fmt::format("groups: there is no group \"{}\"{}", shown(item->text), suggestion(item->text, group_names_)));
    }
    return tiers;
  }

  void read_device(const Node &key, const Node &node) {
    Problems essential, other;
    if (!is_device_name(key.text))
      essential.add(key.place,
                    fmt::format("expected the name of a device (letters, digits, _ . -, at most 63), found \"{}\"", shown(key.text)));
    Tier own{"devices." + key.text, normalised(node), {}, {}};
    if (own.node.kind != Node::Kind::Mapping) {
      const Mapping complaint(own.node, essential);
      file_away(key.text, std::nullopt, essential, other);
      return;
    }
    own.node.place = key.place;
    complete(own, Standing::Device);

    std::vector<const Tier *> tiers{&own};
    const auto groups = groups_of(own.node, essential);
    tiers.insert(tiers.end(), groups.begin(), groups.end());
    tiers.push_back(&defaults_);
    std::vector<const Node *> nodes;
    std::vector<const Level *> levels;
    for (const Tier *tier : tiers) {
      report_essential_flaws(tier->node, essential);
      nodes.push_back(&tier->node);
      levels.push_back(&tier->level);
    }
    const Node chosen = overlay(nodes); // on purpose: for a device or its kind, not for all
    Device device = device_of(chosen, key.text, Standing::Device, {essential, other}, folder_);
    const Driver *driver = driver_of(device, chosen, essential);
    const Reach reach = device.is_local() && !is_fetched(driver) ? Reach::ThisHost : Reach::Upstream;
    nodes.push_back(reach == Reach::ThisHost ? &top_for_this_host_ : &top_.node);
    levels.push_back(&top_.level);
    const Node merged = overlay(nodes);
    device.policy = with_levels(policy_of(merged.at("policy"), reach, other), levels);
    device.limits = strictest(levels);
    check_widen(device.policy, merged, other);
    if (driver != nullptr)
      check_device(device, *driver, merged, chosen, {essential, other}, folder_, config_.notes);
    file_away(key.text, std::move(device), essential, other);
  }

  // All flaws but those of policy and limits, which a rescue can do without.
  static void report_essential_flaws(const Node &node, Problems &problems) {
    for (const Node::Flaw &flaw : node.flaws)
      problems.add(flaw.place, flaw.message);
    for (std::size_t i = 0; i < node.items.size(); ++i)
      if (node.keys[i].text != "policy" && node.keys[i].text != "limits")
        report_flaws(node.items[i], problems);
  }

  static void check_widen(const Policy &policy, const Node &merged, Problems &problems) {
    const Node *section = merged.at("policy");
    const Node *widen = section == nullptr ? nullptr : section->at("widen");
    const auto check = [&](const char *family, std::optional<unsigned> length, unsigned shortest) {
      if (length && *length < shortest && widen != nullptr && widen->at(family) != nullptr)
        problems.add(widen->at(family)->place, fmt::format("widen: /{} is wider than shortest allows (/{})", *length, shortest));
    };
    check("ipv4", policy.widen4, policy.shortest4);
    check("ipv6", policy.widen6, policy.shortest6);
  }

  const Driver *driver_of(const Device &device, const Node &chosen, Problems &problems) {
    if (device.driver.empty() || options_.scope.kind == Scope::Kind::Recording)
      return nullptr;
    auto found = drivers_.find(device.driver);
    if (found == drivers_.end())
      found = drivers_.emplace(device.driver, load(device.driver)).first;
    Loaded &loaded = found->second;
    if (loaded.driver)
      return &*loaded.driver;
    problems.add(loaded.problems);
    if (loaded.problems.empty())
      problems.add(chosen.at("driver")->place,
                   fmt::format("there is no driver \"{}\"{}", shown(device.driver), suggestion(device.driver, driver_names(dirs_))));
    return nullptr;
  }

  Loaded load(const std::string &name) const {
    Loaded loaded;
    const auto file = driver_file(name, dirs_);
    if (!file)
      return loaded;
    try {
      loaded.driver = load_driver(*file, dirs_);
    } catch (const Error &problem) {
      loaded.problems.add(problem);
    }
    return loaded;
  }

  bool is_wanted(const std::string &name) const {
    const auto &wanted = options_.scope.devices;
    return std::find(wanted.begin(), wanted.end(), name) != wanted.end();
  }

  // A rescue wants the named devices right, or, named none, as many as are.
  void file_away(const std::string &name, std::optional<Device> device, const Problems &essential, const Problems &other) {
    (is_wanted(name) ? rescue_ : general_).add(essential);
    general_.add(other);
    if (device && essential.empty())
      config_.devices.push_back(std::move(*device));
  }

  void finish() {
    if (options_.scope.kind != Scope::Kind::Rescue) {
      general_.add(rescue_);
      general_.raise();
    }
    rescue_.raise();
    config_.warnings = general_.lines();
    if (options_.scope.kind == Scope::Kind::Recording)
      return;
    for (const Device &device : config_.devices)
      config_.drivers.emplace(device.driver, *drivers_.at(device.driver).driver);
  }

  // The trust in each table is every policy's business; where all are trusted alike there is nothing to weigh.
  void weigh_tables() {
    std::vector<double> trust;
    for (const TableSource &table : config_.tables)
      trust.push_back(table.trust);
    if (std::all_of(trust.begin(), trust.end(), [](double one) { return one == 1.0; }))
      return;
    config_.policy.trust = trust;
    for (Device &device : config_.devices)
      device.policy.trust = trust;
  }

  const LoadOptions &options_;
  std::string folder_;
  DataDirs dirs_;
  Node root_;
  Config config_;
  Problems general_, rescue_;
  Tier top_, defaults_;
  Node top_for_this_host_;
  std::map<std::string, Tier> groups_;
  std::vector<std::string> group_names_;
  std::map<std::string, Loaded> drivers_;
};

} // namespace

Config load_config(const LoadOptions &options) { return Loader(options).load(); }

} // namespace banpush
