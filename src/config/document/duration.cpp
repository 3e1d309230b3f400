#include "config/document/duration.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>

namespace banpush {

namespace {

constexpr std::int64_t most_seconds = 100LL * 365 * 86400; // a century; beyond that it is `permanent`

Problem malformed(std::string_view text) {
  return {fmt::format("expected a duration such as 90s, 15m, 1h, 1d or 2w, found \"{}\"", shown(text))};
}

// Milliseconds of one unit; 0 for what is none.
std::int64_t milliseconds_of(std::string_view unit) noexcept {
  if (unit == "ms")
    return 1;
  if (unit == "s")
    return 1000;
  if (unit == "m")
    return 60'000;
  if (unit == "h")
    return 3'600'000;
  if (unit == "d")
    return 86'400'000;
  return unit == "w" ? 604'800'000 : 0;
}

tl::expected<std::int64_t, Problem> milliseconds(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  if (end == text.data() || text.front() == '-')
    return tl::unexpected(malformed(text));
  if (text.front() == '0' && text.size() > 1 && text[1] >= '0' && text[1] <= '9')
    return tl::unexpected(Problem{fmt::format("\"{}\" looks octal; write it without the leading zero", shown(text))});
  if (unit.empty())
    return tl::unexpected(Problem{fmt::format("\"{0}\" has no unit; write {0}s, {0}m, {0}h, {0}d or {0}w", shown(text))});
  const std::int64_t factor = milliseconds_of(unit);
  if (factor == 0)
    return tl::unexpected(malformed(text));
  if (failure != std::errc{} || number > most_seconds * 1000 / factor)
    return tl::unexpected(Problem{fmt::format("\"{}\" is longer than a century", shown(text))});
  return number * factor;
}

} // namespace

tl::expected<Seconds, Problem> parse_duration(std::string_view text) {
  if (text == "permanent")
    return permanent;
  const auto length = milliseconds(text);
  if (!length)
    return tl::unexpected(length.error());
  if (*length % 1000 != 0)
    return tl::unexpected(Problem{fmt::format("\"{}\" is no whole number of seconds", shown(text))});
  return *length / 1000;
}

tl::expected<std::chrono::milliseconds, Problem> parse_milliseconds(std::string_view text) {
  const auto length = milliseconds(text);
  if (!length)
    return tl::unexpected(length.error());
  return std::chrono::milliseconds(*length);
}

} // namespace banpush
