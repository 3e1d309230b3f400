#include "core/bans/stats.hpp"

#include <algorithm>
#include <limits>
#include <map>

namespace banpush {

namespace {

template <typename Key, typename Name>
std::vector<std::pair<std::string, std::size_t>> most_of(const std::map<Key, std::size_t> &counts, std::size_t most, Name name) {
  std::vector<std::pair<std::string, std::size_t>> rows;
  for (const auto &[key, count] : counts)
    rows.emplace_back(name(key), count);
  std::stable_sort(rows.begin(), rows.end(), [](const auto &a, const auto &b) { return a.second > b.second; });
  if (rows.size() > most)
    rows.resize(most);
  return rows;
}

Prefix network_of(const Prefix &prefix) {
  return prefix.with_length(std::min(prefix.length(), prefix.family() == Family::IPv4 ? 24U : 48U));
}

} // namespace

Stats stats(const Bans &bans, std::size_t steps, Seconds step, std::size_t most) {
  Stats made;
  made.over_time.assign(steps, 0);
  std::map<std::uint32_t, std::size_t> jails, hosts;
  std::map<Prefix, std::size_t> networks, addresses;
  for (const Ban &ban : bans.rows()) {
    const auto place = static_cast<std::size_t>(std::max<Seconds>(ban.age, 0) / step);
    if (place >= steps)
      continue;
    ++made.rows;
    ++made.over_time[steps - 1 - place];
    ++jails[ban.jail];
    ++hosts[ban.host];
    ++networks[network_of(ban.block.prefix)];
    ++addresses[ban.block.prefix];
  }
  made.addresses = addresses.size();
  made.repeated =
      static_cast<std::size_t>(std::count_if(addresses.begin(), addresses.end(), [](const auto &one) { return one.second > 1; }));
  static constexpr std::pair<std::size_t, const char *> classes[] = {
      {1, "1"}, {2, "2"}, {5, "3 to 5"}, {20, "6 to 20"}, {std::numeric_limits<std::size_t>::max(), "more"}};
  for (const auto &[most_bans, text] : classes)
    made.recurrence.emplace_back(text, 0);
  for (const auto &[prefix, count] : addresses) {
    std::size_t in = 0;
    while (count > classes[in].first)
      ++in;
    ++made.recurrence[in].second;
  }
  const auto name = [&bans](std::uint32_t index) { return shown(bans.name(index), 40); };
  made.jails = most_of(jails, most, name);
  made.hosts = most_of(hosts, most, name);
  made.networks = most_of(networks, most, [](const Prefix &prefix) { return prefix.text(); });
  return made;
}

double enforcement(const Bans &bans, const PrefixSet &entries, Seconds within) {
  std::size_t recent = 0, covered = 0;
  for (const Ban &ban : bans.rows()) {
    if (ban.age > within)
      continue;
    ++recent;
    covered += entries.covers(ban.block.prefix) ? 1 : 0;
  }
  return recent == 0 ? 1.0 : static_cast<double>(covered) / static_cast<double>(recent);
}

} // namespace banpush
