#include "config/document/suggestion.hpp"
#include "config/document/text_file.hpp"
#include "config/driver/driver_parts.hpp"
#include "files/open.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace banpush {

namespace {

constexpr std::size_t most_bytes = 256 * 1024;

namespace fs = std::filesystem;

// The regular files of a folder, sorted; none when there is no such folder. Hidden ones are an editor's.
std::vector<std::string> files_in(const std::string &folder) {
  std::vector<std::string> names;
  std::error_code failure;
  for (fs::directory_iterator at(folder, failure), end; !failure && at != end; at.increment(failure))
    if (const std::string name = at->path().filename().string(); name.front() != '.')
      names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

// Which stages use a template: for params that only some stages ask for.
using Users = std::map<std::string, std::set<Stage>>;

class Loader {
public:
  Loader(Driver &driver, const DriverNames &names, const Place &place, const std::vector<TemplateFolder> &folders, Problems &problems)
      : driver_(driver), place_(place), folders_(folders), problems_(problems) {
    known_ = view_names();
    for (const auto &[name, param] : driver.params)
      known_.push_back(name);
    for (const List &list : driver.lists)
      known_.push_back(list.name);
    for (const Fact &fact : driver.facts)
      known_.push_back(fact.name);
    states_ = names.states();
    known_.insert(known_.end(), states_.begin(), states_.end());
  }

  // A stage nobody named is there when its template is.
  void add_stages(const std::set<Stage> &taken_away) {
    for (const std::string &name : stage_names()) {
      const Stage stage = *stage_named(name);
      if (!driver_.has(stage) && taken_away.count(stage) == 0 && path_of(name))
        driver_.stages[stage].push_back({});
    }
  }

  void load_all() {
    Users users;
    for (const auto &[stage, parts] : driver_.stages)
      for (const Part &part : parts)
        if (part.run.empty())
          users[part.template_name.empty() ? word(stage) : part.template_name].insert(stage);
    std::set<std::string> used;
    for (const auto &[name, stages] : users) {
      load(name, stages);
      used.insert(name);
    }
    for (const std::string &name : rpc_names()) {
      load(name, {});
      used.insert(name);
    }
    for (const TemplateFolder &folder : folders_)
      for (const std::string &name : folder.is_own ? files_in(folder.path) : std::vector<std::string>())
        if (used.count(name) == 0)
          problems_.add(Error(ErrorKind::Config, fmt::format("{}/{}:1:1: no stage of driver {} uses this template{}", folder.path, name,
                                                             driver_.name, suggestion(name, stage_names()))));
  }

private:
  std::optional<std::string> path_of(const std::string &name) const {
    for (const TemplateFolder &folder : folders_) {
      const std::string path = folder.path + "/" + name;
      if (file_exists(path).value_or(true)) // where it cannot be told, reading it says why
        return path;
    }
    return std::nullopt;
  }

  std::set<std::string> rpc_names() const {
    std::set<std::string> names;
    for (const Read &read : driver_.reads)
      names.insert(read.rpc);
    for (const Proof &proof : driver_.in_force)
      names.insert(proof.rpc);
    for (const Fact &fact : driver_.facts)
      names.insert(fact.rpc);
    names.erase("");
    return names;
  }

  void load(const std::string &name, const std::set<Stage> &stages) {
    const auto path = path_of(name);
    if (!path) {
      std::string places;
      for (const TemplateFolder &folder : folders_)
        places += (places.empty() ? "" : ", ") + folder.path;
      problems_.add(place_, fmt::format("there is no template \"{}\" in {}", name, places));
      return;
    }
    try {
      TextTemplate text(*path, read_text_file(*path, most_bytes));
      for (const TextTemplate::Use &use : text.uses())
        check(text, use, stages);
      driver_.templates.insert_or_assign(name, std::move(text));
    } catch (const Error &problem) {
      problems_.add(problem);
    }
  }

  void check(const TextTemplate &text, const TextTemplate::Use &use, const std::set<Stage> &stages) {
    const auto complain = [&](const std::string &what) {
      problems_.add(Error(ErrorKind::Config, fmt::format("{}:{}:{}: {}", text.file(), use.line, use.column, what)));
    };
    if (std::find(known_.begin(), known_.end(), use.name) == known_.end()) {
      complain(fmt::format("nothing is called \"{}\"{}", use.name, suggestion(use.name, known_)));
      return;
    }
    const auto param = driver_.params.find(use.name);
    if (param != driver_.params.end() && param->second.type == Param::Type::Secret)
      complain(fmt::format("{} is a secret and not allowed in a template", use.name));
    const bool elsewhere = std::any_of(
        stages.begin(), stages.end(), [](Stage stage) { return stage != Stage::Setup && stage != Stage::Unsetup && stage != Stage::Undo; });
    if (elsewhere && is_for_setup(use.name))
      complain(fmt::format("{} is known in setup and unsetup only", use.name));
  }

  bool is_for_setup(const std::string &name) const {
    const auto param = driver_.params.find(name);
    const auto fact = std::find_if(driver_.facts.begin(), driver_.facts.end(), [&](const Fact &one) { return one.name == name; });
    return (param != driver_.params.end() && !param->second.only.empty()) || (fact != driver_.facts.end() && !fact->only.empty()) ||
           std::find(states_.begin(), states_.end(), name) != states_.end();
  }

  Driver &driver_;
  const Place &place_;
  const std::vector<TemplateFolder> &folders_;
  Problems &problems_;
  std::vector<std::string> known_;
  std::vector<std::string> states_; // of the lists, for setup: LIST_stands, LIST_in_force, LIST_foreign
};

} // namespace

const std::vector<std::string> &view_names() {
  static const std::vector<std::string> names{
      "list",   "key",        "family",    "v4",          "v6",      "entries", "add",  "remove",   "lists",     "count",     "address",
      "prefix", "length",     "netmask",   "wildcard",    "number",  "host",    "net",  "slug",     "first",     "last",      "protocol",
      "port",   "port_first", "port_last", "any_service", "minutes", "seconds", "hms",  "attach",   "interface", "direction", "in",
      "out",    "ingress",    "input",     "physical",    "unit",    "type",    "slot", "terminal", "no_ipv4",   "no_ipv6"};
  return names;
}

void load_templates(Driver &driver, const DriverNames &names, const Place &place, const std::vector<TemplateFolder> &folders,
                    const std::set<Stage> &taken_away, Problems &problems) {
  Loader loader(driver, names, place, folders, problems);
  loader.add_stages(taken_away);
  loader.load_all();
}

} // namespace banpush
