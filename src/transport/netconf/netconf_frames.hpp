// NETCONF messages cut out of the bytes of a session, in both framings of RFC 6242. The peer is hostile:
// lengths are checked before anything is kept, and a message has an upper bound.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace banpush {

class NetconfFrames {
public:
  // The longest message taken where nothing else is said, in bytes.
  static constexpr std::size_t most_bytes = 64U << 20U;

  enum class Framing { EndOfMessage, Chunks }; // base:1.0 (and every hello), base:1.1
  // Counts from the next message on.
  void use(Framing framing) noexcept { framing_ = framing; }

  // The longest message from now on, in bytes.
  void take_at_most(std::size_t bytes) noexcept { most_ = bytes; }

  void feed(std::string_view bytes) { held_ += bytes; }
  // The next whole message, without NUL bytes; nothing while it is not all there. Throws Error (Device) for a length that is
  // none and for a message that is too long.
  std::optional<std::string> next();
  // Bytes of a message that has begun and not ended.
  std::size_t unfinished() const noexcept { return held_.size() - at_ + message_.size(); }

private:
  std::optional<std::string> next_by_end();
  std::optional<std::string> next_by_chunks();
  std::string finished();

  Framing framing_ = Framing::EndOfMessage;
  std::size_t most_ = most_bytes;
  std::string held_;
  std::size_t at_ = 0;     // of held_, what is worked off
  std::size_t looked_ = 0; // of held_, how far the end of the message was looked for
  std::string message_;    // chunks of the message under way
};

} // namespace banpush
