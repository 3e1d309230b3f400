#include "app/commands/pass.hpp"
#include "app/new_ban.hpp"
#include "app/protect.hpp"
#include "core/life.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace banpush {

namespace {

using Json = nlohmann::json;

// The first of a set that contains the whole prefix.
const NamedPrefix *around(const std::vector<NamedPrefix> &set, const Prefix &prefix) {
  const auto found = std::find_if(set.begin(), set.end(), [&](const NamedPrefix &named) { return named.prefix.contains(prefix); });
  return found == set.end() ? nullptr : &*found;
}

// What policy says against banning this at all; nothing when it may be banned.
std::optional<GuardNote> against(const Config &config, const Prefix &ip, const std::vector<NamedPrefix> &found) {
  const Policy &policy = config.policy;
  const unsigned shortest = ip.family() == Family::IPv4 ? policy.shortest4 : policy.shortest6;
  if (ip.length() < shortest)
    return GuardNote{"shortest", fmt::format("{} is wider than /{}, the widest ban that policy.shortest lets through", ip.text(), shortest),
                     true};
  for (const auto *set : {&policy.protect, &found})
    if (const NamedPrefix *hit = around(*set, ip))
      return GuardNote{"protected", fmt::format("{} is protected: {} ({})", ip.text(), hit->prefix.text(), hit->why), true};
  if (const NamedPrefix *hit = around(policy.allow, ip))
    return GuardNote{"allow", fmt::format("{} is allowed: {} ({})", ip.text(), hit->prefix.text(), hit->why), true};
  return std::nullopt;
}

// What lies in a wider ban and stays open all the same.
std::string left_open(const Config &config, const Prefix &ip, const std::vector<NamedPrefix> &found) {
  std::string text;
  for (const auto *set : {&config.policy.protect, &found, &config.policy.allow})
    for (const NamedPrefix &named : *set)
      if (ip.contains(named.prefix))
        text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", named.prefix.text(), named.why);
  return text;
}

std::vector<NamedPrefix> protected_set(const Config &config, BanTable &table) {
  std::vector<NamedPrefix> found = never_banned();
  for (auto part : {of_this_host(), of_devices_and_tables(config), of_reporters({}, table.reporters())})
    found.insert(found.end(), part.begin(), part.end());
  return found;
}

const char *word_of(Recorded recorded) {
  switch (recorded) {
  case Recorded::Added: return "added";
  case Recorded::Extended: return "extended";
  case Recorded::Unchanged: return "unchanged";
  }
  return "?";
}

const char *said(Recorded recorded) {
  switch (recorded) {
  case Recorded::Added: return "banned";
  case Recorded::Extended: return "banned already, now for longer:";
  case Recorded::Unchanged: return "banned already:";
  }
  return "?";
}

void say(const Settings &settings, Json json, const std::string &text) {
  if (settings.console.json())
    settings.console.out(json.dump(2) + "\n");
  else
    settings.console.out(text + "\n");
}

// Pushes at once; what devices say is on stderr, since the ban itself is recorded whatever they do.
std::string push_now(const Settings &settings, const Config &config, bool skip) {
  if (skip || config.devices.empty())
    return "not asked for";
  const auto report = push_in_turn(settings, config);
  if (!report)
    return "queued";
  if (!settings.console.json())
    settings.console.note(to_text(*report, Detail::Push, settings.console));
  return report->exit_code() == 0 ? "done" : "incomplete";
}

} // namespace

int ban(const Settings &settings, const BanOptions &options) {
  NewBan wanted = new_ban(options.ip, options.jail, options.protocol, options.port, options.bantime, options.hostname, options.reason);
  Config config = load_all(settings);
  const Config untouched = config;
  const auto table = open(config.tables.front());
  add_allowed(config, *table, config.tables.front().name);
  const std::vector<NamedPrefix> found = protected_set(config, *table);
  if (const auto no = against(config, wanted.ip, found))
    throw Error(ErrorKind::Guard, fmt::format("not banned ({}): {}", no->name, no->message));
  if (const std::string open_inside = left_open(config, wanted.ip, found); !open_inside.empty())
    settings.console.note(fmt::format("inside it these stay open: {}", open_inside));
  wanted.occasion = options.restored != 0 ? Occasion::Restored : Occasion::New;
  wanted.lasts = length_for(config.policy, wanted.jail);
  const Recorded recorded = table->ban(wanted);
  const std::string pushed = push_now(settings, untouched, options.no_push);
  say(settings,
      {{"schema", 1},
       {"ip", ip_text(wanted.ip)},
       {"jail", wanted.jail},
       {"hostname", wanted.hostname},
       {"recorded", word_of(recorded)},
       {"push", pushed}},
      fmt::format("{} {} ({}, {}){}", said(recorded), ip_text(wanted.ip), wanted.jail, wanted.hostname,
                  pushed == "queued" ? "; a push under way takes it along" : ""));
  return 0;
}

int unban(const Settings &settings, const UnbanOptions &options) {
  const auto ip = Prefix::parse(options.ip);
  if (!ip)
    throw Error(ErrorKind::Usage,
                fmt::format("unban \"{}\": no address or prefix: {} (column {})", shown(options.ip), ip.error().what, ip.error().column));
  if (!options.jail.empty())
    require_jail(options.jail);
  if (!options.hostname.empty())
    require_hostname(options.hostname);
  Config config = load_all(settings);
  std::size_t count = 0;
  for (const TableSource &source : config.tables)
    count +=
        open(source)->unban(*ip, options.jail, options.hostname, options.by == "fail2ban" ? Revoker::Fail2ban : Revoker::Operator, actor());
  const std::string pushed = push_now(settings, config, options.no_push || count == 0);
  say(settings, {{"schema", 1}, {"ip", ip_text(*ip)}, {"unbanned", count}, {"push", pushed}},
      count == 0 ? fmt::format("{}: no ban in force is recorded", ip_text(*ip))
                 : fmt::format("unbanned {} ({} row{})", ip_text(*ip), count, count == 1 ? "" : "s"));
  return 0;
}

} // namespace banpush
