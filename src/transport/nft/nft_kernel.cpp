#include "transport/nft/nft_kernel.hpp"

#include "core/error.hpp"
#include "transport/nft/nft_messages.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fmt/format.h>
#include <functional>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>

namespace banpush {

namespace {

// The kernel answers within the call; this is for a machine that stands still.
constexpr int answer_within_ms = 10'000;
constexpr int announced_within_ms = 200;
constexpr int most_listings = 20;
constexpr std::chrono::milliseconds pause_between_listings{20};
// One message of elements; attributes have lengths of 16 bits.
constexpr std::size_t most_of_a_message = 60'000;
constexpr std::uint32_t key_type_ipv4 = 7, key_type_ipv6 = 8; // nft's numbers, which the kernel keeps for it
constexpr std::uint8_t udata_merges_elements = 2;             // libnftnl's number for `auto-merge`

[[noreturn]] void fail(const char *what) { throw Error(ErrorKind::Connect, fmt::format("nftables: {}: {}", what, std::strerror(errno))); }

void send_whole(int fd, std::string_view bytes) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (::sendto(fd, bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr *>(&kernel), sizeof kernel) < 0)
    fail("cannot ask the kernel");
}

// What came in one piece, with only the kernel listened to; empty where nothing is there, or an errno.
struct Piece {
  std::string_view bytes;
  int error = 0;
};
Piece receive(int fd, std::string &buffer, int wait_ms) {
  buffer.resize(1U << 18U);
  pollfd ready{fd, POLLIN, 0};
  if (wait_ms != 0 && ::poll(&ready, 1, wait_ms) == 0)
    return {{}, EAGAIN};
  while (true) {
    sockaddr_nl from{};
    iovec into{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_name = &from;
    message.msg_namelen = sizeof from;
    message.msg_iov = &into;
    message.msg_iovlen = 1;
    const ssize_t got = ::recvmsg(fd, &message, MSG_DONTWAIT);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return {{}, errno};
    if ((message.msg_flags & MSG_TRUNC) != 0)
      return {{}, ENOBUFS};
    if (from.nl_pid == 0)
      return {std::string_view(buffer).substr(0, static_cast<std::size_t>(got)), 0};
  }
}

// Puts one question and hands on each message of the answer; the errno that ended it, 0 where it is whole.
int converse(int fd, std::string_view question, std::uint32_t sequence,
             const std::function<void(const nlmsghdr &, std::string_view)> &answer) {
  send_whole(fd, question);
  std::string buffer;
  while (true) {
    const Piece piece = receive(fd, buffer, answer_within_ms);
    if (piece.error != 0)
      return piece.error;
    int ended = -1;
    each_message(piece.bytes, [&](const nlmsghdr &head, std::string_view body) {
      if (head.nlmsg_seq != sequence || ended >= 0)
        return;
      if ((head.nlmsg_flags & NLM_F_DUMP_INTR) != 0)
        ended = EINTR;
      else if (head.nlmsg_type == NLMSG_ERROR || head.nlmsg_type == NLMSG_DONE)
        ended = -error_in(body);
      else
        answer(head, body);
    });
    if (ended >= 0)
      return ended;
  }
}

std::uint8_t family_number(const std::string &word) {
  if (word == "inet")
    return NFPROTO_INET;
  if (word == "ip")
    return NFPROTO_IPV4;
  return word == "ip6" ? NFPROTO_IPV6 : NFPROTO_UNSPEC;
}

std::uint16_t type_of(int message) { return static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | message); }

bool merges_elements(std::string_view userdata) {
  while (userdata.size() >= 2 && userdata.size() >= 2U + static_cast<std::uint8_t>(userdata[1])) {
    const auto length = static_cast<std::uint8_t>(userdata[1]);
    const std::string_view value = userdata.substr(2, length);
    if (static_cast<std::uint8_t>(userdata[0]) == udata_merges_elements && value.find_first_not_of('\0') != std::string_view::npos)
      return true;
    userdata.remove_prefix(2U + length);
  }
  return false;
}

std::size_t width_of(Family family) noexcept { return family == Family::IPv4 ? 4 : 16; }

std::string_view key_text(const Prefix::Bytes &key, Family family) {
  return {reinterpret_cast<const char *>(key.data()), width_of(family)};
}

// The keys a prefix has in a set; nothing where it does not belong in there, or ends where addresses end.
std::optional<std::vector<NftElement>> keys_of(const NftSet &set, const Prefix &prefix) {
  if (prefix.family() != set.family || (set.kind == NftSetKind::Hosts && !prefix.is_host()))
    return std::nullopt;
  std::vector<NftElement> keys{{prefix.bytes(), false}};
  if (set.kind == NftSetKind::Hosts)
    return keys;
  NftElement end{prefix.last_host().bytes(), true};
  std::size_t at = width_of(set.family);
  while (at > 0 && ++end.key[at - 1] == 0)
    --at;
  if (at == 0)
    return std::nullopt;
  keys.push_back(end);
  return keys;
}

void append_element(NetlinkMessage &message, const NftElement &element, Family family) {
  const auto one = message.open(NFTA_LIST_ELEM);
  const auto key = message.open(NFTA_SET_ELEM_KEY);
  message.attribute(NFTA_DATA_VALUE, key_text(element.key, family));
  message.close(key);
  if (element.ends_interval)
    message.number(NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
  message.close(one);
}

void name_set(NetlinkMessage &message, const NftSetName &name) {
  message.text(NFTA_SET_ELEM_LIST_TABLE, name.table);
  message.text(NFTA_SET_ELEM_LIST_SET, name.set);
}

// An element as the kernel tells it; nothing where it is more than a key.
std::optional<NftElement> element_in(std::string_view attributes, Family family) {
  NftElement element;
  bool has_key = false, plain = true;
  each_attribute(attributes, [&](unsigned type, std::string_view value) {
    if (type == NFTA_SET_ELEM_KEY) {
      each_attribute(value, [&](unsigned inner, std::string_view bytes) {
        if (inner == NFTA_DATA_VALUE && bytes.size() == width_of(family)) {
          std::memcpy(element.key.data(), bytes.data(), bytes.size());
          has_key = true;
        }
      });
    } else if (type == NFTA_SET_ELEM_FLAGS) {
      const std::uint32_t flags = number_in(value);
      element.ends_interval = (flags & NFT_SET_ELEM_INTERVAL_END) != 0;
      plain = plain && (flags & ~static_cast<std::uint32_t>(NFT_SET_ELEM_INTERVAL_END)) == 0;
    } else {
      plain = false;
    }
  });
  return has_key && plain ? std::optional(element) : std::nullopt;
}

// Of a message about elements, each of them.
void each_element(std::string_view body, const std::function<void(std::string_view)> &found) {
  each_attribute(body.substr(std::min(body.size(), sizeof(nfgenmsg))), [&](unsigned type, std::string_view value) {
    if (type == NFTA_SET_ELEM_LIST_ELEMENTS)
      each_attribute(value, [&](unsigned, std::string_view element) { found(element); });
  });
}

std::string batch_mark(std::uint16_t type, std::uint32_t sequence) {
  return NetlinkMessage(type, NLM_F_REQUEST, sequence, AF_UNSPEC, NFNL_SUBSYS_NFTABLES).take();
}

std::size_t room_for(int fd, std::size_t bytes) {
  int size = static_cast<int>(std::min<std::size_t>(bytes, 1U << 30U));
  if (::setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) != 0)
    static_cast<void>(::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size)); // as far as the system's limit lets it
  socklen_t length = sizeof size;
  if (::getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &length) != 0)
    fail("cannot ask for the size of a message");
  constexpr int taken_by_the_kernel = 4096;
  return static_cast<std::size_t>(std::max(0, size - taken_by_the_kernel));
}

} // namespace

