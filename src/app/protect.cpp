#include "app/protect.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <thread>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>

namespace banpush {

namespace {

constexpr std::chrono::milliseconds patience_for_devices{3000}, patience_for_reporters{700};
constexpr std::chrono::milliseconds longest_pause{20}; // between two looks at what names resolve to
constexpr std::size_t most_reporters = 256;            // distinct names that are looked up; a table holds far fewer

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

void own_addresses(std::vector<NamedPrefix> &found) {
  ifaddrs *list = nullptr;
  if (getifaddrs(&list) != 0)
    return;
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, &freeifaddrs);
  for (const ifaddrs *one = list; one != nullptr; one = one->ifa_next)
    if (const auto prefix = host_of(one->ifa_addr))
      found.push_back({*prefix, fmt::format("this host's own address on {}", one->ifa_name)});
}

// /proc/net/route: interface, destination, gateway, … in host-order hex (proc(5)).
void gateways4(std::vector<NamedPrefix> &found) {
  std::ifstream file("/proc/net/route");
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::string interface, destination, gateway;
    fields >> interface >> destination >> gateway;
    if (gateway.empty() || gateway == "00000000")
      continue;
    const std::uint32_t raw = static_cast<std::uint32_t>(std::stoul(gateway, nullptr, 16));
    Prefix::Bytes bytes{};
    std::memcpy(bytes.data(), &raw, 4);
    found.push_back({Prefix(Family::IPv4, bytes, 32), "a gateway of this host on " + interface});
  }
}

// /proc/net/ipv6_route: destination, length, source, length, next hop, … in hex (proc(5)).
void gateways6(std::vector<NamedPrefix> &found) {
  std::ifstream file("/proc/net/ipv6_route");
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::string destination, length, source, source_length, hop;
    fields >> destination >> length >> source >> source_length >> hop;
    if (hop.size() != 32 || hop == std::string(32, '0'))
      continue;
    Prefix::Bytes bytes{};
    for (std::size_t i = 0; i < 16; ++i)
      bytes[i] = static_cast<std::uint8_t>(std::stoul(hop.substr(2 * i, 2), nullptr, 16));
    found.push_back({Prefix(Family::IPv6, bytes, 128), "a gateway of this host"});
  }
}

void name_servers(std::vector<NamedPrefix> &found) {
  std::ifstream file("/etc/resolv.conf");
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::string key, address;
    fields >> key >> address;
    if (key != "nameserver")
      continue;
    const auto prefix = Prefix::parse(address.substr(0, address.find('%')));
    if (prefix)
      found.push_back({*prefix, "a name server of this host"});
  }
}

void add_all(std::vector<NamedPrefix> &found, const std::vector<Prefix> &prefixes, const std::string &why) {
  for (const Prefix &prefix : prefixes)
    found.push_back({prefix, why});
}

// One policy's host names into prefixes.
void resolve_into(Policy &policy, const std::map<std::string, std::vector<Prefix>> &known) {
  for (const NamedHost &named : policy.protect_hosts) {
    const auto found = known.find(named.host);
    if (found == known.end() || found->second.empty())
      throw Error(ErrorKind::Config, fmt::format("{}: the protected host {} does not resolve to an address; nothing is pushed without it",
                                                 named.why, named.host));
    add_all(policy.protect, found->second, fmt::format("{} ({})", named.why, named.host));
  }
}

} // namespace

std::vector<NamedPrefix> never_banned() {
  std::vector<NamedPrefix> all;
  for (const auto &[text, why] : std::initializer_list<std::pair<const char *, const char *>>{{"127.0.0.0/8", "loopback"},
                                                                                              {"::1/128", "loopback"},
                                                                                              {"169.254.0.0/16", "link-local"},
                                                                                              {"fe80::/10", "link-local"},
                                                                                              {"224.0.0.0/4", "multicast"},
                                                                                              {"ff00::/8", "multicast"},
                                                                                              {"0.0.0.0/8", "unspecified"},
                                                                                              {"::/128", "unspecified"},
                                                                                              {"255.255.255.255/32", "broadcast"}})
    all.push_back({Prefix::require(text), why});
  return all;
}

std::vector<NamedPrefix> of_this_host() {
  std::vector<NamedPrefix> found;
  own_addresses(found);
  gateways4(found);
  gateways6(found);
  name_servers(found);
  return found;
}

