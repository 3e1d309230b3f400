#include "config/document/values.hpp"

#include "config/document/duration.hpp"
#include "config/document/suggestion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace banpush {

namespace {

bool is_text(const Node &node) noexcept { return node.kind == Node::Kind::Text; }

bool has_control(std::string_view text) noexcept {
  return std::any_of(text.begin(), text.end(), [](char c) { return (c >= 0 && c < ' ') || c == 127; });
}

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// 010 means eight to some readers of YAML and ten to others.
bool looks_octal(std::string_view text) noexcept {
  if (!text.empty() && (text.front() == '-' || text.front() == '+'))
    text.remove_prefix(1);
  return text.size() > 1 && text[0] == '0' && is_digit(text[1]);
}

bool refused_as_octal(const Node &node, Problems &problems) {
  if (!looks_octal(node.text))
    return false;
  problems.add(node.place, fmt::format("{}: \"{}\" looks octal; write it without the leading zero", node.name, shown(node.text)));
  return true;
}

std::optional<Seconds> seconds_of(const Node &node, Problems &problems, const std::string &expected) {
  if (!is_text(node)) {
    add_mismatch(node, problems, expected);
    return std::nullopt;
  }
  const auto length = parse_duration(node.text);
  if (!length) {
    problems.add(node.place, fmt::format("{}: {}", node.name, length.error().what));
    return std::nullopt;
  }
  if (*length < 1) {
    problems.add(node.place, fmt::format("{}: must be at least 1s", node.name));
    return std::nullopt;
  }
  return *length;
}

template <class T, class One>
std::vector<T> list_of(const Node &node, Problems &problems, One one) {
  std::vector<T> list;
  for (const Node *item : items_of(node))
    if (auto value = one(*item, problems))
      list.push_back(std::move(*value));
  return list;
}

} // namespace

void add_mismatch(const Node &node, Problems &problems, const std::string &expected) {
  problems.add(node.place, fmt::format("{}: expected {}, found {}", node.name, expected, node.found()));
}

std::optional<std::string> any_text_of(const Node &node, Problems &problems) {
  if (is_text(node))
    return node.text;
  add_mismatch(node, problems, "text");
  return std::nullopt;
}

std::optional<std::string> text_of(const Node &node, Problems &problems) {
  if (!is_text(node) || node.text.empty()) {
    add_mismatch(node, problems, "text");
    return std::nullopt;
  }
  if (has_control(node.text)) {
    problems.add(node.place, fmt::format("{}: control character in \"{}\"", node.name, shown(node.text)));
    return std::nullopt;
  }
  return node.text;
}

std::optional<std::int64_t> whole_of(const Node &node, Problems &problems, std::int64_t from, std::int64_t to) {
  const std::string expected = fmt::format("a whole number from {} to {}", from, to);
  if (!is_text(node)) {
    add_mismatch(node, problems, expected);
    return std::nullopt;
  }
  if (refused_as_octal(node, problems))
    return std::nullopt;
  std::int64_t number = 0;
  const char *const end = node.text.data() + node.text.size();
  const auto [stop, failure] = std::from_chars(node.text.data(), end, number);
  if (failure != std::errc{} || stop != end || number < from || number > to) {
    add_mismatch(node, problems, expected);
    return std::nullopt;
  }
  return number;
}

std::optional<double> decimal_of(const Node &node, Problems &problems, double from, double to) {
  const std::string expected = fmt::format("a number from {} to {}", from, to);
  if (!is_text(node)) {
    add_mismatch(node, problems, expected);
    return std::nullopt;
  }
  if (refused_as_octal(node, problems))
    return std::nullopt;
  double number = 0;
  const char *const end = node.text.data() + node.text.size();
  const auto [stop, failure] = std::from_chars(node.text.data(), end, number, std::chars_format::fixed);
  if (failure != std::errc{} || stop != end || !std::isfinite(number) || number < from || number > to) {
    add_mismatch(node, problems, expected);
    return std::nullopt;
  }
  return number;
}

std::optional<bool> yes_no_of(const Node &node, Problems &problems) {
  if (is_text(node) && (node.text == "yes" || node.text == "true"))
    return true;
  if (is_text(node) && (node.text == "no" || node.text == "false"))
    return false;
  add_mismatch(node, problems, "yes or no");
  return std::nullopt;
}

std::optional<Seconds> bantime_of(const Node &node, Problems &problems) {
  return seconds_of(node, problems, "a duration such as 90s, 15m, 1h, 1d or 2w, or permanent");
}

