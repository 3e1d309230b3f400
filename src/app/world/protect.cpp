#include "app/world/protect.hpp"

#include "app/world/gateways.hpp"

#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <netinet/in.h>

namespace banpush {

namespace {

constexpr std::size_t most_reporters = 256; // distinct names that are looked up; a table holds far fewer
// Where the first names a resolver on this host, the others say whom that one asks (systemd-resolved, NetworkManager).
constexpr const char *resolver_files[] = {"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf",
                                          "/run/NetworkManager/no-stub-resolv.conf"};

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

void name_servers(const char *path, std::vector<NamedPrefix> &found) {
  std::ifstream file(path);
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
  const auto hops = gateways();
  found.insert(found.end(), hops.begin(), hops.end());
  for (const char *path : resolver_files)
    name_servers(path, found);
  return found;
}

std::vector<NamedPrefix> of_devices_and_tables(const Config &config, const NameAnswers &names) {
  std::vector<NamedPrefix> found;
  for (const Device &device : config.devices)
    if (!device.is_local())
      for (const std::string &address : device.addresses)
        add_all(found, names.of(address), "the address of " + device.name);
  for (const TableSource &table : config.tables)
    if (table.kind == TableSource::Kind::Mysql && table.socket.empty())
      add_all(found, names.of(table.host), "the host of the ban table " + table.name);
  return found;
}

std::vector<NamedPrefix> of_reporters(const std::vector<std::pair<std::string, std::string>> &seen) {
  std::vector<NamedPrefix> found;
  for (const auto &[host, address] : seen)
    if (const auto prefix = Prefix::parse(address))
      found.push_back({*prefix, "the reporter " + shown(host, 40)});
  return found;
}

std::vector<std::string> reporter_names(const Bans &bans) {
  std::vector<std::string> names;
  for (const std::uint32_t host : bans.hosts())
    if (names.size() < most_reporters && shown(bans.name(host), 255) == bans.name(host))
      names.push_back(bans.name(host));
  return names;
}

std::vector<NamedPrefix> of_reporters(const std::vector<std::string> &reporters, const NameAnswers &names) {
  std::vector<NamedPrefix> found;
  for (const std::string &name : reporters)
    add_all(found, names.of(name), "the reporter " + name);
  return found;
}

} // namespace banpush
