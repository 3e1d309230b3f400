#include "app/record/bannable.hpp"

#include "app/world/protect.hpp"
#include "core/plan/plan.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace banpush {

namespace {

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
                     GuardNote::Effect::Refuses};
  for (const auto *set : {&policy.protect, &found})
    if (const NamedPrefix *hit = around(*set, ip))
      return GuardNote{"protected", fmt::format("{} is protected: {} ({})", ip.text(), hit->prefix.text(), hit->why),
                       GuardNote::Effect::Refuses};
  if (const NamedPrefix *hit = around(policy.allow, ip))
    return GuardNote{"allow", fmt::format("{} is allowed: {} ({})", ip.text(), hit->prefix.text(), hit->why), GuardNote::Effect::Refuses};
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

void require(const Settings &settings, const Config &config, const Prefix &ip, const std::vector<NamedPrefix> &found) {
  if (const auto no = against(config, ip, found))
    throw Error(ErrorKind::Guard, fmt::format("not banned ({}): {}", no->name, no->message));
  if (const std::string open_inside = left_open(config, ip, found); !open_inside.empty())
    settings.console.note(fmt::format("inside it these stay open: {}", open_inside));
}

} // namespace

void require_bannable(const Settings &settings, const Config &config, const Prefix &ip, const Reporters &reporters,
                      const std::vector<NamedPrefix> &logins) {
  std::vector<NamedPrefix> found = never_banned();
  found.insert(found.end(), logins.begin(), logins.end());
  for (auto part : {of_this_host(), of_devices_and_tables(config, addresses_among(names_of(config))), of_reporters(reporters)})
    found.insert(found.end(), part.begin(), part.end());
  require(settings, config, ip, found);
}

std::vector<std::string> require_bannable_by_names(const Settings &settings, Config config, const Prefix &ip, const NameAnswers &names) {
  config.policy.protect.clear(); // judged already, as the allowlist
  config.policy.allow.clear();
  const auto unknown = put_protected_hosts(config, names);
  require(settings, config, ip, of_devices_and_tables(config, names));
  return unknown;
}

} // namespace banpush