NetfilterSocket::NetfilterSocket() : socket_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)) {
  sockaddr_nl own{};
  own.nl_family = AF_NETLINK;
  socklen_t length = sizeof own;
  if (!socket_ || ::bind(fd(), reinterpret_cast<const sockaddr *>(&own), sizeof own) != 0 ||
      ::getsockname(fd(), reinterpret_cast<sockaddr *>(&own), &length) != 0)
    fail("no netlink socket");
  port_ = own.nl_pid;
}

std::uint32_t NftKernel::generation() {
  NetlinkMessage question(type_of(NFT_MSG_GETGEN), NLM_F_REQUEST | NLM_F_ACK, ++sequence_, AF_UNSPEC, 0);
  std::optional<std::uint32_t> generation;
  const int error = converse(socket_.fd(), std::move(question).take(), sequence_, [&](const nlmsghdr &, std::string_view body) {
    each_attribute(body.substr(std::min(body.size(), sizeof(nfgenmsg))), [&](unsigned type, std::string_view value) {
      if (type == NFTA_GEN_ID)
        generation = number_in(value);
    });
  });
  if (error != 0 || !generation) {
    errno = error != 0 ? error : ENODATA;
    fail("cannot ask for the generation of the rules");
  }
  return *generation;
}

std::optional<NftSet> NftKernel::set(const NftSetName &name) {
  const std::uint8_t family = family_number(name.family);
  if (family == NFPROTO_UNSPEC)
    return std::nullopt;
  NetlinkMessage question(type_of(NFT_MSG_GETSET), NLM_F_REQUEST | NLM_F_ACK, ++sequence_, family, 0);
  question.text(NFTA_SET_TABLE, name.table);
  question.text(NFTA_SET_NAME, name.set);
  NftSet set{name, Family::IPv4, NftSetKind::Hosts};
  bool is_plain = false;
  const int error = converse(socket_.fd(), std::move(question).take(), sequence_, [&](const nlmsghdr &, std::string_view body) {
    std::uint32_t flags = 0, type = 0, length = 0;
    bool merges = false;
    each_attribute(body.substr(std::min(body.size(), sizeof(nfgenmsg))), [&](unsigned attribute, std::string_view value) {
      switch (attribute) {
      case NFTA_SET_FLAGS: flags = number_in(value); break;
      case NFTA_SET_KEY_TYPE: type = number_in(value); break;
      case NFTA_SET_KEY_LEN: length = number_in(value); break;
      case NFTA_SET_USERDATA: merges = merges_elements(value); break;
      default: break;
      }
    });
    set.family = type == key_type_ipv4 ? Family::IPv4 : Family::IPv6;
    set.kind = (flags & NFT_SET_INTERVAL) != 0 ? NftSetKind::Intervals : NftSetKind::Hosts;
    is_plain = (flags & ~static_cast<std::uint32_t>(NFT_SET_INTERVAL)) == 0 && (type == key_type_ipv4 || type == key_type_ipv6) &&
               length == width_of(set.family) && !merges;
  });
  return error == 0 && is_plain ? std::optional(set) : std::nullopt;
}