std::map<std::string, std::vector<Prefix>> resolve(const std::vector<std::string> &names, std::chrono::milliseconds patience) {
  std::map<std::string, std::vector<Prefix>> known;
  std::vector<std::string> asked;
  for (const std::string &name : std::set<std::string>(names.begin(), names.end())) {
    const auto literal = Prefix::parse(name);
    if (literal && literal->is_host())
      known[name] = {*literal};
    else if (!name.empty())
      asked.push_back(name);
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  // Heap memory that a late answer may still write to, so it is given up with the requests it belongs to.
  auto *requests = new std::vector<gaicb>(asked.size());
  auto *texts = new std::vector<std::string>(asked);
  auto *shared_hints = new addrinfo(hints);
  std::vector<gaicb *> pointers;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    (*requests)[i].ar_name = (*texts)[i].c_str();
    (*requests)[i].ar_request = shared_hints;
    pointers.push_back(&(*requests)[i]);
  }
  const auto end = std::chrono::steady_clock::now() + patience;
  bool pending = !asked.empty() && getaddrinfo_a(GAI_NOWAIT, pointers.data(), static_cast<int>(pointers.size()), nullptr) == 0;
  // Looked at again and again instead of gai_suspend(3): that leaves a list on its own stack with a request that
  // ends just as it returns, and glibc's thread then writes there (seen with 2.36, of several names at once).
  for (std::chrono::milliseconds pause{1}; pending; pause = std::min(2 * pause, longest_pause)) {
    pending = std::any_of(pointers.begin(), pointers.end(), [](gaicb *request) { return gai_error(request) == EAI_INPROGRESS; });
    if (!pending || std::chrono::steady_clock::now() >= end)
      break;
    std::this_thread::sleep_for(pause);
  }
  bool all_over = true;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    gaicb *request = pointers[i];
    if (gai_error(request) == EAI_INPROGRESS && gai_cancel(request) != EAI_CANCELED) {
      all_over = false;
      continue;
    }
    if (gai_error(request) != 0)
      continue;
    for (const addrinfo *one = request->ar_result; one != nullptr; one = one->ai_next)
      if (const auto prefix = host_of(one->ai_addr))
        known[asked[i]].push_back(*prefix);
    freeaddrinfo(request->ar_result);
  }
  if (all_over) {
    delete requests;
    delete texts;
    delete shared_hints;
  }
  return known;
}

std::vector<NamedPrefix> of_devices_and_tables(const Config &config) {
  std::vector<std::string> names;
  for (const Device &device : config.devices)
    if (!device.is_local())
      names.insert(names.end(), device.addresses.begin(), device.addresses.end());
  for (const TableSource &table : config.tables)
    if (table.kind == TableSource::Kind::Mysql && table.socket.empty())
      names.push_back(table.host);
  const auto known = resolve(names, patience_for_devices);
  const auto addresses = [&](const std::string &name) {
    const auto found = known.find(name);
    return found == known.end() ? std::vector<Prefix>{} : found->second;
  };
  std::vector<NamedPrefix> found;
  for (const Device &device : config.devices)
    for (const std::string &address : device.addresses)
      add_all(found, addresses(address), "the address of " + device.name);
  for (const TableSource &table : config.tables)
    add_all(found, addresses(table.host), "the host of the ban table " + table.name);
  return found;
}

std::vector<NamedPrefix> of_reporters(const Bans &bans, const std::vector<std::pair<std::string, std::string>> &seen) {
  std::vector<NamedPrefix> found;
  for (const auto &[host, address] : seen)
    if (const auto prefix = Prefix::parse(address))
      found.push_back({*prefix, "the reporter " + shown(host, 40)});
  std::vector<std::string> names;
  for (const std::uint32_t host : bans.hosts())
    if (names.size() < most_reporters && shown(bans.name(host), 255) == bans.name(host))
      names.push_back(bans.name(host));
  for (const auto &[name, prefixes] : resolve(names, patience_for_reporters))
    add_all(found, prefixes, "the reporter " + name);
  return found;
}

void resolve_protected_hosts(Config &config) {
  std::vector<std::string> names;
  const auto collect = [&names](const Policy &policy) {
    for (const NamedHost &named : policy.protect_hosts)
      names.push_back(named.host);
  };
  collect(config.policy);
  for (const Device &device : config.devices)
    collect(device.policy);
  const auto known = resolve(names, patience_for_devices);
  resolve_into(config.policy, known);
  for (Device &device : config.devices)
    resolve_into(device.policy, known);
}

} // namespace banpush
