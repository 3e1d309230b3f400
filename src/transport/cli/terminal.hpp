// What a device writes to a terminal, turned into the lines a person would see: carriage returns and
// backspaces overwrite, escape sequences move the cursor or go, questions to the terminal are answered.
// ECMA-48 and the VT100 as far as network devices use them; in any chunking.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace banpush {

class Terminal {
public:
  // The size the device was told. A line longer than `columns` is one line: rows it wraps into are joined.
  Terminal(std::size_t columns, std::size_t rows) : columns_(columns), rows_(rows) {}

  void feed(std::string_view bytes);

  // The lines completed since the last call, without what ends them and without blanks at their ends.
  std::vector<std::string> take_lines() { return std::exchange(lines_, {}); }
  // The unfinished line, up to the cursor or the last character that is no blank.
  std::string current() const;
  std::size_t unfinished() const noexcept { return line_.size(); }
  // Empties the unfinished line, for what is on it has been dealt with.
  void forget_current();
  // What the terminal itself says to the device: it was asked for its state, cursor or kind.
  std::string take_answers() { return std::exchange(answers_, {}); }

private:
  enum class State { Ground, Escape, Control, Text, TextEscape, OneMore };

  void ground(char c);
  void escape(char c);
  void control(char final);
  void text(char c);
  void print(char c);
  void newline();
  void erase(std::size_t from, std::size_t to);
  void move_to_row(std::size_t row);
  // A parameter of a control sequence, by its place; `standard` where it is not given or 0.
  std::size_t parameter(std::size_t place, std::size_t standard) const;

  std::size_t columns_, rows_;
  std::string line_;
  std::size_t column_ = 0;    // of the cursor, in line_
  std::size_t row_start_ = 0; // where the visual row of the cursor begins, in line_
  std::size_t row_ = 0;       // on the screen, once the device has said it
  std::size_t saved_ = 0;     // column, by ESC 7
  State state_ = State::Ground;
  std::string parameters_; // of the control sequence that is coming in
  std::size_t text_size_ = 0;
  std::vector<std::string> lines_;
  std::string answers_;
};

} // namespace banpush