// A hash set is listed piece by piece, each piece found by counting from its beginning. While the kernel makes
// room in it (in the background, after many were added) the order changes in between: as many elements are missed as
// are shown twice.
std::optional<std::vector<NftElement>> NftKernel::elements(const NftSet &set) {
  for (int tries = 0; tries < most_listings; ++tries) {
    auto elements = listed_once(set);
    if (!elements || set.kind == NftSetKind::Intervals)
      return elements;
    std::sort(elements->begin(), elements->end(), [](const NftElement &a, const NftElement &b) { return a.key < b.key; });
    if (std::adjacent_find(elements->begin(), elements->end(), [](const NftElement &a, const NftElement &b) { return a.key == b.key; }) ==
        elements->end())
      return elements;
    std::this_thread::sleep_for(pause_between_listings);
  }
  return std::nullopt;
}

std::optional<std::vector<NftElement>> NftKernel::listed_once(const NftSet &set) {
  NetlinkMessage question(type_of(NFT_MSG_GETSETELEM), NLM_F_REQUEST | NLM_F_DUMP, ++sequence_, family_number(set.name.family), 0);
  name_set(question, set.name);
  std::vector<NftElement> elements;
  bool plain = true;
  const int error = converse(socket_.fd(), std::move(question).take(), sequence_, [&](const nlmsghdr &, std::string_view body) {
    each_element(body, [&](std::string_view text) {
      const auto element = element_in(text, set.family);
      plain = plain && element;
      if (element)
        elements.push_back(*element);
    });
  });
  return error == 0 && plain ? std::optional(std::move(elements)) : std::nullopt;
}