std::optional<Seconds> duration_of(const Node &node, Problems &problems) {
  const auto length = seconds_of(node, problems, "a duration such as 90s, 15m, 1h, 1d or 2w");
  if (length != permanent)
    return length;
  problems.add(node.place, fmt::format("{}: cannot be permanent", node.name));
  return std::nullopt;
}

std::optional<std::chrono::milliseconds> milliseconds_of(const Node &node, Problems &problems) {
  if (!is_text(node)) {
    add_mismatch(node, problems, "a duration such as 500ms, 1s or 2m");
    return std::nullopt;
  }
  const auto length = parse_milliseconds(node.text);
  if (!length) {
    problems.add(node.place, fmt::format("{}: {}", node.name, length.error().what));
    return std::nullopt;
  }
  if (length->count() < 1) {
    problems.add(node.place, fmt::format("{}: must be at least 1ms", node.name));
    return std::nullopt;
  }
  return *length;
}

std::optional<double> share_of(const Node &node, Problems &problems) {
  const std::string expected = "a share from 0% to 100%";
  if (!is_text(node) || node.text.size() < 2 || node.text.back() != '%') {
    add_mismatch(node, problems, expected);
    return std::nullopt;
  }
  if (refused_as_octal(node, problems))
    return std::nullopt;
  double number = 0;
  const char *const end = node.text.data() + node.text.size() - 1;
  const auto [stop, failure] = std::from_chars(node.text.data(), end, number, std::chars_format::fixed);
  if (failure != std::errc{} || stop != end || !(number >= 0 && number <= 100)) { // NaN is neither
    add_mismatch(node, problems, expected);
    return std::nullopt;
  }
  return number / 100;
}

Pattern pattern_of(const Node &node, Problems &problems) {
  if (!is_text(node) || node.text.empty()) {
    add_mismatch(node, problems, "a pattern (RE2)");
    return {};
  }
  try {
    return Pattern(node.text);
  } catch (const Error &problem) {
    problems.add(node.place, fmt::format("{}: {}", node.name, problem.what()));
    return {};
  }
}

std::vector<const Node *> items_of(const Node &node) {
  std::vector<const Node *> items;
  if (node.kind != Node::Kind::List)
    return {&node};
  for (const Node &item : node.items)
    items.push_back(&item);
  return items;
}

std::vector<std::string> texts_of(const Node &node, Problems &problems) { return list_of<std::string>(node, problems, text_of); }

std::vector<std::string> any_texts_of(const Node &node, Problems &problems) { return list_of<std::string>(node, problems, any_text_of); }

std::vector<Pattern> patterns_of(const Node &node, Problems &problems) {
  return list_of<Pattern>(node, problems, [](const Node &item, Problems &found) {
    Pattern pattern = pattern_of(item, found);
    return pattern.empty() ? std::nullopt : std::optional(std::move(pattern));
  });
}

std::vector<int> statuses_of(const Node &node, Problems &problems) {
  return list_of<int>(node, problems, [](const Node &item, Problems &found) -> std::optional<int> {
    const auto status = whole_of(item, found, 0, 255);
    return status ? std::optional(static_cast<int>(*status)) : std::nullopt;
  });
}

std::vector<std::string> argv_of(const Node &node, Problems &problems) {
  if (node.kind != Node::Kind::List || node.items.empty()) {
    add_mismatch(node, problems, "a list: the program and its arguments");
    return {};
  }
  if (!text_of(node.items.front(), problems))
    return {};
  std::vector<std::string> argv;
  for (const Node &item : node.items) {
    const auto word = any_text_of(item, problems);
    if (!word)
      return {};
    if (has_control(*word)) {
      problems.add(item.place, fmt::format("{}: control character in \"{}\"", node.name, shown(*word)));
      return {};
    }
    argv.push_back(*word);
  }
  return argv;
}

void add_unknown_word(const Node &node, Problems &problems, const std::vector<std::string> &words) {
  if (is_text(node)) {
    if (const auto meant = nearest(node.text, words)) {
      problems.add(node.place, fmt::format("{}: unknown word \"{}\"; did you mean \"{}\"?", node.name, shown(node.text), *meant));
      return;
    }
  }
  std::string expected;
  for (std::size_t i = 0; i < words.size(); ++i)
    expected += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
  add_mismatch(node, problems, expected);
}

} // namespace banpush
