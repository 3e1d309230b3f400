#include "transport/nft/nft_messages.hpp"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>

namespace banpush {

NetlinkMessage::NetlinkMessage(std::uint16_t type, std::uint16_t flags, std::uint32_t sequence, std::uint8_t family,
                               std::uint16_t resource) {
  nlmsghdr head{};
  head.nlmsg_type = type;
  head.nlmsg_flags = flags;
  head.nlmsg_seq = sequence;
  nfgenmsg about{};
  about.nfgen_family = family;
  about.version = NFNETLINK_V0;
  about.res_id = htons(resource);
  bytes_.assign(reinterpret_cast<const char *>(&head), sizeof head);
  bytes_.append(reinterpret_cast<const char *>(&about), sizeof about);
}

void NetlinkMessage::attribute(std::uint16_t type, std::string_view value) {
  const nlattr head{static_cast<std::uint16_t>(sizeof(nlattr) + value.size()), type};
  bytes_.append(reinterpret_cast<const char *>(&head), sizeof head);
  bytes_.append(value);
  bytes_.resize(netlink_aligned(bytes_.size()));
}

void NetlinkMessage::number(std::uint16_t type, std::uint32_t value) {
  const std::uint32_t in_order = htonl(value);
  attribute(type, {reinterpret_cast<const char *>(&in_order), sizeof in_order});
}

std::size_t NetlinkMessage::open(std::uint16_t type) {
  const std::size_t at = bytes_.size();
  attribute(static_cast<std::uint16_t>(type | NLA_F_NESTED), {});
  return at;
}

void NetlinkMessage::close(std::size_t opened) {
  const auto length = static_cast<std::uint16_t>(bytes_.size() - opened);
  std::memcpy(bytes_.data() + opened, &length, sizeof length);
}

std::string NetlinkMessage::take() && {
  const auto length = static_cast<std::uint32_t>(bytes_.size());
  std::memcpy(bytes_.data(), &length, sizeof length);
  return std::move(bytes_);
}

void NetlinkMessage::ask_for_consent(std::string &bytes, std::size_t at) {
  nlmsghdr head{};
  std::memcpy(&head, bytes.data() + at, sizeof head);
  head.nlmsg_flags |= NLM_F_ACK;
  std::memcpy(bytes.data() + at, &head, sizeof head);
}

std::uint32_t NetlinkMessage::sequence_in(std::string_view bytes, std::size_t at) {
  nlmsghdr head{};
  std::memcpy(&head, bytes.data() + at, sizeof head);
  return head.nlmsg_seq;
}

std::uint32_t number_in(std::string_view value) noexcept {
  std::uint32_t number = 0;
  if (value.size() == sizeof number)
    std::memcpy(&number, value.data(), sizeof number);
  return ntohl(number);
}

int error_in(std::string_view body) noexcept {
  int error = 0;
  if (body.size() >= sizeof error)
    std::memcpy(&error, body.data(), sizeof error);
  return error;
}

} // namespace banpush
