#include "app/alert/alert_sender.hpp"
#include "app/commands/commands.hpp"
#include "app/commands/not_configured.hpp"
#include "app/dead_man.hpp"
#include "app/http/server.hpp"
#include "app/pass.hpp"
#include "app/planning.hpp"
#include "app/record/spool_report.hpp"
#include "app/site/list_files.hpp"
#include "app/site/session.hpp"
#include "app/world/changeable.hpp"
#include "app/world/protect.hpp"
#include "app/world/rights.hpp"
#include "app/world/spool.hpp"
#include "core/script/rehearsal.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace banpush {

namespace {

using Json = nlohmann::json;

// One thing looked at on a device.
struct Finding {
  enum class Level { Good, Warning, Bad } level = Level::Good;
  std::string name, text;
};

struct Checked {
  std::string device, driver;
  std::vector<Finding> findings;
  int code = 0; // what is wrong besides the findings: templates, or the device could not be asked
};

const char *word_of(Finding::Level level) {
  switch (level) {
  case Finding::Level::Good: return "ok";
  case Finding::Level::Warning: return "warning";
  case Finding::Level::Bad: return "error";
  }
  return "?";
}

// What a list that stands and is in force holds of ours, and whether all of it blocks.
Finding of_entries(const Installed &installed, const ListState &list) {
  std::size_t held = 0, idle = 0;
  std::string first;
  for (const Entry &entry : installed.entries) {
    if (entry.list != list.list)
      continue;
    ++held;
    if (!entry.in_force && idle++ == 0)
      first = fmt::format("{}: {}", entry.block.text(), entry.why_not);
  }
  if (idle == 0)
    return {Finding::Level::Good, "list", fmt::format("{} exists and is in force, {} of ours in it", list.list, held)};
  return {
      Finding::Level::Bad, "list",
      fmt::format("{} exists, but of {} of ours in it {} {} not in force ({})", list.list, held, idle, idle == 1 ? "is" : "are", first)};
}

// Whether setup binds lists to places, and so needs `attach`.
bool binds_to_places(const Driver &driver) {
  const auto asks_for_places = [&](const Part &part) {
    const auto found = driver.templates.find(part.template_name.empty() ? word(Stage::Setup) : part.template_name);
    return found != driver.templates.end() && std::any_of(found->second.uses().begin(), found->second.uses().end(),
                                                          [](const TextTemplate::Use &use) { return use.name == "attach"; });
  };
  const auto setup = driver.stages.find(Stage::Setup);
  return setup != driver.stages.end() && std::any_of(setup->second.begin(), setup->second.end(), asks_for_places);
}

// What a person does about a list that is missing or bound nowhere.
std::string remedy_of_list(const ListState &list, const Driver &driver, const Device &device) {
  if (!driver.has(Stage::Setup))
    return {};
  if (device.attach.empty() && binds_to_places(driver))
    return fmt::format("; write `attach` into the configuration of {}, then `banpush setup {} --apply`", device.name, device.name);
  if (list.stands) // the rule that uses it may be the operator's own
    return fmt::format("; `banpush setup {}` shows what it would send for that", device.name);
  return fmt::format(
      "; `banpush setup {0}` shows what is missing, `banpush setup {0} --apply` sends it where nothing of others is in the way",
      device.name);
}

// `driver` as its file has it; the session's own knows this device's places instead of `per: attach`.
void look_at_lists(Session &session, const Driver &driver, const Device &device, Checked &checked) {
  const Installed installed = session.read();
  for (const ListState &list : installed.lists) {
    if (list.stands && list.in_force)
      checked.findings.push_back(of_entries(installed, list));
    else
      checked.findings.push_back({Finding::Level::Bad, "list",
                                  fmt::format("{} {}: {}{}", list.list, list.stands ? "is not in force" : "does not exist on the device",
                                              list.why_not, remedy_of_list(list, driver, device))});
  }
  for (const ListState &list : installed.lists)
    for (const std::string &doubt : list.doubts)
      checked.findings.push_back({Finding::Level::Warning, "order",
                                  fmt::format("{}: {}{}", list.list, doubt,
                                              list.may_be_passed && driver.has(Stage::Setup)
                                                  ? fmt::format("; `banpush setup {}` says what can be done", device.name)
                                                  : std::string())});
  if (const std::size_t others = of_others(installed).size(); others != 0)
    checked.findings.push_back({Finding::Level::Good, "foreign", fmt::format("{} of others, left alone", others)});
}

void run_checks(Session &session, Checked &checked) {
  for (const Check &one : session.driver().checks) {
    if (!holds(one.when, session.values(), session.facts()))
      continue;
    if (session.rendering().transport == TransportKind::Cli ? one.send.empty() : one.run.empty()) {
      checked.findings.push_back({Finding::Level::Warning, one.name,
                                  "cannot be checked from here; make sure that this is not so: " + expand(one.says, session.values())});
      continue;
    }
    Reply reply = session.ask(one.send, one.run);
    reply.text = without_noise(session.driver().noise, reply.text);
    if (good(one, session.values(), reply))
      checked.findings.push_back({Finding::Level::Good, one.name, "OK"});
    else
      checked.findings.push_back({one.fatal ? Finding::Level::Bad : Finding::Level::Warning, one.name, expand(one.says, session.values())});
  }
}

// What its templates write and its patterns do not read.
std::vector<std::string> wrong_templates(const Config &config, const Device &device) {
  const Driver &driver = config.driver(device);
  return rehearse(driver, values_of(driver, device.params));
}

Checked look_at(Site &site, const Device &device, bool connect) {
  Checked checked;
  checked.device = device.name;
  checked.driver = device.driver;
  const Driver &driver = site.config().driver(device);
  if (driver.evidence.level < EvidenceLevel::Captured && !device.accept_unproven)
    checked.findings.push_back(
        {Finding::Level::Warning, "unproven", fmt::format("driver {} plans, but pushes only with `accept_unproven: yes`", driver.name)});
  for (const std::string &wrong : wrong_templates(site.config(), device)) {
    checked.findings.push_back({Finding::Level::Bad, "templates", wrong});
    checked.code = exit_code_of(ErrorKind::Config);
  }
  if (!connect)
    return checked;
  try {
    Session session(device, driver, site.credentials(device), families_used(site, device), site.trace);
    const Facts &facts = session.open();
    session.remember(known_to_ledger(site, device));
    checked.findings.push_back(
        {Finding::Level::Good, "login",
         facts.seen_from ? fmt::format("logged in, seen from {}", facts.seen_from->address()) : std::string("logged in")});
    for (const std::string &note : session.notes())
      checked.findings.push_back({Finding::Level::Good, "lists", note});
    if (const auto unconfirmed = dead_man_of(site, device))
      checked.findings.push_back({Finding::Level::Warning, "unconfirmed", text_of(*unconfirmed)});
    look_at_lists(session, driver, device, checked);
    run_checks(session, checked);
  } catch (const Error &error) {
    checked.findings.push_back({Finding::Level::Bad, "connect", error.what()});
    checked.code = std::max(checked.code, error.kind() == ErrorKind::Config ? exit_code_of(error.kind()) : 1);
  }
  return checked;
}

std::string text_of(const std::vector<Checked> &all, const Console &console) {
  std::string out;
  for (const Checked &checked : all) {
    out += fmt::format("{} ({})\n", console.paint(Colour::Bold, checked.device), checked.driver);
    for (const Finding &finding : checked.findings) {
      const Colour colour = finding.level == Finding::Level::Good      ? Colour::Green
                            : finding.level == Finding::Level::Warning ? Colour::Yellow
                                                                       : Colour::Red;
      out += fmt::format("  {:<18} {}: {}\n", console.paint(colour, word_of(finding.level)), finding.name, finding.text);
    }
    if (checked.findings.empty())
      out += fmt::format("  {:<18} configuration and driver\n", console.paint(Colour::Green, "ok"));
  }
  return out;
}

Json json_of(const std::vector<Checked> &all, const std::vector<NamedPrefix> &protect, const std::vector<std::string> &notes,
             const std::vector<std::string> &rights) {
  Json devices = Json::array(), protected_set = Json::array();
  for (const Checked &checked : all) {
    Json findings = Json::array();
    for (const Finding &finding : checked.findings)
      findings.push_back({{"level", word_of(finding.level)}, {"name", finding.name}, {"message", finding.text}});
    devices.push_back({{"device", checked.device}, {"driver", checked.driver}, {"findings", findings}});
  }
  for (const NamedPrefix &one : protect)
    protected_set.push_back({{"prefix", one.prefix.text()}, {"why", one.why}});
  return {{"schema", 1}, {"devices", devices}, {"protected", protected_set}, {"notes", notes}, {"rights", rights}};
}

// Side tables of another version than this banpush makes.
std::vector<std::string> notes_on_versions(const Config &config) {
  std::vector<std::string> notes;
  for (const TableSource &source : config.tables) {
    const auto table = open(source);
    if (const auto missing = table->missing_columns(); !missing.empty())
      notes.push_back(fmt::format("table {}: its side tables are of an older banpush and lack {}; what they would hold is not kept until "
                                  "`banpush init` has added them",
                                  source.name, fmt::join(missing, ", ")));
    else if (const auto version = table->schema_version(); version > newest_schema())
      notes.push_back(fmt::format("table {}: its side tables are of a newer banpush (version {}; this one makes {}), which is no harm",
                                  source.name, version, newest_schema()));
  }
  return notes;
}

// What the tables say, of themselves, too.
struct Tables {
  Fetched fetched;
  std::vector<std::string> versions;
};

// The tables, their allowlist, and the protected set. Where they cannot be had, owners and modes may be why.
Tables tables_of(const Settings &settings, Config &config, const std::vector<std::string> &rights,
                 const std::vector<const Device *> &devices) {
  try {
    Tables tables{fetch(config), {}};
    tables.versions = notes_on_versions(config);
    return tables;
  } catch (const Error &error) {
    for (const std::string &line : rights)
      settings.console.warn("error: " + line);
    bool is_readable = true;
    for (const Device *device : devices)
      for (const std::string &wrong : wrong_templates(config, *device)) {
        settings.console.warn(fmt::format("error: {} ({}): templates: {}", device->name, device->driver, wrong));
        is_readable = false;
      }
    if (!is_readable) // what people write comes before what cannot be reached
      throw Error(ErrorKind::Config, error.what());
    throw;
  }
}

// 2 where what people write is wrong, 1 where a device is.
int code_of(const std::vector<Checked> &all) {
  int code = 0;
  for (const Checked &checked : all) {
    const bool bad = std::any_of(checked.findings.begin(), checked.findings.end(),
                                 [](const Finding &finding) { return finding.level == Finding::Level::Bad; });
    code = std::max({code, checked.code, bad ? 1 : 0});
  }
  return code;
}

} // namespace

