#include "app/names.hpp"

#include "app/instant.hpp"
#include "app/spool.hpp"

#include <algorithm>
#include <cstring>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>

namespace banpush {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds longest_pause{20};        // between two looks at what has come
constexpr std::chrono::milliseconds patience_for_others{700}; // reporters: the table itself has most of their addresses
constexpr Seconds kept_anew = 3600;                           // an answer that stays the same is written down this often
constexpr std::size_t most_named = 5;                         // in a note

// What getaddrinfo_a(3) works on: its threads may write here after we have gone on, so it is given up while they do.
struct Requests {
  std::vector<std::string> names;
  std::vector<gaicb> cells;
  addrinfo hints{};
};

std::optional<Prefix> host_of(const sockaddr *address) {
  Prefix::Bytes bytes{};
  if (address != nullptr && address->sa_family == AF_INET) {
    std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in *>(address)->sin_addr, 4);
    return Prefix(Family::IPv4, bytes, 32);
  }
  if (address != nullptr && address->sa_family == AF_INET6) {
    std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6 *>(address)->sin6_addr, 16);
    return Prefix(Family::IPv6, bytes, 128);
  }
  return std::nullopt;
}

// In this order they are asked for: some 20 at a time, so what is needed goes first.
std::vector<std::string> to_ask(const std::vector<std::string> &needed, const std::vector<std::string> &others, NameAnswers &answers) {
  std::vector<std::string> names;
  std::set<std::string> seen;
  for (const auto *part : {&needed, &others})
    for (const std::string &name : *part) {
      if (name.empty() || !seen.insert(name).second)
        continue;
      const auto literal = Prefix::parse(name);
      if (literal && literal->is_host())
        answers.known[name] = {*literal};
      else
        names.push_back(name);
    }
  return names;
}

bool is_pending(gaicb &cell) { return gai_error(&cell) == EAI_INPROGRESS; }

// Looked at again and again instead of gai_suspend(3): that leaves a list on its own stack with a request that
// ends just as it returns, and glibc's thread then writes there (seen with 2.36, of several names at once).
void wait_for(Requests &requests, std::size_t needed, std::chrono::milliseconds patience) {
  const auto begin = Clock::now();
  const auto pending = [&](std::size_t from, std::size_t to) {
    return std::any_of(requests.cells.begin() + static_cast<std::ptrdiff_t>(from), requests.cells.begin() + static_cast<std::ptrdiff_t>(to),
                       is_pending);
  };
  for (std::chrono::milliseconds pause{1};; pause = std::min(2 * pause, longest_pause)) {
    const auto passed = Clock::now() - begin;
    const bool first = pending(0, needed) && passed < patience;
    const bool rest = pending(needed, requests.cells.size()) && passed < std::min(patience, patience_for_others);
    if (!first && !rest)
      return;
    std::this_thread::sleep_for(pause);
  }
}

std::vector<Prefix> taken(gaicb &cell) {
  std::vector<Prefix> found;
  if (gai_error(&cell) != 0)
    return found;
  for (const addrinfo *one = cell.ar_result; one != nullptr; one = one->ai_next)
    if (const auto prefix = host_of(one->ai_addr))
      found.push_back(*prefix);
  freeaddrinfo(cell.ar_result);
  std::sort(found.begin(), found.end()); // a name server turns them round with each answer
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

std::string age_text(Seconds age) {
  return age < 120 ? fmt::format("{} s", age) : age < 7200 ? fmt::format("{} min", age / 60) : fmt::format("{} h", age / 3600);
}

} // namespace

std::vector<Prefix> NameAnswers::of(const std::string &name) const {
  const auto found = known.find(name);
  return found == known.end() ? std::vector<Prefix>{} : found->second;
}

std::string NameAnswers::note() const {
  if (remembered.empty())
    return {};
  std::string list;
  std::size_t count = 0;
  for (const auto &[name, age] : remembered) {
    if (++count > most_named)
      break;
    std::string addresses;
    for (const Prefix &prefix : of(name))
      addresses += (addresses.empty() ? "" : " ") + prefix.address();
    list += fmt::format("{}{} = {} ({} ago)", list.empty() ? "" : ", ", shown(name, 80), addresses, age_text(age));
  }
  if (remembered.size() > most_named)
    list += fmt::format(" and {} more", remembered.size() - most_named);
  return fmt::format("{} not resolve now; the last good answer serves: {}",
                     remembered.size() == 1 ? "1 name does" : fmt::format("{} names do", remembered.size()), list);
}

