// Netlink messages as bytes: made attribute by attribute, and read with every length checked (RFC 3549; the
// kernel's linux/netlink.h).
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <linux/netlink.h>
#include <string>
#include <string_view>

namespace banpush {

// One message to nfnetlink.
class NetlinkMessage {
public:
  NetlinkMessage(std::uint16_t type, std::uint16_t flags, std::uint32_t sequence, std::uint8_t family, std::uint16_t resource);

  void attribute(std::uint16_t type, std::string_view value);
  void text(std::uint16_t type, const std::string &value) { attribute(type, {value.c_str(), value.size() + 1}); }
  void number(std::uint16_t type, std::uint32_t value); // in network order
  // Attributes until close() stand in this one; give it what open() gave.
  std::size_t open(std::uint16_t type);
  void close(std::size_t opened);

  std::size_t size() const noexcept { return bytes_.size(); }
  std::string take() &&; // whole, with its length

  // Of the message that begins at `at` of several: it is to be answered, even where all is well.
  static void ask_for_consent(std::string &bytes, std::size_t at);
  static std::uint32_t sequence_in(std::string_view bytes, std::size_t at);

private:
  std::string bytes_;
};

// A number in network order, 0 where it is none of 32 bits.
std::uint32_t number_in(std::string_view value) noexcept;
// Of an answer that ends (NLMSG_ERROR, NLMSG_DONE): 0 or a negative errno.
int error_in(std::string_view body) noexcept;

constexpr std::size_t netlink_aligned(std::size_t length) noexcept { return (length + 3U) & ~std::size_t{3}; }

// Hands on each message with what follows its head.
template <typename Found>
void each_message(std::string_view bytes, const Found &found) {
  nlmsghdr head{};
  while (bytes.size() >= sizeof head) {
    std::memcpy(&head, bytes.data(), sizeof head);
    if (head.nlmsg_len < sizeof head || head.nlmsg_len > bytes.size())
      return;
    found(static_cast<const nlmsghdr &>(head), bytes.substr(sizeof head, head.nlmsg_len - sizeof head));
    bytes.remove_prefix(std::min(bytes.size(), netlink_aligned(head.nlmsg_len)));
  }
}

// Hands on type and value of each attribute.
template <typename Found>
void each_attribute(std::string_view bytes, const Found &found) {
  nlattr head{};
  while (bytes.size() >= sizeof head) {
    std::memcpy(&head, bytes.data(), sizeof head);
    if (head.nla_len < sizeof head || head.nla_len > bytes.size())
      return;
    found(static_cast<unsigned>(head.nla_type & NLA_TYPE_MASK), bytes.substr(sizeof head, head.nla_len - sizeof head));
    bytes.remove_prefix(std::min(bytes.size(), netlink_aligned(head.nla_len)));
  }
}

} // namespace banpush
