// Text that fits a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace banpush {

// How many columns the text takes on a terminal: characters of UTF-8, without escape sequences for colours (SGR, ECMA-48).
std::size_t columns_of(std::string_view text);

// Each line that is longer than `columns` broken at blanks; what follows is indented by four more than its line. A word that is
// longer by itself stays whole. 0 columns: the text as it is.
std::string folded(std::string_view text, std::size_t columns);

// Rows under a head, each column as wide as what is in it. Where that is wider than `columns` (0: any width), columns are
// left out in the order of `may_go` until it fits, or none may go any more.
struct Table {
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows; // each as long as the head
  std::vector<std::size_t> may_go;            // numbers of columns
};

// Lines with line ends, the head first.
std::vector<std::string> lines_of(const Table &table, std::size_t columns);

} // namespace banpush
