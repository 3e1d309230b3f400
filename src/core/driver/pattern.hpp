// A regular expression of a driver: RE2 syntax, linear time, named groups `(?P<name>…)`.
#pragma once

#include "core/error.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace re2 {
class RE2;
}

namespace banpush {

class Pattern {
public:
  Pattern() = default;                // matches nothing
  explicit Pattern(std::string text); // throws Error (Config) with RE2's own words

  // The named groups of one match; views into the text that was searched.
  class Match {
  public:
    // A group that took part in the match; nothing when it did not or there is none of that name.
    std::optional<std::string_view> group(std::string_view name) const;
    std::string_view whole;

  private:
    friend class Pattern;
    const Pattern *pattern_ = nullptr;
    std::vector<std::string_view> groups_;
  };

  // `text` as a pattern that matches exactly itself.
  static std::string quoted(std::string_view text);

  bool empty() const noexcept { return compiled_ == nullptr; }
  const std::string &text() const noexcept { return text_; }
  bool has_group(std::string_view name) const;
  std::vector<std::string> groups() const;    // names of all groups
  bool found_in(std::string_view text) const; // anywhere; `^` and `$` match at line ends
  std::optional<Match> match(std::string_view text) const;
  // All matches one after the other, without overlap.
  std::vector<Match> all(std::string_view text) const;

private:
  std::string text_;
  std::shared_ptr<const re2::RE2> compiled_;
};

} // namespace banpush