int check(const Settings &settings, const CheckOptions &options) {
  Config config = load_all(settings);
  require_files_of_their_own(config);
  const auto meant = chosen(config, options.devices);
  const SpoolReport spool = report_of_spool(config.spool);
  if (!settings.console.json())
    for (const std::string &line : spool.text) // before the table, which may be why something waits
      settings.console.warn(line);
  std::vector<std::string> rights = wrong_rights(config);
  for (std::string &line : changeable_by_others(config))
    rights.push_back(std::move(line));
  if (config.serve.http)
    if (const std::string trouble = trouble_with_http(*config.serve.http); !trouble.empty())
      rights.push_back(trouble);
  if (config.serve.alerts)
    if (const std::string trouble = trouble_with_alerts(*config.serve.alerts); !trouble.empty())
      rights.push_back(trouble);
  auto [fetched, versions] = tables_of(settings, config, rights, meant);
  require_protected_hosts(fetched.unknown_hosts);
  std::vector<NamedPrefix> protect = config.policy.protect;
  protect.insert(protect.end(), fetched.protect.begin(), fetched.protect.end());
  std::vector<std::string> notes = config.notes;
  notes.insert(notes.end(), fetched.notes.begin(), fetched.notes.end());
  notes.insert(notes.end(), versions.begin(), versions.end());
  if (settings.console.json())
    notes.insert(notes.end(), spool.text.begin(), spool.text.end());
  const std::size_t rows = fetched.bans.rows().size();
  State state(config.state);
  if (!state.trouble().empty())
    notes.push_back(state.trouble());
  for (const State::Known &one : no_longer_configured(state, config))
    notes.push_back(what_to_put_back(one));
  Site site(config, state, std::move(fetched.bans), std::move(fetched.protect));
  site.trace = trace_to(settings.trace);
  std::vector<Checked> all;
  for (const Device *device : meant)
    all.push_back(look_at(site, *device, options.connect));

  if (settings.console.json()) {
    settings.console.out(json_of(all, protect, notes, rights).dump(2) + "\n");
  } else {
    settings.console.out(fmt::format("configuration {}: OK; {} row{} in the ban table, {} device{}\n", config.path, rows,
                                     rows == 1 ? "" : "s", config.devices.size(), config.devices.size() == 1 ? "" : "s"));
    settings.console.tell(text_of(all, settings.console));
    for (const std::string &line : rights)
      settings.console.tell(settings.console.paint(Colour::Red, "error: ") + line + "\n");
    for (const std::string &note : notes)
      settings.console.tell("note: " + note + "\n");
    if (settings.console.verbose())
      for (const NamedPrefix &one : protect)
        settings.console.out(fmt::format("protected {:<28} {}\n", one.prefix.text(), one.why));
    else
      settings.console.note(fmt::format("{} prefixes are protected (-v lists them)", protect.size()));
  }
  if (!rights.empty())
    return 2;
  return code_of(all);
}

} // namespace banpush
