// What a device's words about a change mean, by its driver's patterns: noise is removed first, then what
// is harmless; anything left is a complaint.
#pragma once

#include "core/driver/driver.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace banpush {

struct Judgement {
  std::vector<std::string> complaints; // the lines left over, in order
  bool busy = false;                   // one of them is among the driver's `busy`
  bool fatal = false;                  // one of them is among the driver's `fatal`

  bool accepted() const noexcept { return complaints.empty(); }
  // The complaints as one line of at most 300 characters, for a message.
  std::string text() const;
};

Judgement judge(const Driver &driver, std::string_view words);

// Whether a line is noise of this platform (syslog, shutdown notices): it may stand anywhere.
bool is_noise(const Driver &driver, std::string_view line);

// Any text of a device as one line of printable characters for a message: line ends become ` / `,
// control characters `\x07`; at most `most` bytes.
std::string in_one_line(std::string_view text, std::size_t most = 300);

} // namespace banpush
