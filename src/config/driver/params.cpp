#include "config/driver/params.hpp"

#include "config/document/values.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace banpush {

std::optional<std::string> unfit_as_param(const Param &param, const std::string &text) {
  if (!param.one_of.empty() && std::find(param.one_of.begin(), param.one_of.end(), text) == param.one_of.end()) {
    std::string all;
    for (const std::string &word : param.one_of)
      all += (all.empty() ? "" : ", ") + word;
    return fmt::format("expected one of {}, found \"{}\"", all, shown(text));
  }
  switch (param.type) {
  case Param::Type::Name: {
    const auto match = Pattern(fmt::format("\\A[{}]{{1,{}}}\\z", param.charset, std::min<std::size_t>(param.max, 1000))).match(text);
    if (!match)
      return fmt::format("expected 1 to {} characters of {}, found \"{}\"", param.max, param.charset, shown(text));
    return std::nullopt;
  }
  case Param::Type::Number: {
    long number = 0;
    const auto [stop, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view digits = std::string_view(text).substr(!text.empty() && text.front() == '-' ? 1 : 0);
    if (digits.size() > 1 && digits.front() == '0')
      return fmt::format("\"{}\" looks octal; write it without the leading zero", shown(text));
    if (failure != std::errc{} || stop != text.data() + text.size() || number < param.from || number > param.to)
      return fmt::format("expected a whole number from {} to {}, found \"{}\"", param.from, param.to, shown(text));
    return std::nullopt;
  }
  case Param::Type::Prefix: {
    const auto prefix = Prefix::parse(text);
    return prefix ? std::nullopt : std::optional(prefix.error().what);
  }
  case Param::Type::Flag:
    if (text == "yes" || text == "no" || text == "true" || text == "false")
      return std::nullopt;
    return fmt::format("expected yes or no, found \"{}\"", shown(text));
  case Param::Type::Secret: return "a secret is not written here; use {file: PATH}, {env: NAME} or {command: [PROGRAM]}";
  }
  return std::nullopt;
}

} // namespace banpush
