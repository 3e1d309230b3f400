#include "lab/rehearsal.hpp"

#include "config/config_file.hpp"
#include "config/driver/driver_lineage.hpp"
#include "files/own_files.hpp"
#include "lab/platforms.hpp"
#include "lab/rehearsed_device.hpp"
#include "lab/table_copy.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace banpush::lab {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// Where the product looks for drivers and templates, too.
DataDirs data_dirs(const std::string &config) {
  const char *set = std::getenv("BANPUSH_DATADIR");
  return {fs::absolute(config).parent_path().string(), set != nullptr && *set != '\0' ? set : data_folder()};
}

std::vector<const Device *> chosen(const Config &config, const std::vector<std::string> &names) {
  std::vector<const Device *> all;
  for (const Device &device : config.devices)
    if (names.empty() || std::any_of(names.begin(), names.end(), [&](const std::string &name) {
          return name == device.name || std::find(device.groups.begin(), device.groups.end(), name) != device.groups.end();
        }))
      all.push_back(&device);
  for (const std::string &name : names)
    if (std::none_of(config.devices.begin(), config.devices.end(), [&](const Device &device) {
          return name == device.name || std::find(device.groups.begin(), device.groups.end(), name) != device.groups.end();
        }))
      throw Error(ErrorKind::Usage, fmt::format("{}: there is no device or group \"{}\"", config.path, name));
  return all;
}

std::string train_for(const std::string &device, const std::vector<std::string> &trains, const std::string &standard) {
  for (const std::string &one : trains)
    if (one.rfind(device + "=", 0) == 0)
      return one.substr(device.size() + 1);
  return standard;
}

// A place from which packets are asked about.
Asked asked_of(const std::string &from) {
  const std::size_t at = from.find('@');
  Asked asked{from.substr(0, at), at == std::string::npos ? "" : from.substr(at + 1)};
  if (!address_of(asked.address) || (at != std::string::npos && asked.interface.empty()))
    throw Error(ErrorKind::Usage, fmt::format("--from {}: give ADDRESS or ADDRESS@INTERFACE", from));
  return asked;
}

// Why no twin can stand for it; empty where one can.
std::string why_not(const Device &device, const Driver &driver) {
  const TransportKind transport = device.transport.value_or(driver.transports.front());
  if (device.is_local() && transport != TransportKind::File)
    return "it is this host: `banpush plan " + device.name + "` shows what would change here";
  switch (transport) {
  case TransportKind::Netconf: return "it is spoken to by NETCONF, and the lab has no emulated NETCONF server";
  case TransportKind::Exec: return "programs are run on it, and the lab has no emulated host";
  case TransportKind::Nftables: return "it is a host's own firewall, and the lab has no emulated host";
  case TransportKind::File: return "it fetches a file: `banpush feed " + device.name + "` shows it";
  case TransportKind::Cli: return {};
  }
  return {};
}

Json not_rehearsed(const Device &device, const std::string &why) {
  return {{"device", device.name}, {"driver", device.driver}, {"rehearsed", false}, {"why", why}};
}

// Its own drivers and templates go first, as in the real folder.
void copy_own_data(const std::string &config, const std::string &folder) {
  for (const char *kind : {"drivers", "templates"}) {
    const fs::path own = fs::absolute(config).parent_path() / kind;
    std::error_code failure;
    if (fs::is_directory(own, failure))
      fs::copy(own, fs::path(folder) / kind, fs::copy_options::recursive, failure);
    if (failure && failure != std::errc::no_such_file_or_directory)
      throw Error(ErrorKind::Config, fmt::format("cannot copy {}: {}", own.string(), failure.message()));
  }
}

// A person decides (5) before a failure (1) before what could not be rehearsed (4).
int status_of(const Json &devices) {
  const auto any = [&](const auto &is) { return std::any_of(devices.begin(), devices.end(), is); };
  if (any([](const Json &one) { return one.value("held", false) || !one.value("risks", Json::array()).empty(); }))
    return 5;
  if (any([](const Json &one) { return one.value("failed", false); }))
    return 1;
  return any([](const Json &one) { return !one.at("rehearsed").get<bool>(); }) ? 4 : 0;
}

struct Rehearsal {
  const RehearsalOptions &options;
  const Config &config;
  DataDirs dirs;
  std::vector<PlatformFound> platforms;
  std::vector<Asked> asked;
  std::vector<TableCopied> tables;

  Json of(const Device &device) const {
    const Driver &driver = config.driver(device);
    if (const std::string why = why_not(device, driver); !why.empty())
      return not_rehearsed(device, why);
    Problems unused;
    const auto twin = twin_of(platforms, lineage_of(driver.file, dirs, unused).names);
    if (!twin)
      return not_rehearsed(device, fmt::format("the lab has no emulated device for the driver {}", device.driver));
    const std::string saved = options.running.empty() ? "" : fmt::format("{}/{}.cfg", options.running, device.name);
    std::error_code ignored;
    if (!saved.empty() && !fs::exists(saved, ignored))
      return not_rehearsed(device, fmt::format("its running configuration {} is not there", saved));
    const TwinWanted wanted{*twin, train_for(device.name, options.trains, twin->train), saved, options.folder, options.platforms};
    try {
      return RehearsedDevice(config, device, wanted, asked, tables).result();
    } catch (const std::exception &error) {
      return not_rehearsed(device, error.what());
    }
  }
};

} // namespace

Json rehearse(const RehearsalOptions &options) {
  LoadOptions load;
  load.path = options.config;
  load.data_dirs = data_dirs(options.config);
  const Config config = load_config(load);
  Rehearsal rehearsal{options, config, load.data_dirs, find_platforms(options.platforms), {}, {}};
  const auto devices = chosen(config, options.devices);
  for (const std::string &from : options.from)
    rehearsal.asked.push_back(asked_of(from));
  for (const std::string &train : options.trains)
    if (std::none_of(devices.begin(), devices.end(), [&](const Device *one) { return train.rfind(one->name + "=", 0) == 0; }))
      throw Error(ErrorKind::Usage, fmt::format("--train {}: give DEVICE=TRAIN, with a device that is rehearsed", train));
  std::error_code ignored;
  if (!options.running.empty() && !fs::is_directory(options.running, ignored))
    throw Error(ErrorKind::Usage, fmt::format("--running {}: there is no such folder", options.running));
  try {
    rehearsal.tables = copy_tables(config, options.bans, options.folder);
  } catch (const Error &error) {
    if (error.kind() != ErrorKind::Table)
      throw;
    throw Error(ErrorKind::Table, fmt::format("{}; --bans FILE, with an address a line, rehearses without the table", error.what()));
  }
  copy_own_data(options.config, options.folder);
  Json bans = Json::array(), all = Json::array();
  for (const TableCopied &table : rehearsal.tables)
    bans.push_back({{"table", table.name}, {"from", table.from}, {"rows", table.rows}});
  for (const Device *device : devices)
    all.push_back(rehearsal.of(*device));
  return {{"schema", 1},
          {"configuration", options.config},
          {"bans", std::move(bans)},
          {"from", options.from},
          {"folder", options.folder},
          {"status", status_of(all)},
          {"devices", std::move(all)}};
}

} // namespace banpush::lab
