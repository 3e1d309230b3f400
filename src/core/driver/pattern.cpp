#include "core/driver/pattern.hpp"

#include <algorithm>

#include <re2/re2.h>

namespace banpush {

namespace {

// Patterns of a driver run over replies of a few megabytes; a pattern that needs more than this to be
// compiled is a mistake.
constexpr std::int64_t most_memory = std::int64_t{8} << 20;

std::string_view view(re2::StringPiece piece) { return {piece.data(), piece.size()}; }

} // namespace

Pattern::Pattern(std::string text) : text_(std::move(text)) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(most_memory);
  const std::string by_line = "(?m)";
  auto compiled = std::make_shared<const re2::RE2>(by_line + text_, options);
  if (!compiled->ok()) {
    std::string why = compiled->error();
    if (const std::size_t at = why.find(by_line); at != std::string::npos) // nobody wrote it
      why.erase(at, by_line.size());
    throw Error(ErrorKind::Config, "pattern `" + text_ + "`: " + why);
  }
  compiled_ = std::move(compiled);
}

std::string Pattern::quoted(std::string_view text) { return re2::RE2::QuoteMeta({text.data(), text.size()}); }

bool Pattern::has_group(std::string_view name) const {
  return compiled_ && compiled_->NamedCapturingGroups().count(std::string(name)) != 0;
}

std::vector<std::string> Pattern::groups() const {
  std::vector<std::string> names;
  if (compiled_)
    for (const auto &[name, index] : compiled_->NamedCapturingGroups())
      names.push_back(name);
  return names;
}

bool Pattern::found_in(std::string_view text) const { return compiled_ && re2::RE2::PartialMatch({text.data(), text.size()}, *compiled_); }

std::optional<Pattern::Match> Pattern::match(std::string_view text) const {
  if (!compiled_)
    return std::nullopt;
  const auto count = static_cast<std::size_t>(compiled_->NumberOfCapturingGroups()) + 1;
  std::vector<re2::StringPiece> pieces(count);
  if (!compiled_->Match({text.data(), text.size()}, 0, text.size(), re2::RE2::UNANCHORED, pieces.data(), static_cast<int>(count)))
    return std::nullopt;
  Match match;
  match.pattern_ = this;
  match.whole = view(pieces[0]);
  match.groups_.reserve(count);
  std::transform(pieces.begin(), pieces.end(), std::back_inserter(match.groups_), view);
  return match;
}

std::vector<Pattern::Match> Pattern::all(std::string_view text) const {
  std::vector<Match> matches;
  if (!compiled_)
    return matches;
  const auto count = static_cast<std::size_t>(compiled_->NumberOfCapturingGroups()) + 1;
  std::vector<re2::StringPiece> pieces(count);
  for (std::size_t from = 0; from <= text.size();) {
    if (!compiled_->Match({text.data(), text.size()}, from, text.size(), re2::RE2::UNANCHORED, pieces.data(), static_cast<int>(count)))
      break;
    Match match;
    match.pattern_ = this;
    match.whole = view(pieces[0]);
    match.groups_.clear();
    std::transform(pieces.begin(), pieces.end(), std::back_inserter(match.groups_), view);
    const auto end = static_cast<std::size_t>(pieces[0].data() - text.data()) + pieces[0].size();
    from = pieces[0].empty() ? end + 1 : end;
    matches.push_back(std::move(match));
  }
  return matches;
}

std::optional<std::string_view> Pattern::Match::group(std::string_view name) const {
  if (pattern_ == nullptr)
    return std::nullopt;
  const auto &named = pattern_->compiled_->NamedCapturingGroups();
  const auto found = named.find(std::string(name));
  if (found == named.end())
    return std::nullopt;
  const std::string_view text = groups_[static_cast<std::size_t>(found->second)];
  if (text.data() == nullptr)
    return std::nullopt;
  return text;
}

} // namespace banpush
