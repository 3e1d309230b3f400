// What an exchange does where the device lost some of what was sent ahead: it finds out which lines, sends nothing more, and
// hears out what did arrive. Nothing is sent again here: what became of a line that was cut is seen by reading the device.
#include "transport/cli/cli_exchange.hpp"

#include <algorithm>
#include <utility>

namespace banpush {

CliExchange::Sent::Sent(std::size_t its_place, std::string what)
    : place(its_place), text(std::move(what)), squeezed(banpush::squeezed(text)) {}

CliExchange::Sent CliExchange::taken_off() {
  Sent front = std::move(flight_.front());
  flight_.pop_front();
  on_the_way_ -= std::min(on_the_way_, front.text.size() + state_.driver.newline.size());
  return front;
}

bool CliExchange::take_as_later_echo(const std::string &line, std::size_t from) {
  const std::string came = squeezed(line);
  for (std::size_t i = from; i < flight_.size(); ++i) {
    const Sent &later = flight_[i];
    if (later.squeezed.empty() || !came.ends_with(later.squeezed) ||
        state_.prompts.echo(flight_.front().words, line, later.text, state_.prompt).kind != Echo::Exact)
      continue;
    Sent &front = flight_.front();
    if (front.echoed && !front.damaged) { // that one came, and what it brought are its words
      finish(state_.prompt, 0);
      --i;
    }
    lose(i);
    echo_came(flight_.front());
    return true;
  }
  return false;
}

void CliExchange::lose(std::size_t lines) {
  if (lines == 0)
    return;
  state_.pace.damaged(flight_.front().with);
  if (!loss_)
    loss_ = Loss{flight_.front().place, 0};
  loss_->lines += lines;
  stopped_ = true;
  for (; lines > 0; --lines)
    taken_off();
}

bool CliExchange::waits_for_echo() const { return flight_.size() > 1 || (!flight_.empty() && !flight_.front().echoed); }

// Where the end of a line was lost the device waits for the rest of it. Ctrl-U takes back what stands there, and where it is not
// known it makes it a line that no device obeys.
bool CliExchange::probe_for_lost_lines(const std::string &current) {
  constexpr char take_back = '\x15';
  if (lost_probe_ || !waits_for_echo() || state_.prompts.length_at_start(current, state_.prompt) == 0)
    return false;
  lost_probe_ = flight_.front().words.size();
  cut_ = !Prompts::is_bare(current, state_.prompt);
  state_.wire.write((cut_ ? std::string(1, take_back) : std::string()) + state_.driver.newline);
  return true;
}

void CliExchange::note_cut(const Sent &sent) {
  if (!cut_)
    return;
  state_.pace.damaged(sent.with);
  if (!loss_)
    loss_ = Loss{sent.place, 1};
  stopped_ = true;
}

// The prompt came again behind the empty line, and no echo before it: what was sent before the empty line is not there.
bool CliExchange::lose_all_that_is_not_echoed(const std::string &current) {
  if (!lost_probe_ || !waits_for_echo() || !Prompts::is_bare(current, state_.prompt))
    return false;
  Sent &front = flight_.front();
  if (front.words.size() <= *lost_probe_ || !Prompts::is_bare(front.words.back(), state_.prompt))
    return false;
  lost_probe_.reset();
  if (front.echoed && !front.damaged)
    finish(state_.prompt, 0);
  lose(flight_.size());
  return true;
}

} // namespace banpush
