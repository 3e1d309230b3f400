#include "transport/file/list_file.hpp"

#include "core/digest.hpp"
#include "core/driver/text_template.hpp"
#include "core/error.hpp"
#include "files/open.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <iterator>
#include <unordered_set>

#include <fmt/format.h>

namespace banpush {

namespace {

constexpr std::size_t most_parts = 64;
// `# 12 entries, sha256 …`, of all that stands below that line.
constexpr std::string_view head_begin = "# ", head_middle = " entries, sha256 ";

tl::unexpected<FileProblem> problem(int code, std::string text) { return tl::unexpected(FileProblem{code, std::move(text)}); }
tl::unexpected<FileProblem> problem_of(const std::string &path, const FileProblem &found) {
  return problem(found.code, fmt::format("{}: {}", path, found.text));
}

std::optional<std::size_t> number_in(std::string_view text) {
  std::size_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc{} && end == text.data() + text.size() && !text.empty() ? std::optional(number) : std::nullopt;
}

void take_word(ListCall &call, std::string_view word) {
  const std::size_t equals = std::min(word.find('='), word.size());
  const std::string_view name = word.substr(0, equals), value = word.substr(std::min(equals + 1, word.size()));
  const auto number = number_in(value);
  if (name == "file" && !value.empty() && value.front() == '/')
    call.list.path = value;
  else if (name == "parts" && number && *number >= 1 && *number <= most_parts)
    call.list.parts = *number;
  else if (name == "most" && number)
    call.list.most = *number;
  else if (name == "head" && (value.empty() || value == "count" || value == "yes"))
    call.list.head = value.empty() ? ListFile::Head::None : ListFile::Head::Count;
  else
    throw Error(ErrorKind::Config, fmt::format("\"{}\" is none of file=/PATH, parts=1 to {}, most=NUMBER and head=yes", word, most_parts));
}

std::string head_of(std::size_t count, std::string_view below) {
  return fmt::format("{}{}{}{}\n", head_begin, count, head_middle, sha256(below));
}

// Room in the parts for lines that are new and for those that a part has no room for any more, the first part first.
FileResult<void> put(std::vector<std::vector<std::string>> &parts, std::size_t most, std::vector<std::string> lines) {
  std::size_t part = 0, over = 0;
  std::vector<std::string> all;
  for (auto &one : parts)
    while (most != 0 && one.size() > most) {
      all.push_back(std::move(one.back()));
      one.pop_back();
    }
  std::move(lines.begin(), lines.end(), std::back_inserter(all));
  for (std::string &line : all) {
    while (part < parts.size() && most != 0 && parts[part].size() >= most)
      ++part;
    if (part == parts.size())
      ++over;
    else
      parts[part].push_back(std::move(line));
  }
  if (over == 0)
    return {};
  return problem(ENOSPC, fmt::format("{} entries have no room: {} parts of {} are full; give the device a smaller budget, or more parts",
                                     over, parts.size(), most));
}

} // namespace

std::string ListFile::part(std::size_t number) const {
  if (number <= 1)
    return path;
  const std::size_t name = path.rfind('/') + 1, dot = path.rfind('.');
  const std::size_t at = dot == std::string::npos || dot <= name ? path.size() : dot;
  return fmt::format("{}.{}{}", path.substr(0, at), number, path.substr(at));
}

std::optional<ListCall> list_call(const std::vector<std::string> &argv) {
  if (argv.size() < 2 || argv.front() != "feed")
    return std::nullopt;
  using Verb = ListCall::Verb;
  ListCall call;
  const std::string &verb = argv[1];
  if (verb == "read" || verb == "edit" || verb == "make" || verb == "remove")
    call.verb = verb == "read" ? Verb::Read : verb == "edit" ? Verb::Edit : verb == "make" ? Verb::Make : Verb::Remove;
  else
    throw Error(ErrorKind::Config, fmt::format("feed {}: there are read, edit, make and remove", verb));
  for (std::size_t i = 2; i < argv.size(); ++i)
    take_word(call, argv[i]);
  if (call.list.path.empty())
    throw Error(ErrorKind::Config, fmt::format("feed {}: file=/PATH is missing", verb));
  return call;
}

std::optional<ListFile> list_file_of(const Read &read, const Values &values) {
  std::vector<std::string> argv;
  for (const std::string &word : read.run)
    argv.push_back(expand(word, values));
  const auto call = list_call(argv);
  return call ? std::optional(call->list) : std::nullopt;
}

std::vector<std::string> lines_of_part(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (!line.empty() && line.front() != '#')
      lines.emplace_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string text_of_part(const std::vector<std::string> &lines, ListFile::Head head) {
  std::string text;
  for (const std::string &line : lines)
    text += line + "\n";
  return head == ListFile::Head::None ? text : head_of(lines.size(), text) + text;
}

std::optional<std::size_t> count_of_part(std::string_view text, ListFile::Head head) {
  const std::vector<std::string> lines = lines_of_part(text);
  return text == text_of_part(lines, head) ? std::optional(lines.size()) : std::nullopt;
}

namespace {

using Parts = std::vector<std::vector<std::string>>;

FileResult<std::vector<std::string>> texts_of(const ListFile &list) {
  std::vector<std::string> texts;
  for (std::size_t number = 1; number <= list.parts; ++number) {
    auto text = read_whole(list.part(number), most_bytes_of_part);
    if (!text)
      return problem_of(list.part(number), text.error());
    texts.push_back(std::move(*text));
  }
  return texts;
}

Parts parts_of(const std::vector<std::string> &texts) {
  Parts parts;
  for (const std::string &text : texts)
    parts.push_back(lines_of_part(text));
  return parts;
}

// Whether one of them was written, because its bytes were others.
FileResult<bool> write_parts(const ListFile &list, const Parts &parts, const std::vector<std::string> &texts) {
  bool is_written = false;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string text = text_of_part(parts[i], list.head);
    if (text == texts[i])
      continue;
    if (const auto written = replace_file(list.part(i + 1), text, Shared::AllRead); !written)
      return problem_of(list.part(i + 1), written.error());
    is_written = true;
  }
  return is_written;
}

} // namespace

FileResult<std::vector<std::vector<std::string>>> read_parts(const ListFile &list) {
  const auto texts = texts_of(list);
  if (!texts)
    return tl::unexpected(texts.error());
  return parts_of(*texts);
}

FileResult<void> edit_parts(const ListFile &list, const LineChange &change) {
  const auto texts = texts_of(list);
  if (!texts)
    return tl::unexpected(texts.error());
  Parts parts = parts_of(*texts);
  const std::unordered_set<std::string_view> leaves(change.remove.begin(), change.remove.end());
  std::unordered_set<std::string> stands;
  for (auto &part : parts) {
    std::erase_if(part, [&](const std::string &line) { return leaves.count(line) != 0; });
    stands.insert(part.begin(), part.end());
  }
  std::vector<std::string> comes;
  for (const std::string &line : change.add)
    if (stands.insert(line).second)
      comes.push_back(line);
  if (auto fits = put(parts, list.most, std::move(comes)); !fits)
    return fits;
  if (const auto written = write_parts(list, parts, *texts); !written)
    return tl::unexpected(written.error());
  return {};
}

FileResult<LinesKept> keep_lines(const ListFile &list, const std::vector<std::string> &lines) {
  const auto texts = texts_of(list);
  if (!texts)
    return tl::unexpected(texts.error());
  Parts parts = parts_of(*texts);
  LinesKept kept;
  const std::unordered_set<std::string_view> wanted(lines.begin(), lines.end());
  std::unordered_set<std::string> stands;
  for (auto &part : parts)
    kept.dropped += std::erase_if(part, [&](const std::string &line) { return wanted.count(line) == 0 || !stands.insert(line).second; });
  std::vector<std::string> comes;
  for (const std::string &line : lines)
    if (stands.insert(line).second)
      comes.push_back(line);
  if (const auto fits = put(parts, list.most, std::move(comes)); !fits)
    return tl::unexpected(fits.error());
  const auto written = write_parts(list, parts, *texts);
  if (!written)
    return tl::unexpected(written.error());
  kept.is_written = *written;
  return kept;
}

FileResult<void> make_parts(const ListFile &list) {
  if (const auto folder = Folder::around(list.path, Folder::Missing::Make); !folder)
    return problem_of(list.path, folder.error());
  for (std::size_t number = 1; number <= list.parts; ++number) {
    const std::string path = list.part(number);
    const auto there = file_exists(path);
    if (!there)
      return problem_of(path, there.error());
    if (*there)
      continue;
    if (const auto written = replace_file(path, text_of_part({}, list.head), Shared::AllRead); !written)
      return problem_of(path, written.error());
  }
  return {};
}

FileResult<void> remove_parts(const ListFile &list) {
  for (std::size_t number = 1; number <= list.parts; ++number)
    if (const auto removed = remove_file(list.part(number)); !removed)
      return problem_of(list.part(number), removed.error());
  return {};
}

} // namespace banpush
