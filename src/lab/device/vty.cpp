#include "lab/device/vty.hpp"

#include <cctype>
#include <cstdlib>

namespace banpush::lab {

namespace {

constexpr char escape = '\x1b', ctrl_z = '\x1a', ctrl_c = '\x03', ctrl_d = '\x04', backspace = '\b', rubout = '\x7f';

std::size_t number(const std::string &text, std::size_t standard) {
  return text.empty() || std::isdigit(static_cast<unsigned char>(text.front())) == 0 ? standard : std::strtoul(text.c_str(), nullptr, 10);
}

} // namespace

Vty::Vty(Emulated &device, const Fields &login, std::size_t columns) : device_(device), shell_(device, login), pty_columns_(columns) {
  View view;
  for (const auto &[name, text] : login)
    view.values[name] = text;
  const std::string echo = device.description().terminal.echo.render(view);
  echo_ = echo == "off" ? Echo::Off : echo == "repaint" ? Echo::Repaint : Echo::On;
}

std::size_t Vty::columns() const {
  const std::size_t own = number(shell_.value("width"), pty_columns_);
  return own == 0 ? 100'000 : own;
}

std::size_t Vty::rows() const { return number(shell_.value("length"), 0); }

void Vty::start(Clock::time_point now) {
  busy_until_ = now + device_.variant().connect_delay;
  next_ = Next::Start;
  work(now);
}

std::optional<Clock::time_point> Vty::due() const { return wish_ == Shell::Wish::Nothing ? busy_until_ : std::nullopt; }

void Vty::tick(Clock::time_point now) { work(now); }

void Vty::receive(std::string_view bytes, Clock::time_point now) {
  const std::size_t most = device_.variant().type_ahead.value_or(device_.description().terminal.type_ahead);
  for (const char c : bytes) {
    if (busy_until_ && input_.size() >= most)
      continue; // the line's buffer is full: typed in vain
    input_ += c;
    if (!busy_until_)
      work(now);
  }
  work(now);
}

void Vty::work(Clock::time_point now) {
  while (wish_ == Shell::Wish::Nothing) {
    if (busy_until_ && now < *busy_until_)
      return;
    if (busy_until_) {
      busy_until_.reset();
      const Next next = std::exchange(next_, Next::Nothing);
      if (next == Next::Start) {
        put(native(device_.variant().motd));
        shell_.greet();
        respond();
      } else if (next == Next::Line) {
        shell_.take(std::exchange(line_, {}));
        respond();
      } else if (next == Next::Prompt) {
        print_prompt();
      }
      continue;
    }
    if (input_.empty())
      return;
    const char c = input_.front();
    input_.erase(0, 1);
    if (paging_)
      page_key(c);
    else
      key(c, now);
  }
}

void Vty::key(char c, Clock::time_point now) {
  if (in_escape_) { // answers to probes, arrow keys: nothing here edits
    in_escape_ = c == '[' || c == 'O' || std::isalpha(static_cast<unsigned char>(c)) == 0;
    return;
  }
  const bool after_cr = std::exchange(last_was_cr_, c == '\r');
  if (c == escape) {
    in_escape_ = true;
  } else if (c == '\n' && after_cr) {
    return; // the second half of a line end
  } else if (c == '\r' || c == '\n') {
    finish_line(now);
  } else if (c == ctrl_z && !device_.description().terminal.end_key.empty()) {
    line_ = device_.description().terminal.end_key;
    finish_line(now);
  } else if (c == ctrl_d && line_.empty()) {
    line_ = std::string(1, ctrl_d);
    finish_line(now);
  } else if (c == ctrl_c) {
    line_.clear();
    put(native("\n"));
    print_prompt();
  } else if (c == backspace || c == rubout) {
    if (!line_.empty())
      line_.pop_back();
  } else if (shell_.asks_for_key()) {
    line_ = std::string(1, c);
    finish_line(now);
  } else if (c != '\0') {
    line_ += c;
    echo(c);
  }
}

void Vty::echo(char c) {
  if (echo_ == Echo::Off || !shell_.echoes())
    return;
  const Terminal &terminal = device_.description().terminal;
  put(std::string_view(&c, 1));
  if (c == ' ')
    put(terminal.after_blank);
  if (echo_ == Echo::Repaint)
    repaint();
  const std::size_t width = columns();
  if (terminal.scroll && prompt_.size() + line_.size() - scrolled_ >= width - 1) {
    // The line moves to the left under a `$`; what was left of it is wiped.
    const std::size_t shown = width / 4;
    scrolled_ = line_.size() - std::min(shown, line_.size());
    const std::string tail = line_.substr(scrolled_);
    put("\r" + prompt_ + "$" + tail +
        std::string(width > prompt_.size() + tail.size() + 2 ? width - prompt_.size() - tail.size() - 2 : 0, ' '));
    put(std::string(width > prompt_.size() + tail.size() + 2 ? width - prompt_.size() - tail.size() - 2 : 0, '\b'));
  }
}

void Vty::repaint() {
  const std::size_t width = std::min<std::size_t>(columns(), 1000), taken = prompt_.size() + line_.size();
  put("\r\r" + prompt_ + line_ + std::string(width > taken ? width - taken : 0, ' ') + "\x1b[K\r" + prompt_ + line_);
}

void Vty::finish_line(Clock::time_point now) {
  scrolled_ = 0;
  if (echo_ != Echo::Off)
    put(shell_.echoes() ? device_.description().terminal.echo_end : device_.description().terminal.newline);
  next_ = Next::Line;
  busy_until_ = now + device_.variant().delay;
}

std::string Vty::native(const std::string &text) const {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r'))
      out += device_.description().terminal.newline;
    else
      out += text[i];
  return out;
}

void Vty::respond() {
  held_ += shell_.take_reply();
  unpaged_ = false;
  lines_on_page_ = 0;
  flow();
}

void Vty::flow() {
  const Terminal &terminal = device_.description().terminal;
  const bool pages = !terminal.pager.empty() && rows() != 0 && shell_.reply_pages() && !unpaged_;
  while (!held_.empty()) {
    if (pages && lines_on_page_ + 1 >= rows()) {
      put(terminal.pager);
      paging_ = true;
      return;
    }
    const std::size_t end = held_.find('\n');
    if (end == std::string::npos) {
      put(std::exchange(held_, {}));
      break;
    }
    put_line(held_.substr(0, end));
    held_.erase(0, end + 1);
    ++lines_on_page_;
  }
  wish_ = shell_.wish();
  if (wish_ != Shell::Wish::Nothing)
    return;
  next_ = Next::Prompt;
  busy_until_ = Clock::now() + shell_.take_wait();
}

void Vty::put_line(std::string line) {
  const Terminal &terminal = device_.description().terminal;
  const Variant &variant = device_.variant();
  if (variant.noise_every != 0 && ++lines_out_ % variant.noise_every == 0)
    put(native("\n" + variant.noise + "\n"));
  const std::size_t width = columns();
  for (; terminal.wrap && line.size() > width; line.erase(0, width), ++lines_on_page_)
    put(line.substr(0, width) + terminal.newline);
  put(line + terminal.newline);
}

void Vty::page_key(char c) {
  const Terminal &terminal = device_.description().terminal;
  if (c == '\n' && last_was_cr_) {
    last_was_cr_ = false;
    return;
  }
  last_was_cr_ = c == '\r';
  const bool quits = terminal.pager_quit.find(c) != std::string::npos || c == ctrl_c;
  const bool rest = terminal.pager_rest.find(c) != std::string::npos;
  if (c != ' ' && c != '\r' && c != '\n' && !quits && !rest)
    return;
  put(terminal.pager_gone);
  paging_ = false;
  if (quits)
    held_.clear();
  unpaged_ = rest;
  lines_on_page_ = c == ' ' ? 0 : rows() < 2 ? 0 : rows() - 2;
  flow();
}

void Vty::print_prompt() {
  const Terminal &terminal = device_.description().terminal;
  const std::string prompt = shell_.prompt();
  const std::size_t last = prompt.rfind('\n');
  prompt_ = last == std::string::npos ? prompt : prompt.substr(last + 1);
  std::string text = shell_.asks() ? native(prompt) : terminal.before_prompt + native(prompt);
  if (echo_ == Echo::Repaint && !shell_.asks()) {
    const std::size_t width = std::min<std::size_t>(columns(), 1000);
    text = terminal.before_prompt + "\r" + prompt_ + std::string(width > prompt_.size() ? width - prompt_.size() : 0, ' ') + "\r" + prompt_;
  }
  if (std::exchange(first_prompt_, false))
    text = terminal.probe + text;
  put(text + (shell_.asks() ? "" : terminal.after_prompt));
}

void Vty::put(std::string_view bytes) {
  const std::size_t every = device_.variant().nul_every;
  if (every == 0) {
    output_ += bytes;
    return;
  }
  for (const char c : bytes) {
    if (++bytes_out_ % every == 0)
      output_ += '\0';
    output_ += c;
  }
}

} // namespace banpush::lab