bool NftKernel::has_host(const NftSet &set, const Prefix &host) {
  const NftElement key{host.bytes(), false};
  NetlinkMessage question(type_of(NFT_MSG_GETSETELEM), NLM_F_REQUEST | NLM_F_ACK, ++sequence_, family_number(set.name.family), 0);
  name_set(question, set.name);
  const auto list = question.open(NFTA_SET_ELEM_LIST_ELEMENTS);
  append_element(question, key, set.family);
  question.close(list);
  bool found = false;
  const int error = converse(socket_.fd(), std::move(question).take(), sequence_, [&](const nlmsghdr &, std::string_view body) {
    each_element(body, [&](std::string_view text) {
      const auto element = element_in(text, set.family);
      found = found || (element && element->key == key.key);
    });
  });
  if (error != 0 && error != ENOENT) {
    errno = error;
    fail("cannot ask for an element");
  }
  return found && error == 0;
}

std::optional<std::vector<bool>> NftKernel::has(const NftSet &set, const std::vector<Prefix> &prefixes) {
  std::vector<bool> there;
  if (set.kind == NftSetKind::Hosts) {
    for (const Prefix &prefix : prefixes)
      there.push_back(prefix.family() == set.family && prefix.is_host() && has_host(set, prefix));
    return there;
  }
  auto all = elements(set);
  if (!all)
    return std::nullopt;
  const std::vector<NftInterval> intervals = intervals_of(std::move(*all), set.family);
  for (const Prefix &prefix : prefixes)
    there.push_back(prefix.family() == set.family &&
                    std::binary_search(intervals.begin(), intervals.end(), NftInterval{prefix.bytes(), prefix.last_host().bytes()}));
  return there;
}

std::optional<std::vector<std::string>> NftKernel::messages_for(const std::vector<NftStatement> &statements) {
  std::vector<NftSet> sets;
  std::vector<std::string> messages;
  for (const NftStatement &statement : statements) {
    auto set = std::find_if(sets.begin(), sets.end(), [&](const NftSet &one) { return one.name == statement.set; });
    if (set == sets.end()) {
      auto found = this->set(statement.set);
      if (!found)
        return std::nullopt;
      set = sets.insert(sets.end(), std::move(*found));
    }
    const bool adds = statement.verb == NftStatement::Verb::Add;
    for (std::size_t next = 0; next < statement.prefixes.size();) {
      NetlinkMessage message(type_of(adds ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM),
                             static_cast<std::uint16_t>(adds ? NLM_F_REQUEST | NLM_F_CREATE : NLM_F_REQUEST), ++sequence_,
                             family_number(set->name.family), 0);
      name_set(message, set->name);
      const auto list = message.open(NFTA_SET_ELEM_LIST_ELEMENTS);
      for (; next < statement.prefixes.size() && message.size() < most_of_a_message; ++next) {
        const auto keys = keys_of(*set, statement.prefixes[next]);
        if (!keys)
          return std::nullopt;
        for (const NftElement &key : *keys)
          append_element(message, key, set->family);
      }
      message.close(list);
      messages.push_back(std::move(message).take());
    }
  }
  return messages;
}

NftKernel::Written NftKernel::send_batch(const std::vector<std::string> &messages) {
  std::string bytes = batch_mark(NFNL_MSG_BATCH_BEGIN, ++sequence_);
  for (const std::string &message : messages)
    bytes += message;
  // The last one is answered in any case, so that no answer is no consent.
  std::size_t last = bytes.size() - messages.back().size();
  NetlinkMessage::ask_for_consent(bytes, last);
  const std::uint32_t last_sequence = NetlinkMessage::sequence_in(bytes, last);
  bytes += batch_mark(NFNL_MSG_BATCH_END, ++sequence_);

  static_cast<void>(room_for(socket_.fd(), bytes.size()));
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (::sendto(socket_.fd(), bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr *>(&kernel), sizeof kernel) < 0)
    return errno == EMSGSIZE ? Written::TooLong : Written::No;
  std::string buffer;
  bool consented = false, refused = false;
  for (int wait = answer_within_ms;; wait = 0) { // the kernel has done all of it when the call returns
    const Piece piece = receive(socket_.fd(), buffer, wait);
    if (piece.error == EAGAIN)
      break;
    if (piece.error == ENOBUFS) // so many refusals that some were dropped
      refused = true;
    else if (piece.error != 0)
      return Written::Unknown;
    each_message(piece.bytes, [&](const nlmsghdr &head, std::string_view body) {
      if (head.nlmsg_type != NLMSG_ERROR)
        return;
      refused = refused || error_in(body) != 0;
      consented = consented || (error_in(body) == 0 && head.nlmsg_seq == last_sequence);
    });
  }
  return refused ? Written::No : consented ? Written::Yes : Written::Unknown;
}

