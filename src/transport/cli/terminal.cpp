#include "transport/cli/terminal.hpp"

#include <algorithm>
#include <utility>

namespace banpush {

namespace {

constexpr char escape_byte = '\x1b';
// What a control sequence or a text for the terminal (a window title) may have; behind that it was none.
constexpr std::size_t most_parameters = 64, most_text = 4096;

std::string without_blanks_at_end(std::string text) {
  const std::size_t end = text.find_last_not_of(" \t");
  text.resize(end == std::string::npos ? 0 : end + 1);
  return text;
}

} // namespace

std::string Terminal::current() const {
  const std::size_t last = line_.find_last_not_of(' ');
  return line_.substr(0, std::min(line_.size(), std::max(column_, last == std::string::npos ? 0 : last + 1)));
}

void Terminal::forget_current() {
  line_.clear();
  column_ = row_start_ = saved_ = 0;
}

void Terminal::feed(std::string_view bytes) {
  for (const char c : bytes) {
    if (c == '\0')
      continue; // fills time, and is no part of anything, not even of a sequence it falls into
    switch (state_) {
    case State::Ground: ground(c); break;
    case State::Escape: escape(c); break;
    case State::Control:
      if (c >= '\x40' && c <= '\x7e') {
        state_ = State::Ground;
        control(c);
      } else if (c == escape_byte) {
        state_ = State::Escape;
      } else if (static_cast<unsigned char>(c) < 0x20) { // takes effect in the middle (VT100 manual)
        ground(c);
      } else {
        parameters_ += c;
        if (parameters_.size() > most_parameters)
          state_ = State::Ground;
      }
      break;
    case State::Text:
    case State::TextEscape: text(c); break;
    case State::OneMore: state_ = State::Ground; break;
    }
  }
}

void Terminal::ground(char c) {
  switch (c) {
  case escape_byte: state_ = State::Escape; return;
  case '\n': newline(); return;
  case '\r': column_ = row_start_; return;
  case '\b':
    if (column_ > row_start_)
      --column_;
    return;
  case '\t': print(c); return;
  default:
    if (static_cast<unsigned char>(c) >= 0x20 && c != '\x7f')
      print(c); // all other control characters (bell, shift) leave no mark
  }
}

void Terminal::escape(char c) {
  state_ = State::Ground;
  switch (c) {
  case '[':
    parameters_.clear();
    state_ = State::Control;
    return;
  case ']': // operating system command, and the other strings
  case 'P':
  case '^':
  case '_':
  case 'X':
    text_size_ = 0;
    state_ = State::Text;
    return;
  case '(':
  case ')':
  case '*':
  case '+':
  case '#':
  case '%':
  case ' ': state_ = State::OneMore; return;
  case 'D':
  case 'E': newline(); return;
  case 'Z': answers_ += "\x1b[?1;2c"; return;
  case '7': saved_ = column_; return;
  case '8': column_ = saved_; return;
  case escape_byte: state_ = State::Escape; return;
  default:
    if (static_cast<unsigned char>(c) < 0x20)
      ground(c);
  }
}

void Terminal::text(char c) {
  if (state_ == State::TextEscape) {
    state_ = State::Ground;
    if (c != '\\') // not the end of the text but a new sequence
      escape(c);
    return;
  }
  if (c == escape_byte) {
    state_ = State::TextEscape;
  } else if (c == '\x07' || ++text_size_ > most_text) {
    state_ = State::Ground;
  } else if (c == '\n') { // a text that was never ended must not swallow what follows
    state_ = State::Ground;
    newline();
  }
}

std::size_t Terminal::parameter(std::size_t place, std::size_t standard) const {
  std::size_t at = 0;
  for (; place > 0; --place) {
    at = parameters_.find(';', at);
    if (at == std::string::npos)
      return standard;
    ++at;
  }
  std::size_t value = 0;
  for (; at < parameters_.size() && parameters_[at] >= '0' && parameters_[at] <= '9' && value < 100'000; ++at)
    value = value * 10 + static_cast<std::size_t>(parameters_[at] - '0');
  return value == 0 ? standard : value;
}

void Terminal::control(char final) {
  const std::size_t one = parameter(0, 1);
  const std::size_t row_end = row_start_ + columns_;
  switch (final) {
  case 'A':
    for (std::size_t up = one; up > 0 && row_start_ >= columns_; --up) {
      row_start_ -= columns_;
      column_ -= columns_;
    }
    break;
  case 'B': row_ = std::min(std::max<std::size_t>(row_, 1) + one, rows_); break;
  case 'C': column_ = std::min(column_ + one, row_end - 1); break;
  case 'D': column_ -= std::min(one, column_ - row_start_); break;
  case 'E': newline(); break;
  case 'F': column_ = row_start_; break;
  case 'G':
  case '`': column_ = std::min(row_start_ + one, row_end) - 1; break;
  case 'H':
  case 'f':
    move_to_row(one);
    column_ = std::min(row_start_ + parameter(1, 1), row_start_ + columns_) - 1;
    break;
  case 'd': move_to_row(one); break;
  case 'K':
  case 'J':
    if (const std::size_t kind = parameter(0, 0); kind == 0)
      erase(column_, line_.size());
    else
      erase(row_start_, kind == 1 ? column_ + 1 : line_.size());
    break;
  case 'P':
    if (column_ < line_.size())
      line_.erase(column_, one);
    break;
  case '@':
    if (column_ < line_.size())
      line_.insert(column_, std::min(one, columns_), ' ');
    break;
  case 'X': erase(column_, column_ + one); break;
  case 'n':
    if (parameters_ == "5")
      answers_ += "\x1b[0n";
    else if (parameters_ == "6")
      answers_ += "\x1b[" + std::to_string(std::max<std::size_t>(row_, 1)) + ";" + std::to_string(column_ - row_start_ + 1) + "R";
    break;
  case 'c':
    if (parameters_.empty() || parameters_ == "0")
      answers_ += "\x1b[?1;2c"; // a VT100 with advanced video
    else if (parameters_.front() == '>')
      answers_ += "\x1b[>0;0;0c";
    break;
  default: // colours, modes, scrolling regions
    break;
  }
}

void Terminal::print(char c) {
  if (column_ >= row_start_ + columns_)
    row_start_ = column_;
  if (column_ > line_.size())
    line_.resize(column_, ' ');
  if (column_ == line_.size())
    line_ += c;
  else
    line_[column_] = c;
  ++column_;
}

void Terminal::newline() {
  lines_.push_back(without_blanks_at_end(std::move(line_)));
  forget_current();
  if (row_ != 0)
    row_ = std::min(row_ + 1, rows_);
}

void Terminal::erase(std::size_t from, std::size_t to) {
  to = std::min(to, line_.size());
  if (from >= to)
    return;
  if (to == line_.size())
    line_.resize(from);
  else
    std::fill(line_.begin() + static_cast<std::ptrdiff_t>(from), line_.begin() + static_cast<std::ptrdiff_t>(to), ' ');
}

// Going down is a new line; going up or staying is the same line again, which is how a screen that
// scrolls at its last row is written to.
void Terminal::move_to_row(std::size_t row) {
  if (row_ != 0 && row > row_ && !line_.empty())
    newline();
  row_ = std::min(row, rows_);
}

} // namespace banpush
