#include "app/record/still_blocked.hpp"

#include "app/record/new_ban.hpp"
#include "app/words/report.hpp"
#include "app/world/protect.hpp"
#include "app/world/table_filter.hpp"
#include "app/world/world.hpp"
#include "core/policy/address_bans.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace banpush {

namespace {

constexpr std::size_t most_named = 5;

// Each distinct policy with the devices that have it; the configuration's own where there is no device.
std::vector<std::pair<const Policy *, std::vector<std::string>>> policies_of(const Config &config) {
  std::vector<std::pair<const Policy *, std::vector<std::string>>> all;
  for (const Device &device : config.devices) {
    const auto same = std::find_if(all.begin(), all.end(), [&](const auto &one) { return *one.first == device.policy; });
    if (same == all.end())
      all.push_back({&device.policy, {device.name}});
    else
      same->second.push_back(device.name);
  }
  if (all.empty())
    all.push_back({&config.policy, {}});
  return all;
}

void add_ban(std::vector<OtherBan> &where, const OtherBan &one) {
  const auto same = std::find_if(where.begin(), where.end(), [&](const OtherBan &other) {
    return other.prefix == one.prefix && other.jail == one.jail && other.hostname == one.hostname;
  });
  if (same == where.end())
    where.push_back(one);
  else
    same->left = std::max(same->left, one.left);
}

void add_bans(Leftovers &left, const Bans &bans, const Policy &policy, const Prefix &ip) {
  std::map<Prefix, std::vector<std::uint32_t>> rows;
  for (std::uint32_t row = 0; row < bans.rows().size(); ++row)
    if (const Prefix &prefix = bans.rows()[row].block.prefix; prefix.overlaps(ip))
      rows[prefix].push_back(row);
  AddressBans of_address(bans, policy);
  for (const auto &[prefix, of_prefix] : rows) {
    const auto places = of_address.places({of_prefix.data(), of_prefix.data() + of_prefix.size()});
    for (std::size_t i = 0; i < of_prefix.size(); ++i) {
      const Ban &ban = bans.rows()[of_prefix[i]];
      const Seconds left_to_run = of_address.rules().left(ban, places[i]);
      if (of_address.rules().filter(ban) == Verdict::Wanted && !of_address.rules().revoked(ban) && left_to_run > 0)
        add_ban(prefix.contains(ip) ? left.around : left.inside, {prefix, bans.name(ban.jail), bans.name(ban.host), left_to_run});
    }
  }
}

void add_entries(Leftovers &left, const Candidates &found, const std::vector<std::string> &devices, const Prefix &ip) {
  for (const Candidate &candidate : found.wanted)
    if (candidate.block.prefix.overlaps(ip))
      left.blocked.push_back({candidate.block, devices});
}

std::string at(const std::vector<std::string> &devices) { return devices.empty() ? "" : fmt::format(" at {}", fmt::join(devices, ", ")); }

std::string by(const OtherBan &ban) {
  return fmt::format("{} (jail {}, host {}, {})", ip_text(ban.prefix), shown(ban.jail, 60), shown(ban.hostname, 60), until_text(ban.left));
}

// Whether any policy makes an entry of the ban, whole or in part.
bool is_enforced(const Leftovers &left, const Prefix &prefix) {
  return std::any_of(left.blocked.begin(), left.blocked.end(), [&](const StillBlocked &one) { return one.entry.prefix.overlaps(prefix); });
}

// Entries that are there because of neighbours: no ban names the address or a network around it.
void say_merged(const Leftovers &left, const Prefix &ip, std::vector<std::string> &lines) {
  for (const StillBlocked &one : left.blocked) {
    if (!one.entry.prefix.contains(ip) || one.entry.prefix == ip ||
        std::any_of(left.around.begin(), left.around.end(), [&](const OtherBan &ban) { return ban.prefix.contains(one.entry.prefix); }))
      continue;
    lines.push_back(
        fmt::format("{0} stays blocked{1} within {2}, which policy (`widen` or `aggregate`) makes of bans beside it; `banpush allow "
                    "add {0}` leaves a hole",
                    ip_text(ip), at(one.devices), one.entry.prefix.text()));
  }
}

} // namespace

Leftovers leftovers(Config config, const std::vector<std::unique_ptr<BanTable>> &tables, const Prefix &ip) {
  Leftovers left;
  Bans bans;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const TableSource &source = config.tables[i];
    add_allowed(config, tables[i]->allowed(), source.name);
    tables[i]->each([&](const RawBan &row) {
      if (is_taken(source, row))
        bans.add(row, static_cast<std::uint8_t>(i), source.name);
    });
  }
  bans.settle();
  for (const auto &[policy, devices] : policies_of(config)) {
    std::vector<NamedPrefix> protect = never_banned();
    protect.insert(protect.end(), policy->protect.begin(), policy->protect.end());
    add_bans(left, bans, *policy, ip);
    add_entries(left, candidates(bans, *policy, protect), devices, ip);
  }
  return left;
}

std::vector<std::string> said_of(const Leftovers &left, const Prefix &ip) {
  std::vector<std::string> lines;
  for (const OtherBan &ban : left.around) {
    const std::string text = ip_text(ban.prefix);
    if (!is_enforced(left, ip))
      lines.push_back(
          fmt::format("{} is in force for it, but no policy blocks it here: `banpush explain {}` says why", by(ban), ip_text(ip)));
    else if (ban.prefix == ip)
      lines.push_back(
          fmt::format("{0} stays blocked: another ban of it is in force, {1}; `banpush unban {0}` lifts all of them", text, by(ban)));
    else
      lines.push_back(
          fmt::format("{0} stays blocked: it lies in {1}; `banpush allow add {0}` leaves a hole for it, `banpush unban {2}` lifts "
                      "that whole ban",
                      ip_text(ip), by(ban), text));
  }
  say_merged(left, ip, lines);
  if (!left.inside.empty()) {
    std::vector<std::string> named;
    for (const OtherBan &ban : left.inside)
      if (named.size() < most_named)
        named.push_back(by(ban));
    lines.push_back(
        fmt::format("inside {0} stay banned: {1}{2}; `banpush unban` lifts each by its own address, `banpush allow add {0}` opens all "
                    "of it",
                    ip_text(ip), fmt::join(named, ", "),
                    left.inside.size() > named.size() ? fmt::format(" and {} more", left.inside.size() - named.size()) : ""));
  }
  return lines;
}

} // namespace banpush