NftKernel::Written NftKernel::write(const std::vector<NftStatement> &statements) {
  const auto messages = messages_for(statements);
  return messages && !messages->empty() ? send_batch(*messages) : Written::No;
}

NftKernel::Written NftKernel::write_in_parts(const std::vector<NftStatement> &statements) {
  const auto messages = messages_for(statements);
  if (!messages)
    return Written::No;
  const std::size_t room = room_for(socket_.fd(), most_of_a_message * 4);
  std::vector<std::string> part;
  std::size_t size = 0;
  for (std::size_t i = 0; i < messages->size(); ++i) {
    part.push_back((*messages)[i]);
    size += part.back().size();
    if (i + 1 < messages->size() && size + (*messages)[i + 1].size() <= room)
      continue;
    if (const Written written = send_batch(part); written != Written::Yes)
      return written;
    part.clear();
    size = 0;
  }
  return Written::Yes;
}

NftWatch::NftWatch(std::uint32_t generation, std::uint32_t own) : own_(own), seen_(generation) {
  const int group = NFNLGRP_NFTABLES;
  if (::setsockopt(socket_.fd(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
    fail("cannot listen to changes");
}

void NftWatch::look_at(const NftTableName &table) {
  std::pair<std::uint8_t, std::string> one(family_number(table.family), table.table);
  if (std::find(tables_.begin(), tables_.end(), one) == tables_.end())
    tables_.push_back(std::move(one));
}

void NftWatch::take(const nlmsghdr &head, std::string_view body) {
  if (head.nlmsg_type >> 8U != NFNL_SUBSYS_NFTABLES || body.size() < sizeof(nfgenmsg))
    return;
  const std::string_view attributes = body.substr(sizeof(nfgenmsg));
  const auto family = static_cast<std::uint8_t>(body[0]);
  if (head.nlmsg_type == type_of(NFT_MSG_NEWGEN)) {
    each_attribute(attributes, [&](unsigned type, std::string_view value) {
      if (type != NFTA_GEN_ID || static_cast<std::int32_t>(number_in(value) - seen_) <= 0)
        return;
      disturbed_ = disturbed_ || touched_ || number_in(value) != seen_ + 1; // one that was not heard may be anything
      seen_ = number_in(value);
    });
    touched_ = false;
    return;
  }
  if (head.nlmsg_pid == own_)
    return;
  // The table's name is the first attribute of whatever a change is about.
  each_attribute(attributes, [&](unsigned type, std::string_view value) {
    if (type == NFTA_TABLE_NAME)
      touched_ = touched_ || std::any_of(tables_.begin(), tables_.end(), [&](const auto &table) {
                   return table.first == family && table.second == value.substr(0, value.find('\0'));
                 });
  });
}

bool NftWatch::disturbed(std::uint32_t generation) {
  std::string buffer;
  int wait = 0; // the announcement may come a moment after the generation is there
  while (!disturbed_) {
    const Piece piece = receive(socket_.fd(), buffer, wait);
    if (piece.error == EAGAIN) {
      if (seen_ == generation || static_cast<std::int32_t>(seen_ - generation) > 0)
        return false;
      disturbed_ = wait != 0;
      wait = announced_within_ms;
    } else if (piece.error != 0) {
      disturbed_ = true; // announcements were dropped
    } else {
      each_message(piece.bytes, [&](const nlmsghdr &head, std::string_view body) { take(head, body); });
    }
  }
  return true;
}

} // namespace banpush
