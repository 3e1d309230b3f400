#include "app/world/world.hpp"

#include "app/world/logged_in.hpp"
#include "app/world/protect.hpp"
#include "app/world/secrets.hpp"
#include "app/world/spool.hpp"
#include "app/world/table_filter.hpp"
#include "config/config_file.hpp"
#include "core/policy/live_bans.hpp"
#include "files/own_files.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

namespace banpush {

namespace {

namespace fs = std::filesystem;

void say_warnings(const Settings &settings, const Config &config) {
  for (const std::string &warning : config.warnings)
    settings.console.warn(settings.console.paint(Colour::Yellow, "warning: ") + warning);
}

LoadOptions options_of(const Settings &settings) {
  LoadOptions options;
  options.path = settings.config;
  options.data_dirs = data_folders(settings.config);
  return options;
}

} // namespace

std::vector<std::string> data_folders(const std::string &config_path) {
  std::vector<std::string> folders{fs::path(config_path).parent_path().string()};
  if (folders.front().empty())
    folders.front() = ".";
  if (const char *set = std::getenv("BANPUSH_DATADIR"); set != nullptr && *set != '\0') {
    folders.emplace_back(set);
    return folders;
  }
  folders.push_back(data_folder());
  return folders;
}

Config load_all(const Settings &settings) {
  Config config = load_config(options_of(settings));
  say_warnings(settings, config);
  return config;
}

Config load_for_recording(const Settings &settings) {
  LoadOptions options = options_of(settings);
  options.scope.kind = Scope::Kind::Recording;
  Config config = load_config(options);
  return config;
}

Config load_for_rescue(const Settings &settings, const std::vector<std::string> &devices) {
  LoadOptions options = options_of(settings);
  options.scope = {Scope::Kind::Rescue, devices};
  Config config = load_config(options);
  say_warnings(settings, config);
  return config;
}

std::vector<const Device *> chosen(const Config &config, const std::vector<std::string> &names) {
  std::vector<const Device *> devices;
  if (names.empty()) {
    for (const Device &device : config.devices)
      devices.push_back(&device);
    return devices;
  }
  for (const std::string &name : names) {
    const Device *device = config.device(name);
    if (device == nullptr) {
      std::string known;
      for (const Device &one : config.devices)
        known += (known.empty() ? "" : ", ") + one.name;
      throw Error(ErrorKind::Usage, fmt::format("no device is called \"{}\"; there {}", shown(name),
                                                known.empty()                           ? "are none"
                                                : known.find(", ") == std::string::npos ? "is " + known
                                                                                        : "are " + known));
    }
    if (std::find(devices.begin(), devices.end(), device) == devices.end())
      devices.push_back(device);
  }
  return devices;
}

namespace {

// The client library waits for a name server as long as that takes.
void require_host(const TableSource &source, const TableTimeouts &timeouts) {
  if (source.kind != TableSource::Kind::Mysql || !source.socket.empty())
    return;
  const std::chrono::milliseconds patience = std::min<std::chrono::milliseconds>(timeouts.connect, longest_for_names);
  if (ask_names({source.host}, patience).of(source.host).empty())
    throw Unreachable(
        fmt::format("table {}: its host {} does not resolve within {} ms", source.name, shown(source.host), patience.count()));
}

} // namespace

std::unique_ptr<BanTable> open(const TableSource &source, const TableTimeouts &timeouts) {
  require_host(source, timeouts);
  return open_table(source, secret(source.password), timeouts);
}

std::vector<std::unique_ptr<BanTable>> open_all(const Config &config, const TableTimeouts &timeouts) {
  std::vector<std::unique_ptr<BanTable>> tables;
  for (const TableSource &source : config.tables)
    tables.push_back(open(source, timeouts));
  return tables;
}

void add_allowed(Config &config, const std::vector<AllowRow> &rows, const std::string &name) {
  std::vector<NamedPrefix> allowed;
  for (const AllowRow &row : rows) {
    const auto prefix = Prefix::parse(row.prefix);
    if (!prefix)
      throw Error(ErrorKind::Config, fmt::format("the allowlist of table {}: \"{}\" (by {}): {}; nothing runs until it is mended", name,
                                                 shown(row.prefix), shown(row.actor), prefix.error().what));
    allowed.push_back(
        {*prefix, fmt::format("the allowlist of table {}{}", name, row.reason.empty() ? std::string() : ": " + shown(row.reason))});
  }
  const auto add = [&allowed](Policy &policy) { policy.allow.insert(policy.allow.end(), allowed.begin(), allowed.end()); };
  add(config.policy);
  for (Device &device : config.devices)
    add(device.policy);
}

Fetched fetch_rows(Config &config, const std::vector<std::unique_ptr<BanTable>> &tables, Reading reading) {
  Fetched fetched;
  for (std::size_t i = 0; i < config.tables.size(); ++i) {
    const TableSource &source = config.tables[i];
    BanTable &table = *tables[i];
    TableCopy &copy = fetched.copies[source.name];
    copy.sides = has_side_tables_as_before(table, config.spool, source.name);
    copy.allowed = table.allowed();
    add_allowed(config, copy.allowed, source.name);
    if (reading == Reading::Follow)
      table.follow();
    table.each([&](const RawBan &row) {
      if (!is_taken(source, row))
        return;
      fetched.bans.add(row, static_cast<std::uint8_t>(i), source.name);
      if (reading == Reading::Follow && fetched.times.size() < fetched.bans.rows().size())
        fetched.times.push_back(key_of_time(row.created));
    });
    copy.reporters = table.reporters();
  }
  if (fetched.bans.bad_rows() != 0) {
    const BadRow &first = fetched.bans.bad_samples().front();
    fetched.notes.push_back(fmt::format("{} of table {} {} no ban and left out (first: ip \"{}\" from {}, {}: {}; all: banpush list --bad)",
                                        fetched.bans.bad_rows() == 1 ? "1 row" : fmt::format("{} rows", fetched.bans.bad_rows()),
                                        first.source, fetched.bans.bad_rows() == 1 ? "is" : "are", first.ip, first.hostname, first.created,
                                        first.problem));
  }
  fetched.bans.settle(); // once, for the candidates of all policies
  return fetched;
}

Protection ask_for_protection(const Config &config, const Fetched &fetched) {
  Protection protection;
  const auto reporters = reporter_names(fetched.bans);
  protection.names = ask_names(names_of(config), longest_for_names, reporters);
  std::vector<std::pair<std::string, std::string>> seen;
  for (const auto &[name, copy] : fetched.copies)
    seen.insert(seen.end(), copy.reporters.begin(), copy.reporters.end());
  for (auto part : {never_banned(), of_this_host(), of_logins(protected_logins(config.state)), of_reporters(seen),
                    of_reporters(reporters, protection.names)})
    protection.found.insert(protection.found.end(), part.begin(), part.end());
  return protection;
}

void protect(Config &config, Fetched &fetched, const Protection &protection) {
  fetched.unknown_hosts = put_protected_hosts(config, protection.names);
  if (const std::string note = protection.names.note(); !note.empty())
    fetched.notes.push_back(note);
  fetched.protect = protection.found;
  const auto more = of_devices_and_tables(config, protection.names);
  fetched.protect.insert(fetched.protect.end(), more.begin(), more.end());
}

} // namespace banpush