std::vector<std::string> names_of(const Config &config) {
  std::vector<std::string> names;
  const auto add = [&names](const Policy &policy) {
    for (const NamedHost &named : policy.protect_hosts)
      names.push_back(named.host);
  };
  add(config.policy);
  for (const Device &device : config.devices)
    add(device.policy);
  for (const TableSource &table : config.tables)
    if (table.kind == TableSource::Kind::Mysql && table.socket.empty())
      names.push_back(table.host);
  for (const Device &device : config.devices)
    if (!device.is_local())
      names.insert(names.end(), device.addresses.begin(), device.addresses.end());
  return names;
}

NameAnswers addresses_among(const std::vector<std::string> &names) {
  NameAnswers answers;
  to_ask(names, {}, answers);
  return answers;
}

std::vector<std::string> names_to_ask(const std::vector<std::string> &names) {
  NameAnswers ignored;
  return to_ask(names, {}, ignored);
}

NameAnswers ask_names(const std::vector<std::string> &needed, std::chrono::milliseconds patience, const std::vector<std::string> &others) {
  NameAnswers answers;
  auto requests = std::make_unique<Requests>();
  const std::set<std::string> first(needed.begin(), needed.end());
  requests->names = to_ask(needed, others, answers);
  if (requests->names.empty())
    return answers;
  requests->cells.resize(requests->names.size());
  requests->hints.ai_socktype = SOCK_STREAM;
  std::vector<gaicb *> pointers;
  std::size_t needed_count = 0;
  for (std::size_t i = 0; i < requests->names.size(); ++i) {
    requests->cells[i].ar_name = requests->names[i].c_str();
    requests->cells[i].ar_request = &requests->hints;
    pointers.push_back(&requests->cells[i]);
    needed_count += first.contains(requests->names[i]) ? 1 : 0;
  }
  if (getaddrinfo_a(GAI_NOWAIT, pointers.data(), static_cast<int>(pointers.size()), nullptr) != 0)
    return answers;
  wait_for(*requests, needed_count, patience);
  bool all_over = true;
  for (std::size_t i = 0; i < requests->cells.size(); ++i) {
    gaicb &cell = requests->cells[i];
    if (is_pending(cell) && gai_cancel(&cell) != EAI_CANCELED) {
      all_over = false;
      continue;
    }
    if (auto found = taken(cell); !found.empty())
      answers.known[requests->names[i]] = std::move(found);
  }
  if (!all_over)
    (void)requests.release(); // NOLINT(bugprone-unused-return-value)
  return answers;
}

void recall_names(NameAnswers &answers, const std::vector<std::string> &names, Spool &spool) {
  std::map<std::string, KnownName> kept;
  const Instant now = instant_now();
  for (const std::string &name : names) {
    if (name.empty() || answers.known.contains(name))
      continue;
    if (kept.empty())
      kept = spool.names();
    const auto found = kept.find(name);
    const auto age = found == kept.end() ? std::nullopt : seconds_between(found->second.at, now);
    if (!age || *age > names_last || found->second.prefixes.empty())
      continue;
    answers.known[name] = found->second.prefixes;
    answers.remembered[name] = *age;
  }
}

void remember_names(NameAnswers &answers, const std::vector<std::string> &names, Spool &spool) {
  const auto kept = spool.names();
  const Instant now = instant_now();
  for (const std::string &name : names) {
    const auto found = answers.known.find(name);
    if (found == answers.known.end() || answers.remembered.contains(name) || Prefix::parse(name))
      continue;
    const auto old = kept.find(name);
    const auto age = old == kept.end() ? std::nullopt : seconds_between(old->second.at, now);
    if (!age || *age > kept_anew || old->second.prefixes != found->second)
      spool.keep_name(name, {found->second, now});
  }
  recall_names(answers, names, spool);
}

namespace {

void put_into(Policy &policy, const NameAnswers &answers, std::vector<std::string> &unknown) {
  for (const NamedHost &named : policy.protect_hosts) {
    const auto prefixes = answers.of(named.host);
    if (prefixes.empty()) {
      const auto text = fmt::format("{}: the protected host {} does not resolve to an address, and no answer of the last {} is known",
                                    named.why, shown(named.host), duration(names_last));
      if (std::find(unknown.begin(), unknown.end(), text) == unknown.end())
        unknown.push_back(text);
    }
    for (const Prefix &prefix : prefixes)
      policy.protect.push_back({prefix, fmt::format("{} ({})", named.why, named.host)});
  }
}

} // namespace

std::vector<std::string> put_protected_hosts(Config &config, const NameAnswers &answers) {
  std::vector<std::string> unknown;
  put_into(config.policy, answers, unknown);
  for (Device &device : config.devices)
    put_into(device.policy, answers, unknown);
  return unknown;
}

void require_protected_hosts(const std::vector<std::string> &unknown) {
  if (unknown.empty())
    return;
  std::string all;
  for (const std::string &one : unknown)
    all += (all.empty() ? "" : "; ") + one;
  throw Error(ErrorKind::Config, all + "; nothing is pushed to any device without it");
}

} // namespace banpush
