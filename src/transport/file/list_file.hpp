// A list that others fetch: text files on this host, a line an entry, each replaced as a whole or not at all.
#pragma once

#include "core/driver/driver.hpp"
#include "core/driver/values.hpp"
#include "files/folder.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace banpush {

// Where a list stands and how it is written.
struct ListFile {
  std::string path;                                  // of the first part
  std::size_t parts = 1;                             // files it is spread over; all of them are there, empty ones too
  std::size_t most = 0;                              // lines that a part takes; 0: any number
  enum class Head { None, Count } head = Head::None; // Count: a part begins with a comment that has its count and checksum

  // From 1: /a/list.txt, /a/list.2.txt, /a/list.3.txt.
  std::string part(std::size_t number) const;
};

// A program's words that are answered by this process: `feed VERB file=PATH parts=N most=N head=count`.
struct ListCall {
  enum class Verb { Read, Edit, Make, Remove } verb = Verb::Read;
  ListFile list;
};
// Nothing for any other program. Throws Error (Config) for words that are not understood.
std::optional<ListCall> list_call(const std::vector<std::string> &argv);
// The file that a driver's reading is about; nothing where that reads no file.
std::optional<ListFile> list_file_of(const Read &read, const Values &values);

// What a part holds: its lines but for comments (#) and blank ones, in the file's order.
std::vector<std::string> lines_of_part(std::string_view text);
// The file of a part that holds these lines.
std::string text_of_part(const std::vector<std::string> &lines, ListFile::Head head);

// How many lines a part holds, where it is byte for byte what text_of_part() makes of them. Nothing where it is not.
std::optional<std::size_t> count_of_part(std::string_view text, ListFile::Head head);

// More than any list may be.
inline constexpr std::size_t most_bytes_of_part = 256U << 20U;

// All parts; a problem (ENOENT among others) where one cannot be read, with its path.
FileResult<std::vector<std::vector<std::string>>> read_parts(const ListFile &list);

// Takes lines out and puts lines in. A line stays in its part as long as it stands, so that who fetches the parts one after
// the other misses none; only what is beyond the lines that a part may have goes into another one. Only parts that are to be
// others are written. What has no room is a problem (ENOSPC), and nothing is written.
struct LineChange {
  std::vector<std::string> add, remove;
};
FileResult<void> edit_parts(const ListFile &list, const LineChange &change);

// Leaves just these lines, each once, by the same rules.
struct LinesKept {
  bool is_written = false; // a part was something else
  std::size_t dropped = 0; // lines that were none of these, or stood there once more; comments do not count
};
FileResult<LinesKept> keep_lines(const ListFile &list, const std::vector<std::string> &lines);

// Empty parts where there are none; their folder, too.
FileResult<void> make_parts(const ListFile &list);
FileResult<void> remove_parts(const ListFile &list);

} // namespace banpush
