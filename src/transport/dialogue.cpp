#include "transport/dialogue.hpp"

#include <algorithm>

namespace banpush {

namespace {

constexpr std::string_view instead = "<secret>";
// An unfinished line is told in pieces of this size; a secret is shorter.
constexpr std::size_t most_held = 64U << 10U;

} // namespace

std::chrono::seconds silence_of(const Device &device, const Driver &driver, std::chrono::seconds standard) noexcept {
  if (device.silence == 0)
    return standard;
  const std::chrono::seconds own(device.silence);
  return standard <= driver.silence ? own : std::max(own, standard);
}

Dialogue::Dialogue(Trace trace, const Credentials &credentials) : trace_(std::move(trace)) {
  for (const std::string &secret : {credentials.password, credentials.passphrase, credentials.enable})
    if (!secret.empty())
      secrets_.push_back(secret);
  std::sort(secrets_.begin(), secrets_.end(), [](const auto &a, const auto &b) { return a.size() > b.size(); });
}

Dialogue::~Dialogue() {
  try {
    flush();
  } catch (...) { // the last words of a trace are not worth a crash
  }
}

std::string Dialogue::redacted(std::string_view text) const {
  std::string out(text);
  for (const std::string &secret : secrets_)
    for (std::size_t at = out.find(secret); at != std::string::npos; at = out.find(secret, at + instead.size()))
      out.replace(at, secret.size(), instead);
  return out;
}

void Dialogue::note(std::string_view text) {
  if (!trace_)
    return;
  flush();
  trace_("note", redacted(text));
}

void Dialogue::flush() {
  if (!held_.empty())
    trace_(direction_, redacted(held_));
  held_.clear();
}

void Dialogue::add(std::string_view direction, std::string_view bytes) {
  if (!trace_)
    return;
  if (direction != direction_)
    flush();
  direction_ = direction;
  held_ += bytes;
  const std::size_t end = held_.rfind('\n');
  if (end != std::string::npos) {
    trace_(direction_, redacted(std::string_view(held_).substr(0, end + 1)));
    held_.erase(0, end + 1);
  } else if (held_.size() > most_held) {
    flush();
  }
}

} // namespace banpush
