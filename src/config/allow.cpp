#include "config/allow.hpp"

#include "config/document/text_file.hpp"
#include "config/document/values.hpp"
#include "config/secret.hpp"
#include "files/open.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <glob.h>

namespace banpush {

namespace {

constexpr std::size_t most_bytes = 64 * 1024 * 1024;
constexpr std::size_t most_problems = 100; // of one file; whoever lists a binary need not see it all

struct GlobResult {
  glob_t found{};
  GlobResult() = default;
  GlobResult(const GlobResult &) = delete;
  GlobResult &operator=(const GlobResult &) = delete;
  ~GlobResult() { ::globfree(&found); }
};

bool has_wildcard(const std::string &path) { return path.find_first_of("*?[") != std::string::npos; }

std::vector<std::string> files_of(const Node &node, const std::string &pattern, Problems &problems, std::vector<std::string> &notes) {
  if (!has_wildcard(pattern))
    return {pattern};
  GlobResult result;
  switch (::glob(pattern.c_str(), GLOB_ERR, nullptr, &result.found)) {
  case 0: break;
  case GLOB_NOMATCH: return {};
  default: // a folder that is missing, or may not be read
    const std::string folder = std::filesystem::path(pattern).parent_path().string();
    const auto there = file_exists(folder);
    if (!has_wildcard(folder) && there && !*there)
      notes.push_back(fmt::format("{}: {}: the folder {} does not exist", node.place.text(), node.name, folder));
    else
      problems.add(node.place, fmt::format("{}: cannot look through {}: {}", node.name, pattern,
                                           there ? std::string("a folder in it may not be read") : there.error().text));
    return {};
  }
  std::vector<std::string> files(result.found.gl_pathv, result.found.gl_pathv + result.found.gl_pathc);
  std::sort(files.begin(), files.end());
  return files;
}

std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view blanks = " \t";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

void read_allow_file(const std::string &path, std::vector<NamedPrefix> &allow, Problems &problems) {
  const std::string text = read_text_file(path, most_bytes);
  const auto file = std::make_shared<const std::string>(path);
  std::size_t number = 0, wrong = 0;
  for (std::size_t start = 0; start < text.size() && wrong < most_problems;) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    const std::string_view line = std::string_view(text).substr(start, end - start);
    start = end + 1;
    ++number;
    const std::string_view entry = trimmed(line.substr(0, line.find('#')));
    if (entry.empty())
      continue;
    const auto prefix = Prefix::parse(entry, HostBits::Refuse);
    if (prefix) {
      allow.push_back({*prefix, fmt::format("{}:{}", path, number)});
      continue;
    }
    ++wrong;
    const auto before = static_cast<std::size_t>(entry.data() - line.data());
    problems.add({file, number, column_of(line, before + prefix.error().column - 1)},
                 fmt::format("\"{}\": {}", shown(entry, 60), prefix.error().what));
  }
}

// Where the wrong character of a text stands.
Place place_in(const Node &node, std::size_t column) {
  Place place = node.place;
  place.column += column - 1 + (node.plain ? 0 : 1);
  return place;
}

} // namespace

bool is_host_name(std::string_view text) noexcept {
  if (text.empty() || text.size() > 253)
    return false;
  bool has_letter = false; // of the last label: 10.0.0.256 is an address gone wrong
  std::size_t length = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '.') {
      if (length == 0 || text[i - 1] == '-')
        return false;
      length = 0;
      has_letter = false;
      continue;
    }
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!is_letter && !(c >= '0' && c <= '9') && !(c == '-' && length > 0))
      return false;
    has_letter = has_letter || is_letter;
    if (++length > 63)
      return false;
  }
  return length > 0 && has_letter && text.back() != '-';
}

std::optional<Prefix> prefix_of(const Node &node, Problems &problems) {
  if (node.kind != Node::Kind::Text) {
    add_mismatch(node, problems, "an address or a prefix");
    return std::nullopt;
  }
  const auto prefix = Prefix::parse(node.text, HostBits::Refuse);
  if (prefix)
    return *prefix;
  problems.add(place_in(node, prefix.error().column), fmt::format("{}: \"{}\": {}", node.name, shown(node.text, 60), prefix.error().what));
  return std::nullopt;
}

std::vector<NamedPrefix> allow_of(const Node &node, Problems &problems, const std::string &where) {
  std::vector<NamedPrefix> allow;
  for (const Node *item : items_of(node))
    if (const auto prefix = prefix_of(*item, problems))
      allow.push_back({*prefix, where});
  return allow;
}

AllowFiles allow_files_of(const Node &node, Problems &problems, const std::string &folder, std::vector<std::string> &notes) {
  AllowFiles found;
  for (const Node *item : items_of(node)) {
    const auto pattern = text_of(*item, problems);
    if (!pattern)
      continue;
    const std::string path = resolved_path(*pattern, folder);
    if (const std::string around = std::filesystem::path(path).parent_path().string(); has_wildcard(path) && !has_wildcard(around))
      found.paths.push_back(around);
    for (const std::string &file : files_of(*item, path, problems, notes)) {
      found.paths.push_back(file);
      if (const auto objection = unreadable(file)) {
        problems.add(item->place, fmt::format("{}: {}", item->name, *objection));
        continue;
      }
      try {
        read_allow_file(file, found.prefixes, problems);
      } catch (const Error &problem) {
        problems.add(problem);
      }
    }
  }
  return found;
}

Protect protect_of(const Node &node, Problems &problems, const std::string &where) {
  Protect protect;
  for (const Node *item : items_of(node)) {
    if (item->kind == Node::Kind::Text && is_host_name(item->text))
      protect.hosts.push_back({item->text, where});
    else if (item->kind == Node::Kind::Text && item->text.find_first_of(".:/") == std::string::npos) // neither, by its looks
      add_mismatch(*item, problems, "a prefix or the name of a host");
    else if (const auto prefix = prefix_of(*item, problems))
      protect.prefixes.push_back({*prefix, where});
  }
  return protect;
}

} // namespace banpush
