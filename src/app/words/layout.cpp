#include "app/words/layout.hpp"

#include <algorithm>
#include <numeric>

namespace banpush {

namespace {

constexpr std::size_t gap = 2;         // blanks between columns
constexpr std::size_t hanging = 4;     // more than a line's own blanks
constexpr std::size_t least_text = 30; // of a folded line; a terminal with less is not folded for

// Behind an escape sequence that begins here; `at` itself where none does.
std::size_t behind_colour(std::string_view text, std::size_t at) {
  if (text.substr(at, 2) != "\x1b[")
    return at;
  const std::size_t end = text.find('m', at);
  return end == std::string_view::npos ? at : end + 1;
}

void fold_line(std::string &out, std::string_view line, std::size_t columns) {
  const std::size_t blanks = std::min(line.find_first_not_of(' '), line.size());
  const std::string indent(blanks + hanging, ' ');
  if (columns_of(line) <= columns || indent.size() + least_text > columns) {
    out += line;
    return;
  }
  out += line.substr(0, blanks);
  std::size_t used = blanks;
  for (std::size_t at = blanks; at < line.size();) {
    const std::size_t gap_end = std::min(line.find_first_not_of(' ', at), line.size());
    const std::size_t end = std::min(line.find(' ', gap_end), line.size());
    const std::string_view space = line.substr(at, gap_end - at), word = line.substr(gap_end, end - gap_end);
    if (used > indent.size() && used + space.size() + columns_of(word) > columns) {
      out += '\n';
      out += indent;
      used = indent.size();
    } else {
      out += space;
      used += space.size();
    }
    out += word;
    used += columns_of(word);
    at = end;
  }
}

} // namespace

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (const std::size_t behind = behind_colour(text, at); behind != at) {
      at = behind;
      continue;
    }
    columns += (static_cast<unsigned char>(text[at]) & 0xC0U) != 0x80U ? 1U : 0U;
    ++at;
  }
  return columns;
}

std::string folded(std::string_view text, std::size_t columns) {
  if (columns == 0)
    return std::string(text);
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    fold_line(out, text.substr(at, end - at), columns);
    if (end < text.size())
      out += '\n';
    at = end + 1;
  }
  return out;
}

std::vector<std::string> lines_of(const Table &table, std::size_t columns) {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < table.head.size(); ++i) {
    widths.push_back(columns_of(table.head[i]));
    for (const auto &row : table.rows)
      widths[i] = std::max(widths[i], columns_of(row[i]));
  }
  std::vector<bool> left_out(widths.size());
  const auto total = [&] {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < widths.size(); ++i)
      sum += left_out[i] ? 0 : widths[i] + (sum == 0 ? 0 : gap);
    return sum;
  };
  for (const std::size_t one : table.may_go)
    if (columns != 0 && total() > columns)
      left_out[one] = true;
  std::vector<std::string> lines;
  const auto add = [&](const std::vector<std::string> &row) {
    std::string line;
    std::size_t due = 0; // where the next column begins
    for (std::size_t i = 0; i < row.size(); ++i)
      if (!left_out[i]) {
        line.append(due - columns_of(line), ' ');
        line += row[i];
        due += widths[i] + gap;
      }
    line.erase(line.find_last_not_of(' ') + 1);
    lines.push_back(line + "\n");
  };
  add(table.head);
  for (const auto &row : table.rows)
    add(row);
  return lines;
}

} // namespace banpush
