// The terminal session as lines: what is written waits until the device takes it, what comes is shown to
// the dialogue, goes through the terminal, and comes out as text.
#pragma once

#include "transport/byte_stream.hpp"
#include "transport/cli/terminal.hpp"
#include "transport/dialogue.hpp"

namespace banpush {

class CliWire {
public:
  // How the terminal is announced to the device: no platform takes more columns than 511, and none pages
  // an answer that is shorter than the screen.
  static constexpr int columns = 511, rows = 1000;

  // Both outlive it.
  CliWire(ByteStream &stream, Dialogue &dialogue) : stream_(stream), dialogue_(dialogue) {}

  // Never waits: what the device does not take yet is written while it is read from.
  void write(std::string_view bytes);
  // Whether something came, at the latest at the deadline. Throws Error (Connect) when the device is gone.
  bool receive(Clock::time_point deadline);

  std::vector<std::string> take_lines() { return terminal_.take_lines(); }
  std::string current() const { return terminal_.current(); }
  void forget_current() { terminal_.forget_current(); }
  // Bytes in both directions until now: whether anything moves.
  std::size_t moved() const noexcept { return moved_; }
  // Bytes received until now, as they came.
  std::size_t received() const noexcept { return received_; }
  // How long the unfinished line is.
  std::size_t unfinished() const noexcept { return terminal_.unfinished(); }
  // Reads nothing for a moment.
  void pause(std::chrono::milliseconds moment) { stream_.pause(moment); }

private:
  void flush();

  ByteStream &stream_;
  Dialogue &dialogue_;
  Terminal terminal_{columns, rows};
  std::string outgoing_;
  std::size_t moved_ = 0, received_ = 0;
};

} // namespace banpush
