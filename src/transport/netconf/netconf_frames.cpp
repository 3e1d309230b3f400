#include "transport/netconf/netconf_frames.hpp"

#include "core/error.hpp"
#include "transport/judgement.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace banpush {

namespace {

constexpr std::string_view end_of_message = "]]>]]>";
// 4294967295 has ten digits; RFC 6242 allows no leading zero.
constexpr std::size_t most_digits = 10;

[[noreturn]] void too_long(std::size_t most) {
  throw Error(ErrorKind::Device, fmt::format("a message of more than {} MiB came, which is not taken", most >> 20U));
}

[[noreturn]] void no_chunk(std::string_view bytes) {
  throw Error(ErrorKind::Device, fmt::format("where a chunk has to begin (\"\\n#\" and its length) the device sent \"{}\"",
                                             in_one_line(bytes.substr(0, 60), 60)));
}

// RFC 6242 has none, some servers send them: white space in front of the line feed with which a chunk begins.
std::size_t blanks_before_chunk(std::string_view bytes) {
  std::size_t begin = 0;
  for (std::size_t at = 0; at < bytes.size() && std::string_view(" \t\r\n").find(bytes[at]) != std::string_view::npos; ++at)
    if (bytes[at] == '\n')
      begin = at;
    else
      begin = at + 1;
  return begin;
}

} // namespace

std::optional<std::string> NetconfFrames::next() {
  auto message = framing_ == Framing::EndOfMessage ? next_by_end() : next_by_chunks();
  if (at_ > (1U << 16U) || at_ == held_.size()) {
    held_.erase(0, at_);
    looked_ -= std::min(looked_, at_);
    at_ = 0;
  }
  if (message)
    message->erase(std::remove(message->begin(), message->end(), '\0'), message->end());
  return message;
}

std::optional<std::string> NetconfFrames::next_by_end() {
  const std::size_t end = held_.find(end_of_message, std::max(at_, looked_));
  if (end == std::string::npos) {
    if (held_.size() - at_ > most_)
      too_long(most_);
    looked_ = held_.size() - std::min(held_.size(), end_of_message.size() - 1);
    return std::nullopt;
  }
  std::string message = held_.substr(at_, end - at_);
  at_ = looked_ = end + end_of_message.size();
  return message;
}

std::string NetconfFrames::finished() { return std::exchange(message_, {}); }

std::optional<std::string> NetconfFrames::next_by_chunks() {
  for (;;) {
    at_ += blanks_before_chunk(std::string_view(held_).substr(at_));
    const std::string_view rest = std::string_view(held_).substr(at_);
    if (rest.size() < 3)
      return std::nullopt;
    if (rest[0] != '\n' || rest[1] != '#')
      no_chunk(rest);
    if (rest[2] == '#') {
      if (rest.size() < 4)
        return std::nullopt;
      if (rest[3] != '\n' || message_.empty())
        no_chunk(rest);
      at_ += 4;
      return finished();
    }
    std::size_t length = 0, digits = 0;
    while (2 + digits < rest.size() && rest[2 + digits] >= '0' && rest[2 + digits] <= '9' && digits <= most_digits)
      length = length * 10 + static_cast<std::size_t>(rest[2 + digits++] - '0');
    if (digits == 0 || digits > most_digits || rest[2] == '0' || (2 + digits < rest.size() && rest[2 + digits] != '\n'))
      no_chunk(rest);
    if (message_.size() + length > most_)
      too_long(most_);
    const std::size_t header = 2 + digits + 1;
    if (rest.size() < header + length)
      return std::nullopt;
    message_ += rest.substr(header, length);
    at_ += header + length;
  }
}

} // namespace banpush
