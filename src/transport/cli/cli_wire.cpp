#include "transport/cli/cli_wire.hpp"

namespace banpush {

void CliWire::write(std::string_view bytes) {
  dialogue_.sent(bytes);
  outgoing_ += bytes;
  flush();
}

void CliWire::flush() {
  while (!outgoing_.empty()) {
    const std::size_t taken = stream_.write_some(outgoing_);
    if (taken == 0)
      return;
    outgoing_.erase(0, taken);
    moved_ += taken;
  }
}

bool CliWire::receive(Clock::time_point deadline) {
  flush();
  const std::string bytes = stream_.read_some(deadline);
  if (bytes.empty())
    return false;
  moved_ += bytes.size();
  received_ += bytes.size();
  dialogue_.received(bytes);
  terminal_.feed(bytes);
  if (const std::string answers = terminal_.take_answers(); !answers.empty())
    write(answers);
  return true;
}

} // namespace banpush
