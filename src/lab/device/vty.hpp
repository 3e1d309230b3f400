// A terminal line of an emulated device: bytes in, bytes out, with echo, editing, paging, wrapping, delays
// and noise. It knows no network.
#pragma once

#include "lab/device/shell.hpp"

#include <memory>
#include <utility>

namespace banpush::lab {

class Vty {
public:
  // `columns` are those of the pseudo-terminal, 0 for none.
  Vty(Emulated &device, const Fields &login, std::size_t columns);

  void start(Clock::time_point now);
  void receive(std::string_view bytes, Clock::time_point now);
  void tick(Clock::time_point now);
  // When tick has something to do; nothing when it waits for bytes.
  std::optional<Clock::time_point> due() const;

  std::string take_output() { return std::exchange(output_, {}); }
  // Whether all that was typed is worked off.
  bool idle() const noexcept { return !busy_until_ && input_.empty(); }
  // What is to become of the connection, once the output is out.
  Shell::Wish wish() const noexcept { return wish_; }

private:
  void work(Clock::time_point now);
  void key(char c, Clock::time_point now);
  void echo(char c);
  void repaint();
  void finish_line(Clock::time_point now);
  void respond();
  void flow();
  void page_key(char c);
  void print_prompt();
  void put_line(std::string line);
  void put(std::string_view bytes);
  std::string native(const std::string &text) const;
  std::size_t columns() const;
  std::size_t rows() const;

  Emulated &device_;
  Shell shell_;
  std::size_t pty_columns_;
  enum class Echo { On, Off, Repaint } echo_ = Echo::On;
  std::string input_, line_, output_, held_;
  std::string prompt_; // the last line of it, as printed
  bool last_was_cr_ = false, in_escape_ = false;
  bool paging_ = false, unpaged_ = false, first_prompt_ = true;
  std::size_t lines_on_page_ = 0, lines_out_ = 0, bytes_out_ = 0, scrolled_ = 0;
  std::optional<Clock::time_point> busy_until_;
  enum class Next { Nothing, Start, Line, Prompt } next_ = Next::Nothing;
  Shell::Wish wish_ = Shell::Wish::Nothing;
};

} // namespace banpush::lab
