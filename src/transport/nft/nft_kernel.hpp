// The kernel's nftables spoken to by netlink (nfnetlink, linux/netfilter/nf_tables.h), for what libnftables does
// only after it has read every interval set of this host: one element more, one element asked for, all elements
// of one set. What each costs lies in the elements it is about.
#pragma once

#include "transport/descriptor.hpp"
#include "transport/nft/nft_text.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct nlmsghdr;

namespace banpush {

// A netlink socket to the kernel's netfilter.
class NetfilterSocket {
public:
  // Throws Error (Connect) where the kernel gives none.
  NetfilterSocket();

  int fd() const noexcept { return socket_.get(); }
  // What the kernel calls this socket in its announcements.
  std::uint32_t port() const noexcept { return port_; }

private:
  Descriptor socket_;
  std::uint32_t port_ = 0;
};

// A set of addresses, as far as elements are concerned.
struct NftSet {
  NftSetName name;
  Family family = Family::IPv4; // of its addresses
  NftSetKind kind = NftSetKind::Hosts;
};

class NftKernel {
public:
  NftKernel() = default;

  // Counts the transactions of this network namespace. Throws Error (Connect).
  std::uint32_t generation();
  std::uint32_t port() const noexcept { return socket_.port(); }

  // Nothing where there is no such set, and for one that is no plain set of IPv4 or IPv6 addresses (maps, joined
  // types, time-outs of its own).
  std::optional<NftSet> set(const NftSetName &name);

  // Every element. Nothing where one carries more than its key (a comment, a time-out, a counter), or the set
  // changed meanwhile: libnftables must tell.
  std::optional<std::vector<NftElement>> elements(const NftSet &set);

  // Whether the set has each of these very prefixes, in their order: a set of hosts is asked for each, of a set of
  // intervals all is read (asked for an end, the kernel may show what begins there). Nothing where that cannot be
  // told. Throws Error (Connect).
  std::optional<std::vector<bool>> has(const NftSet &set, const std::vector<Prefix> &prefixes);

  // How a change went: one transaction, all of it or nothing.
  enum class Written {
    Yes,
    No,      // refused whole; libnftables is asked for the reason
    TooLong, // for one message of this process (a user namespace): nothing was done
    Unknown, // the answer was lost
  };
  Written write(const std::vector<NftStatement> &statements);
  // The same in as many transactions as it takes, where one is too long.
  Written write_in_parts(const std::vector<NftStatement> &statements);

private:
  std::optional<std::vector<NftElement>> listed_once(const NftSet &set);
  bool has_host(const NftSet &set, const Prefix &host);
  Written send_batch(const std::vector<std::string> &messages);
  std::optional<std::vector<std::string>> messages_for(const std::vector<NftStatement> &statements);

  NetfilterSocket socket_;
  std::uint32_t sequence_ = 0;
};

// Listens to what the kernel announces of every transaction, to know whose it was and which table it was about.
class NftWatch {
public:
  // Throws Error (Connect) where it may not listen. `own`: the port of the socket whose changes are ours.
  NftWatch(std::uint32_t generation, std::uint32_t own);

  // A table whose changes by others count.
  void look_at(const NftTableName &table);

  // Whether somebody else changed one of the tables up to this generation; true as well where an announcement
  // was lost.
  bool disturbed(std::uint32_t generation);

private:
  void take(const nlmsghdr &head, std::string_view body);

  NetfilterSocket socket_;
  std::uint32_t own_, seen_;
  std::vector<std::pair<std::uint8_t, std::string>> tables_;
  bool touched_ = false; // by the transaction whose announcement is under way
  bool disturbed_ = false;
};

} // namespace banpush
