#include "app/http/date.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include <fmt/format.h>

namespace banpush {

namespace {

constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

} // namespace

std::string http_date(std::time_t moment) {
  std::tm parts{};
  ::gmtime_r(&moment, &parts);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", days.at(static_cast<std::size_t>(parts.tm_wday)), parts.tm_mday,
                     months.at(static_cast<std::size_t>(parts.tm_mon)), parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::optional<std::time_t> moment_of_http_date(const std::string &text) {
  std::tm parts{};
  std::array<char, 4> day{}, month{};
  int end = 0;
  if (std::sscanf(text.c_str(), "%3s, %2d %3s %4d %2d:%2d:%2d GMT%n", day.data(), &parts.tm_mday, month.data(), &parts.tm_year,
                  &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &end) != 7 ||
      static_cast<std::size_t>(end) != text.size())
    return std::nullopt;
  const auto found = std::find(months.begin(), months.end(), std::string(month.data()));
  if (found == months.end())
    return std::nullopt;
  parts.tm_mon = static_cast<int>(found - months.begin());
  parts.tm_year -= 1900;
  const std::time_t moment = ::timegm(&parts);
  return moment < 0 ? std::nullopt : std::optional(moment);
}

} // namespace banpush
