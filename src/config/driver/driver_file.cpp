#include "config/driver/driver_file.hpp"

#include "config/document/mapping.hpp"
#include "config/document/suggestion.hpp"
#include "config/document/values.hpp"
#include "config/driver/driver_lineage.hpp"
#include "config/driver/driver_parts.hpp"
#include "core/address/slug.hpp"
#include "files/open.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace banpush {

namespace {

namespace fs = std::filesystem;

std::optional<TransportKind> transport_of(const Node &node, Problems &problems) {
  using Kind = TransportKind;
  return word_of<Kind>(
      node, problems,
      {{"cli", Kind::Cli}, {"exec", Kind::Exec}, {"netconf", Kind::Netconf}, {"nftables", Kind::Nftables}, {"file", Kind::File}});
}

std::vector<TransportKind> transports_of(const Node &node, Problems &problems) {
  std::vector<TransportKind> transports;
  for (const Node *item : items_of(node))
    if (const auto kind = transport_of(*item, problems))
      transports.push_back(*kind);
  if (items_of(node).empty())
    add_mismatch(node, problems, "at least one of cli, exec, netconf and file");
  const auto speaks = [&](TransportKind kind) { return std::find(transports.begin(), transports.end(), kind) != transports.end(); };
  if (speaks(TransportKind::Nftables) && !speaks(TransportKind::Exec))
    problems.add(node.place, "transport: nftables answers what exec's programs are asked, so exec must be listed, too");
  if (speaks(TransportKind::File) && transports.size() > 1)
    problems.add(node.place, "transport: file is this host's own files, and no other can be listed with it");
  return transports;
}

Evidence evidence_of(const Node &node, Problems &problems) {
  Evidence evidence;
  Mapping mapping(node, problems);
  using Level = EvidenceLevel;
  const Words<Level> levels{
      {"believed", Level::Believed}, {"documented", Level::Documented}, {"captured", Level::Captured}, {"live", Level::Live}};
  evidence.level = mapping.need("level", word_of<Level>, levels).value_or(evidence.level);
  evidence.source = mapping.need("source", text_of).value_or("");
  mapping.done();
  return evidence;
}

std::map<std::string, Pattern> prompts_of(const Node &node, Problems &problems) {
  std::map<std::string, Pattern> prompts;
  const Mapping all(node, problems);
  for (std::size_t i = 0; i < node.keys.size(); ++i)
    if (is_driver_name(node.keys[i], problems))
      prompts[node.keys[i].text] = fixed_pattern_of(node.items[i], problems);
  return prompts;
}

std::vector<std::string> lines_of(const Node &node, Problems &problems, const DriverNames &names) {
  std::vector<std::string> lines;
  for (const Node *item : items_of(node))
    if (const auto line = line_of(*item, problems, names))
      lines.push_back(*line);
  return lines;
}

std::optional<Driver::Enable> enable_of(const Node &node, Problems &problems, const std::vector<std::string> &prompts) {
  Driver::Enable enable;
  Mapping mapping(node, problems);
  enable.send = mapping.need("send", text_of).value_or("");
  enable.password = mapping.need("password", fixed_pattern_of);
  const std::string prompt = "prompt";
  const auto names = mapping.need("prompt", names_of, prompts, prompt);
  enable.prompt = names.empty() ? std::string() : names.front();
  mapping.done();
  return enable;
}

std::optional<DeadMan> dead_man_of(const Node &node, Problems &problems, const DriverNames &names) {
  DeadMan dead_man;
  Mapping mapping(node, problems);
  using Kind = DeadMan::Kind;
  using Unit = DeadMan::Unit;
  dead_man.kind =
      mapping.need("kind", word_of<Kind>, Words<Kind>{{"commit", Kind::Commit}, {"timer", Kind::Timer}}).value_or(dead_man.kind);
  dead_man.unit =
      mapping.need("unit", word_of<Unit>, Words<Unit>{{"seconds", Unit::Second}, {"minutes", Unit::Minute}}).value_or(dead_man.unit);
  dead_man.least = static_cast<unsigned>(mapping.get("least", whole_of, 1, 100'000).value_or(dead_man.least));
  dead_man.most = static_cast<unsigned>(mapping.get("most", whole_of, dead_man.least, 100'000).value_or(dead_man.most));
  dead_man.when = mapping.get("when", when_of, names).value_or("");
  dead_man.refuse = mapping.get("refuse", checks_of, names);
  mapping.done();
  return dead_man;
}

std::map<std::string, std::string> namespaces_of(const Node &node, Problems &problems) {
  std::map<std::string, std::string> namespaces;
  const Mapping all(node, problems);
  for (std::size_t i = 0; i < node.keys.size(); ++i)
    if (const auto uri = text_of(node.items[i], problems); uri && is_driver_name(node.keys[i], problems))
      namespaces[node.keys[i].text] = *uri;
  return namespaces;
}

bool add_comes_first(const Node &node, Problems &problems) {
  const auto order = texts_of(node, problems);
  if (order == std::vector<std::string>{"add", "remove"})
    return true;
  if (order != std::vector<std::string>{"remove", "add"})
    problems.add(node.place, "order: expected [add, remove] or [remove, add]");
  return false;
}

std::string newline_of(const Node &node, Problems &problems) {
  const auto text = any_text_of(node, problems);
  if (text == "\n" || text == "\r" || text == "\r\n")
    return *text;
  if (text)
    add_mismatch(node, problems, R"("\n", "\r" or "\r\n")");
  return "\n";
}

void read_limits(Driver &driver, const Node &node, Problems &problems) {
  Mapping mapping(node, problems);
  const auto size = [&](const char *key, std::int64_t most) {
    const auto number = mapping.get(key, whole_of, 1, most);
    return number ? std::optional(static_cast<std::size_t>(*number)) : std::nullopt;
  };
  driver.most_entries = size("entries", 1'000'000'000);
  driver.most_line = size("line", 100'000'000).value_or(driver.most_line);
  driver.chunk = size("chunk", 10'000'000).value_or(driver.chunk);
  if (const auto slug = mapping.get("slug", whole_of, static_cast<std::int64_t>(least_slug), 1000))
    driver.most_slug = static_cast<std::size_t>(*slug);
  mapping.done();
}

// What no param, list or fact may be called, as it would be hidden where it is used.
void check_clashes(const Mapping &mapping, const DriverNames &names, Problems &problems) {
  const auto clashes = [](const std::string &name) {
    return name != "interface" && name != "direction" && std::find(view_names().begin(), view_names().end(), name) != view_names().end();
  };
  for (const char *section : {"params", "lists", "facts"})
    if (const Node *node = mapping.node().at(section))
      for (const Node &key : node->keys) {
        if (clashes(key.text))
          problems.add(key.place, fmt::format("the name \"{}\" is taken: templates know it already", key.text));
        const auto is_among = [&](const std::vector<std::string> &others) {
          return std::find(others.begin(), others.end(), key.text) != others.end();
        };
        if (section == std::string_view("facts") && (is_among(names.params) || is_among(names.lists)))
          problems.add(key.place, fmt::format("the name \"{}\" is taken by a param or list", key.text));
      }
}

void read_session(Driver &driver, Mapping &mapping, Problems &problems, const DriverNames &names) {
  driver.login_suffix = mapping.get("login_suffix", text_of).value_or("");
  if (const Node *question = mapping.find("password_question"))
    driver.password_question = fixed_pattern_of(*question, problems);
  driver.login = mapping.get("login", questions_of, names);
  driver.session = mapping.get("session", lines_of, names);
  driver.goodbye = mapping.get("goodbye", lines_of, names);
  if (const Node *enable = mapping.find("enable"))
    driver.enable = enable_of(*enable, problems, names.prompts);
  if (const Node *pager = mapping.find("pager")) {
    Mapping both(*pager, problems);
    driver.pager = both.need("pattern", fixed_pattern_of);
    driver.pager_answer = both.get("answer", any_text_of).value_or(driver.pager_answer);
    both.done();
  }
  driver.noise = mapping.get("noise", fixed_patterns_of);
  driver.harmless = mapping.get("harmless", fixed_patterns_of);
  driver.busy = mapping.get("busy", fixed_patterns_of);
  driver.fatal = mapping.get("fatal", fixed_patterns_of);
  if (const Node *window = mapping.find("window"))
    driver.window = window_of(*window, problems);
  if (const auto silence = mapping.get("silence", duration_of))
    driver.silence = std::chrono::seconds(*silence);
  if (const Node *newline = mapping.find("newline"))
    driver.newline = newline_of(*newline, problems);
}

void read_change(Driver &driver, Mapping &mapping, Problems &problems, const DriverNames &names) {
  if (const auto settle = mapping.get("settle", milliseconds_of))
    driver.settle = *settle;
  driver.input = mapping.get("input", program_of, names);
  driver.batch_whole = mapping.get("batch", word_of<bool>, Words<bool>{{"whole", true}}).value_or(false);
  if (const Node *order = mapping.find("order"))
    driver.add_first = add_comes_first(*order, problems);
  if (const Node *dead_man = mapping.find("dead_man"))
    driver.dead_man = dead_man_of(*dead_man, problems, names);
  driver.namespaces = mapping.get("namespaces", namespaces_of);
  if (const Node *limits = mapping.find("limits"))
    read_limits(driver, *limits, problems);
  driver.saves = mapping.get("saves", word_of<std::string>, Words<std::string>{{"always", "always"}}).value_or("");
  if (const Node *script = mapping.find("script"))
    driver.spoken = spoken_of(*script, problems, names);
}

// What only the whole driver shows.
void check_whole(const Driver &driver, const DriverNames &names, const Node &node, Problems &problems) {
  for (const List &list : driver.lists) {
    const bool is_read = std::any_of(driver.reads.begin(), driver.reads.end(), [&](const Read &read) {
      return read.shows == Read::Shows::Entries && std::find(read.lists.begin(), read.lists.end(), list.name) != read.lists.end();
    });
    if (!is_read && node.at("reads") != nullptr)
      problems.add(node.at("reads")->place, fmt::format("reads: nothing reads the list \"{}\"", list.name));
  }
  if (!driver.has(Stage::Change) && !(driver.has(Stage::Add) && driver.has(Stage::Remove)))
    problems.add(node.place, "stages: there must be add and remove, or change");
  const bool sends_lines = names.speaks(TransportKind::Cli) || names.speaks(TransportKind::Exec);
  if (sends_lines && (driver.spoken.add.empty() || driver.spoken.remove.empty()))
    problems.add(node.place, "script: add and remove must say how blocks are read back out of the lines");
  if (names.speaks(TransportKind::Netconf) &&
      (driver.spoken.xml_add.empty() || driver.spoken.xml_remove.empty() || driver.spoken.shapes.empty()))
    problems.add(node.place, "script: xml_add, xml_remove and entry must say how blocks are read back out of the XML");
}

// What stands in a parent's file and is wrong for this driver alone.
void name_child(const Lineage &lineage, const std::string &file, const DataDirs &dirs, Problems &problems) {
  const std::string &child = lineage.names.front(), &parent = lineage.names[1];
  std::string of_parent;
  try {
    if (const auto parent_file = driver_file(parent, dirs))
      load_driver(*parent_file, dirs);
  } catch (const Error &error) {
    of_parent = error.what();
  }
  problems.explain(
      [&](const std::string &path, const std::string &line) {
        return path != file && path.find("/" + child + "/") == std::string::npos && of_parent.find(line) == std::string::npos;
      },
      fmt::format(" (in driver {}, which extends {})", child, parent));
}

std::vector<TemplateFolder> template_folders(const Lineage &lineage, const DataDirs &dirs) {
  std::vector<TemplateFolder> folders;
  for (const std::string &name : lineage.names)
    for (const std::string &dir : dirs)
      folders.push_back({dir + "/templates/" + name, name == lineage.names.front()});
  return folders;
}

} // namespace

Driver load_driver(const std::string &file, const DataDirs &dirs) {
  Problems problems;
  const Lineage lineage = lineage_of(file, dirs, problems);
  if (!lineage.is_whole) // half of it would only be complained about for what the other half has
    problems.raise();
  Driver driver;
  driver.name = lineage.names.front();
  driver.file = file;
  Mapping mapping(lineage.node, problems);
  mapping.find("extends");
  driver.about = mapping.need("about", text_of).value_or("");
  driver.sets = mapping.get("sets", text_of).value_or("");
  driver.transports = mapping.need("transport", transports_of);
  driver.evidence = mapping.need("evidence", evidence_of);
  driver.prompts = mapping.get("prompts", prompts_of);
  const DriverNames names{driver.transports, keys_of(mapping.find("params")), keys_of(mapping.find("lists")),
                          keys_of(mapping.find("facts")), keys_of(mapping.find("prompts"))};
  check_clashes(mapping, names, problems);
  driver.params = mapping.get("params", params_of);
  driver.lists = mapping.need("lists", lists_of, names);
  driver.facts = mapping.get("facts", facts_of, names);
  driver.reads = mapping.need("reads", reads_of, names);
  driver.in_force = mapping.get("in_force", proofs_of, names);
  for (const Fact &fact : driver.facts)
    if (!fact.only.empty() || fact.per_attach)
      for (const Proof &proof : driver.in_force)
        if (proof.when == fact.name || proof.when == "!" + fact.name)
          problems.add(mapping.find("in_force")->place, fmt::format("in_force: when: {} is not always learnt", fact.name));
  for (const Fact &fact : driver.facts)
    if (!fact.only.empty() || fact.per_attach)
      for (const List &list : driver.lists)
        if (list.when == fact.name || list.when == "!" + fact.name)
          problems.add(mapping.find("lists")->place, fmt::format("{}: when: {} is not always learnt", list.name, fact.name));
  driver.checks = mapping.get("checks", checks_of, names);
  driver.refuse = mapping.get("refuse", refusals_of, names, driver.facts);
  driver.ports = mapping.get("ports", words_of);
  driver.protocols = mapping.get("protocols", words_of);
  read_session(driver, mapping, problems, names);
  read_change(driver, mapping, problems, names);
  Stages stages = stages_of(mapping.find("stages"), problems, names, driver.prompts, lineage.names.size() > 1 ? Extends::Yes : Extends::No);
  driver.stages = std::move(stages.parts);
  mapping.done();
  load_templates(driver, names, lineage.node.place, template_folders(lineage, dirs), stages.taken_away, problems);
  check_whole(driver, names, lineage.node, problems);
  if (!problems.empty() && lineage.names.size() > 1)
    name_child(lineage, file, dirs, problems);
  problems.raise();
  return driver;
}

std::optional<std::string> driver_file(const std::string &name, const DataDirs &dirs) {
  if (name.find('/') != std::string::npos)
    return std::nullopt;
  for (const std::string &dir : dirs) {
    std::string path = fmt::format("{}/drivers/{}.yaml", dir, name);
    if (file_exists(path).value_or(true)) // where it cannot be told, reading it says why
      return path;
  }
  return std::nullopt;
}

std::vector<std::string> driver_names(const DataDirs &dirs) {
  std::vector<std::string> names;
  for (const std::string &dir : dirs) {
    std::error_code failure;
    for (fs::directory_iterator at(dir + "/drivers", failure), end; !failure && at != end; at.increment(failure))
      if (at->path().extension() == ".yaml" && at->path().filename().string().front() != '.')
        names.push_back(at->path().stem().string());
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::vector<FoundDriver> find_drivers(const DataDirs &dirs) {
  std::vector<FoundDriver> all;
  for (const std::string &name : driver_names(dirs)) {
    FoundDriver found{name, driver_file(name, dirs).value_or(""), std::nullopt, {}};
    try {
      found.driver = load_driver(found.file, dirs);
    } catch (const Error &problem) {
      found.problems = problem.what();
    }
    all.push_back(std::move(found));
  }
  return all;
}

} // namespace banpush
