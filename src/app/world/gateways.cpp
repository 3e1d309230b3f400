#include "app/world/gateways.hpp"

#include "transport/descriptor.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <linux/netlink.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

namespace banpush {

namespace {

constexpr std::size_t most_answer = 64 * 1024;          // of one datagram: the kernel sends at most half of it
constexpr timeval patience{2, 0};                       // the kernel answers at once
constexpr std::size_t most_answers = 16 * 1024;         // datagrams of one dump
using Hops = std::map<Prefix, std::optional<unsigned>>; // each with the index of its interface, where one is told

// What stands at the front, and the rest behind it.
template <typename Head>
std::optional<Head> head_of(std::string_view bytes) {
  Head head{};
  if (bytes.size() < sizeof head)
    return std::nullopt;
  std::memcpy(&head, bytes.data(), sizeof head);
  return head;
}

constexpr std::size_t aligned(std::size_t length) noexcept { return (length + 3U) & ~std::size_t{3}; }

// Calls with the type and the value of each attribute; what is cut ends it.
template <typename Call>
void each_attribute(std::string_view bytes, Call call) {
  while (const auto head = head_of<rtattr>(bytes)) {
    if (head->rta_len < sizeof *head || head->rta_len > bytes.size())
      return;
    call(static_cast<unsigned>(head->rta_type & NLA_TYPE_MASK), bytes.substr(aligned(sizeof *head), head->rta_len - aligned(sizeof *head)));
    bytes.remove_prefix(std::min(bytes.size(), aligned(head->rta_len)));
  }
}

std::optional<Prefix> address_of(unsigned family, std::string_view value) {
  const std::size_t size = family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;
  if (size == 0 || value.size() != size)
    return std::nullopt;
  Prefix::Bytes bytes{};
  std::memcpy(bytes.data(), value.data(), size);
  return Prefix(family == AF_INET ? Family::IPv4 : Family::IPv6, bytes, static_cast<unsigned>(8 * size));
}

void add(Hops &hops, const std::optional<Prefix> &hop, const std::optional<unsigned> &interface) {
  const auto &bytes = hop ? hop->bytes() : Prefix::Bytes{};
  if (hop && std::any_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte != 0; }))
    hops.emplace(*hop, interface);
}

// The next hop that these attributes of a route, or of one part of a multipath route, name.
void add_hop(Hops &hops, unsigned family, std::string_view attributes, std::optional<unsigned> interface) {
  std::optional<Prefix> hop;
  each_attribute(attributes, [&](unsigned type, std::string_view value) {
    if (type == RTA_GATEWAY)
      hop = address_of(family, value);
    else if (type == RTA_OIF)
      interface = head_of<unsigned>(value);
    else if (const auto other = type == RTA_VIA ? head_of<unsigned short>(value) : std::nullopt) // its family, which may be another
      hop = address_of(*other, value.substr(sizeof *other));
  });
  add(hops, hop, interface);
}

void add_multipath(Hops &hops, unsigned family, std::string_view parts) {
  while (const auto head = head_of<rtnexthop>(parts)) {
    if (head->rtnh_len < sizeof *head || head->rtnh_len > parts.size())
      return;
    add_hop(hops, family, parts.substr(sizeof *head, head->rtnh_len - sizeof *head), static_cast<unsigned>(head->rtnh_ifindex));
    parts.remove_prefix(std::min(parts.size(), aligned(head->rtnh_len)));
  }
}

void add_route(Hops &hops, std::string_view message) {
  const auto route = head_of<rtmsg>(message);
  if (!route)
    return;
  message.remove_prefix(aligned(sizeof *route));
  add_hop(hops, route->rtm_family, message, std::nullopt);
  each_attribute(message, [&](unsigned type, std::string_view value) {
    if (type == RTA_MULTIPATH)
      add_multipath(hops, route->rtm_family, value);
  });
}

// Routes may name these by a number only.
void add_nexthop(Hops &hops, std::string_view message) {
  const auto one = head_of<nhmsg>(message);
  if (!one)
    return;
  std::optional<Prefix> hop;
  std::optional<unsigned> interface;
  each_attribute(message.substr(aligned(sizeof *one)), [&](unsigned type, std::string_view value) {
    if (type == NHA_GATEWAY)
      hop = address_of(one->nh_family, value);
    else if (type == NHA_OIF)
      interface = head_of<unsigned>(value);
  });
  add(hops, hop, interface);
}

// Whether more is to come.
bool take(Hops &hops, std::string_view answer) {
  while (const auto head = head_of<nlmsghdr>(answer)) {
    if (head->nlmsg_len < sizeof *head || head->nlmsg_len > answer.size() || head->nlmsg_type == NLMSG_DONE ||
        head->nlmsg_type == NLMSG_ERROR)
      return false;
    const std::string_view message = answer.substr(aligned(sizeof *head), head->nlmsg_len - aligned(sizeof *head));
    if (head->nlmsg_type == RTM_NEWROUTE)
      add_route(hops, message);
    else if (head->nlmsg_type == RTM_NEWNEXTHOP)
      add_nexthop(hops, message);
    answer.remove_prefix(std::min(answer.size(), aligned(head->nlmsg_len)));
  }
  return true;
}

// Asks for everything of a kind; `Head` is what such a message begins with.
template <typename Head>
void dump(Hops &hops, std::uint16_t type, const Head &wanted) {
  struct {
    nlmsghdr head;
    Head wanted;
  } question{};
  question.head.nlmsg_len = sizeof question;
  question.head.nlmsg_type = type;
  question.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  question.wanted = wanted;
  const Descriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!socket || ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
      ::send(socket.get(), &question, sizeof question, 0) != static_cast<ssize_t>(sizeof question))
    return;
  std::string answer(most_answer, '\0');
  for (std::size_t i = 0; i < most_answers; ++i) {
    const ssize_t count = ::recv(socket.get(), answer.data(), answer.size(), 0);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0 || !take(hops, std::string_view(answer).substr(0, static_cast<std::size_t>(count))))
      return;
  }
}

} // namespace

std::vector<NamedPrefix> gateways() {
  Hops hops;
  for (const std::uint8_t family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}}) {
    rtmsg routes{};
    routes.rtm_family = family;
    dump(hops, RTM_GETROUTE, routes);
  }
  dump(hops, RTM_GETNEXTHOP, nhmsg{});
  std::vector<NamedPrefix> found;
  for (const auto &[hop, interface] : hops) {
    std::array<char, IF_NAMESIZE> name{};
    const bool named = interface && ::if_indextoname(*interface, name.data()) != nullptr;
    found.push_back({hop, fmt::format("a gateway of this host{}", named ? fmt::format(" on {}", name.data()) : "")});
  }
  return found;
}

} // namespace banpush
