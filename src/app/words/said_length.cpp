#include "app/words/said_length.hpp"

#include "config/document/duration.hpp"
#include "core/error.hpp"

#include <fmt/format.h>

namespace banpush {

Seconds said_length(const std::string &option, const std::string &text) {
  const auto length = parse_duration(text);
  if (!length)
    throw Error(ErrorKind::Usage, fmt::format("{} {}: {}", option, shown(text), length.error().what));
  if (*length == 0)
    throw Error(ErrorKind::Usage, fmt::format("{} {}: no length of time", option, shown(text)));
  return *length;
}

} // namespace banpush
