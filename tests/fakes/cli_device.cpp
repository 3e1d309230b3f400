#include "fakes/cli_device.hpp"

#include <algorithm>
#include <utility>

namespace banpush::fakes {

std::string CliDevice::start() { return with_line_ends(greeting) + shown_prompt(); }

std::string CliDevice::type(std::string_view bytes) {
  std::string out;
  if (echo == Echo::Kernel && bytes.find('\n') != std::string_view::npos && bytes.find('\n') + 1 < bytes.size()) {
    // Several lines at once: what is behind the first is echoed by the kernel before anybody reads it.
    std::string ahead(bytes.substr(bytes.find('\n') + 1));
    line_ += bytes.substr(0, bytes.find('\n'));
    const std::string words = typed(std::exchange(line_, {}));
    const std::size_t echoed = words.find(echo_end) + echo_end.size();
    out = words.substr(0, echoed) + with_line_ends(ahead) + words.substr(echoed);
    bytes.remove_prefix(bytes.size() - ahead.size());
  }
  for (const char c : bytes) {
    if (ended)
      return out;
    if (c == '\x1b' || in_escape_) { // what the terminal answers, which it has asked for
      in_escape_ = c == '\x1b' || c == '[' || c == ';' || c == '?' || (c >= '0' && c <= '9');
    } else if (at_pager_) {
      at_pager_ = false;
      out += pager_erase + paged(std::exchange(rest_, {}));
      if (!at_pager_ && !asked)
        out += shown_prompt();
    } else if (c == '\x03') {
      line_.clear();
      asked = nullptr;
      out += "^C" + echo_end + shown_prompt();
    } else if (c == '\n') {
      out += typed(std::exchange(line_, {}));
    } else if (c != '\r') {
      line_ += c;
    }
  }
  return out;
}

std::string CliDevice::typed(const std::string &line) {
  if (answered_by_nobody_)
    return {};
  if (asked) {
    const Asked answer = std::exchange(asked, nullptr);
    const std::string echoed = (std::exchange(hide_answer, false) || echo == Echo::No ? "" : line) + echo_end;
    const std::string words = with_line_ends(answer(*this, line));
    return echoed + words + (asked ? "" : shown_prompt());
  }
  const std::string at = prompt(*this);
  if (!line.empty())
    received.push_back(line);
  const std::size_t count = received.size();
  if (!line.empty() && end_at != 0 && count >= end_at) {
    ended = true;
    return {};
  }
  if (!line.empty() && hang_at != 0 && count >= hang_at) {
    answered_by_nobody_ = true;
    return echo_of(line, at);
  }
  std::string out = echo_of(line, at);
  out += paged(line.empty() ? "" : run(*this, line));
  if (ended || at_pager_ || asked)
    return out;
  return out + shown_prompt();
}

std::string CliDevice::echo_of(const std::string &line, const std::string &at) const {
  const std::string tail = at.substr(at.rfind('\n') + 1);
  switch (echo) {
  case Echo::No: return {};
  case Echo::Twice: return line + "\r" + tail + line + echo_end;
  case Echo::Repaint: {
    std::string out;
    for (std::size_t i = 1; i <= line.size(); ++i)
      out += line.substr(i - 1, 1) + "\r\r" + tail + line.substr(0, i) + std::string(60, ' ') + "\x1b[K\r" + tail + line.substr(0, i);
    return out + echo_end;
  }
  case Echo::Yes:
  case Echo::Kernel: break;
  }
  if (scroll_at != 0 && tail.size() + line.size() > scroll_at) {
    const std::string rest = line.substr(line.size() - std::min(line.size(), scroll_at / 2));
    return line.substr(0, scroll_at - tail.size()) + "\r" + tail + "$" + rest + "\x1b[K" + echo_end;
  }
  return line + echo_end;
}

std::string CliDevice::with_line_ends(const std::string &words) const {
  std::string out;
  for (const char c : words)
    out += c == '\n' ? line_end : std::string(1, c);
  return out;
}

std::string CliDevice::paged(const std::string &words) {
  if (page == 0)
    return with_line_ends(words);
  std::size_t at = 0;
  for (std::size_t lines = 0; lines < page; ++lines) {
    const std::size_t end = words.find('\n', at);
    if (end == std::string::npos)
      return with_line_ends(words);
    at = end + 1;
  }
  if (at == words.size())
    return with_line_ends(words);
  rest_ = words.substr(at);
  at_pager_ = true;
  return with_line_ends(words.substr(0, at)) + pager;
}

CliDevice small_router() {
  CliDevice device;
  device.run = [](CliDevice &self, const std::string &line) -> std::string {
    if (line == "configure terminal") {
      self.mode = "(config)";
      return "Enter configuration commands, one per line.  End with CNTL/Z.\n";
    }
    if (line == "end") {
      self.mode.clear();
      return {};
    }
    if (line == "exit") {
      self.ended = self.mode.empty();
      self.mode.clear();
      return {};
    }
    if (line.rfind("ok", 0) == 0)
      return {};
    if (line.rfind("show lines ", 0) == 0) {
      std::string out;
      for (int i = 1; i <= std::stoi(line.substr(11)); ++i)
        out += "line " + std::to_string(i) + "\n";
      return out;
    }
    if (line == "confirm") {
      self.asked = [](CliDevice &, const std::string &answer) { return answer.empty() ? "[OK]\n" : "% not confirmed\n"; };
      return "Really? [confirm]";
    }
    return "% Invalid input detected at '^' marker.\n";
  };
  return device;
}

} // namespace banpush::fakes
