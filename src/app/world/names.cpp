#include "app/world/names.hpp"

#include "app/state/instant.hpp"
#include "app/world/spool.hpp"
#include "transport/name_lookup.hpp"
#include "transport/wait.hpp"

#include <algorithm>
#include <cstring>
#include <set>

#include <fmt/format.h>
#include <netinet/in.h>

namespace banpush {

namespace {

constexpr std::chrono::milliseconds patience_for_others{700}; // reporters: the table itself has most of their addresses
constexpr Seconds kept_anew = 3600;                           // an answer that stays the same is written down this often
constexpr std::size_t most_named = 5;                         // in a note

constexpr std::size_t most_at_once = 20; // names that are asked for

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

// In this order they are asked for: so many at a time, so what is needed goes first.
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

std::vector<Prefix> hosts_of(const ResolvedName &resolved) {
  std::vector<Prefix> found;
  for (const addrinfo *one = resolved.addresses.get(); one != nullptr; one = one->ai_next)
    if (const auto prefix = host_of(one->ai_addr))
      found.push_back(*prefix);
  std::sort(found.begin(), found.end()); // a name server turns them round with each answer
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

// Names that are asked for side by side, each with its own bound from the same begin.
class Asking {
public:
  // The first `needed` of the names are waited for up to `patience`, the rest as long as is good enough for them.
  Asking(std::vector<std::string> names, std::size_t needed, std::chrono::milliseconds patience)
      : names_(std::move(names)), needed_(needed), needed_until_(Clock::now() + patience),
        others_until_(Clock::now() + std::min(patience, patience_for_others)) {}

  void run(NameAnswers &answers) {
    while (begin_more(), !lookups_.empty()) {
      wait();
      const auto over = [&](Lookup &lookup) { return is_over(lookup, answers); };
      lookups_.erase(std::remove_if(lookups_.begin(), lookups_.end(), over), lookups_.end());
    }
  }

private:
  struct Lookup {
    std::size_t at; // in names_
    NameLookup lookup;
  };

  Clock::time_point until(std::size_t at) const { return at < needed_ ? needed_until_ : others_until_; }

  void begin_more() {
    for (; next_ < names_.size() && lookups_.size() < most_at_once && Clock::now() < until(next_); ++next_)
      try {
        lookups_.push_back({next_, NameLookup(names_[next_])});
      } catch (const Error &) { // no thread or descriptor: this name is not known now
      }
  }

  void wait() {
    std::vector<pollfd> fds;
    Clock::time_point first = Clock::time_point::max();
    for (const Lookup &one : lookups_) {
      fds.push_back({one.lookup.fd(), POLLIN, 0});
      first = std::min(first, until(one.at));
    }
    wait_for(fds, first, never_);
  }

  bool is_over(Lookup &one, NameAnswers &answers) const {
    const auto resolved = one.lookup.take();
    if (!resolved)
      return Clock::now() >= until(one.at);
    if (auto found = hosts_of(*resolved); !found.empty())
      answers.known[names_[one.at]] = std::move(found);
    return true;
  }

  std::vector<std::string> names_;
  std::size_t needed_;
  Clock::time_point needed_until_;
  Clock::time_point others_until_;
  std::size_t next_ = 0;
  std::vector<Lookup> lookups_;
  Cancellation never_;
};

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
  std::vector<std::string> names = to_ask(needed, others, answers);
  if (names.empty())
    return answers;
  const std::set<std::string> first(needed.begin(), needed.end());
  const auto is_needed = [&first](const std::string &name) { return first.contains(name); };
  const auto count = static_cast<std::size_t>(std::count_if(names.begin(), names.end(), is_needed));
  try {
    Asking(std::move(names), count, patience).run(answers);
  } catch (const Error &) { // no descriptor to wait with: what has come so far is known
  }
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
