#include "transport/cli/cli_exchange.hpp"

#include "transport/cli/line.hpp"
#include "transport/judgement.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace banpush {

namespace {

using namespace std::chrono_literals;

// Behind which what stands at the end without a line end is looked at once more: an unknown question, or
// a proof that the device threw away with what was typed ahead.
constexpr auto quiet = 3s;

// What a line may take, however many there are: platforms that work each off by itself take a fifth of a second.
constexpr auto a_line = 2s;

// Lines come back as echoes, some of them several times, and behind each a prompt.
std::size_t bytes_for(const CliTalk &talk) {
  std::size_t bytes = talk.most_bytes;
  for (const std::string &line : talk.lines)
    bytes += 4 * line.size() + 512;
  return bytes;
}

} // namespace

CliExchange::CliExchange(CliState &state, CliTalk talk, Answered answered)
    : state_(state), talk_(talk), answered_(std::move(answered)), allowance_(bytes_for(talk), talk.silence, a_line * talk.lines.size()),
      answers_(talk.ask.size()) {}

void CliExchange::wait_for_prompt() {
  always_prove_ = true;
  flight_.emplace_back(0, std::string()).echoed = true;
  run();
}

void CliExchange::run() {
  const auto patience = std::min<Clock::duration>(quiet, talk_.silence / 2);
  heard_ = quiet_from_ = Clock::now();
  state_.pace.begin(talk_.window);
  for (std::size_t moved = state_.wire.moved(); !done() && question_.empty();) {
    send_ahead();
    const bool heard = receive(Clock::now());
    if (state_.wire.moved() != moved) {
      moved = state_.wire.moved();
      heard_ = quiet_from_ = Clock::now();
    }
    if (heard) {
      absorb();
      continue;
    }
    if (settle())
      continue;
    const auto now = Clock::now();
    if (now >= quiet_from_ + patience) {
      quiet_from_ = now;
      if (settle_in_silence())
        continue;
    }
    if (now >= heard_ + talk_.silence)
      fail_silent();
    if (receive(std::min({heard_ + talk_.silence, quiet_from_ + patience, allowance_.end()})))
      absorb();
  }
}

bool CliExchange::receive(Clock::time_point deadline) {
  try {
    allowance_.check_time();
    while (!allowance_.has_room()) {
      state_.wire.pause(Allowance::pause);
      allowance_.prolong(Allowance::pause);
      heard_ = Clock::now();
    }
    const std::size_t before = state_.wire.received();
    const bool heard = state_.wire.receive(deadline);
    allowance_.received(state_.wire.received() - before);
    allowance_.pieces(0, text_ + state_.wire.unfinished());
    return heard;
  } catch (const Error &error) {
    if (error.kind() != ErrorKind::Device)
      throw;
    fail_talking(error);
  }
}

void CliExchange::fail_talking(const Error &why) const {
  const std::string last = last_words();
  throw Error(why.kind(),
              fmt::format("{}: {}{}", state_.device, why.what(), last.empty() ? "" : fmt::format("; the last it said was \"{}\"", last)));
}

void CliExchange::send_ahead() {
  if (talk_.sent == CliTalk::Sent::Together) {
    send_together();
    return;
  }
  if (!flight_.empty() && !state_.pace.is_time(on_the_way_))
    return;
  std::string together;
  while (!stopped_ && next_ < talk_.lines.size()) {
    const std::string &text = talk_.lines[next_];
    const std::size_t bytes = text.size() + state_.driver.newline.size();
    // Where a question may come, the next line would be its answer.
    if (!flight_.empty() && (!talk_.ask.empty() || !state_.echoes || !state_.pace.allows(flight_.size() + 1, on_the_way_ + bytes)))
      break;
    on_the_way_ += bytes;
    flight_.emplace_back(next_++, text).echoed = !state_.echoes;
    flight_.back().with = on_the_way_;
    together += text + state_.driver.newline;
  }
  if (together.empty())
    return;
  if (!state_.echoes)
    state_.wire.forget_current(); // the answer will begin on the prompt's line
  state_.wire.write(together);
}

void CliExchange::send_together() {
  if (next_ != 0)
    return;
  std::string together;
  for (; next_ < talk_.lines.size(); ++next_) {
    flight_.emplace_back(next_, talk_.lines[next_]);
    together += talk_.lines[next_] + state_.driver.newline;
  }
  on_the_way_ = together.size();
  for (Sent &sent : flight_)
    sent.with = on_the_way_;
  state_.wire.write(together + state_.driver.newline);
}

void CliExchange::absorb() {
  std::vector<std::string> lines = state_.wire.take_lines();
  for (const std::string &line : lines)
    text_ += line.size() + 1;
  try {
    allowance_.pieces(lines.size(), text_);
  } catch (const Error &error) {
    fail_talking(error);
  }
  for (std::string &line : lines)
    take(std::move(line));
}

void CliExchange::take(std::string line) {
  if (flight_.empty())
    return;                      // late noise
  if (!answered_line_.empty()) { // the question, and our answer behind it
    const bool same = line.compare(0, answered_line_.size(), answered_line_) == 0;
    answered_line_.clear();
    if (same)
      return;
  }
  if (!answered_with_.empty()) {
    const bool same = squeezed(line) == squeezed(answered_with_);
    answered_with_.clear();
    if (same)
      return;
  }
  Sent &front = flight_.front();
  if (front.echoed) {
    take_behind_echo(front, std::move(line));
    return;
  }
  switch (state_.prompts.echo(front.words, line, front.text, state_.prompt).kind) {
  case Echo::Damaged:
    if (!state_.last_line.empty() && state_.prompts.echo(front.words, line, state_.last_line, state_.prompt).kind == Echo::Exact)
      return; // of the line before, once more
    if (take_as_later_echo(line, 1))
      return;
    front.damaged = true;
    note_cut(front);
    if (flight_.size() > 1 || talk_.sent == CliTalk::Sent::Together)
      state_.pace.damaged(front.with);
    [[fallthrough]];
  case Echo::Bare:
  case Echo::Exact: echo_came(front); return;
  case Echo::None: front.words.push_back(std::move(line));
  }
}

void CliExchange::echo_came(Sent &sent) {
  sent.echoed = true;
  std::erase_if(sent.words, [this](const std::string &word) { return is_nothing(word); }); // from before it
  proof_at_.reset();
  lost_probe_.reset();
  cut_ = false;
  if (talk_.sent == CliTalk::Sent::Together && flight_.size() == 1) { // its proof is on the way already
    proof_at_ = sent.words.size();
    proofs_ = 1;
  }
}

void CliExchange::take_behind_echo(Sent &front, std::string line) {
  const bool nothing_yet = std::all_of(front.words.begin(), front.words.end(), [](const std::string &one) { return is_blank(one); });
  if (nothing_yet && !front.text.empty()) {
    const Echo again = state_.prompts.echo(front.words, line, front.text, state_.prompt).kind;
    const bool next_is_the_same = flight_.size() > 1 && flight_[1].text == front.text;
    if (again == Echo::Bare || (again == Echo::Exact && !next_is_the_same))
      return; // some echo twice
  }
  if (flight_.size() == 1) {
    front.words.push_back(std::move(line));
    return;
  }
  const std::string bare = squeezed(line);
  if (std::any_of(flight_.begin() + 1, flight_.end(), [&](const Sent &sent) { return sent.squeezed == bare; }))
    return; // typed ahead, and echoed by the device's kernel before its program reads it
  Prompts::Echoed echoed = state_.prompts.echo(front.words, line, flight_[1].text, state_.prompt);
  if (echoed.kind == Echo::None || (echoed.kind == Echo::Damaged && take_as_later_echo(line, 2))) {
    if (echoed.kind == Echo::None)
      front.words.push_back(std::move(line));
    return;
  }
  if (!is_blank(echoed.words) && !is_cut_echo(echoed.words))
    front.words.push_back(std::string(trimmed_end(echoed.words)));
  finish(echoed.prompt ? echoed.prompt->text : state_.prompt, echoed.prompt ? echoed.prompt->lines_before : 0);
  if (echoed.kind == Echo::Damaged) {
    flight_.front().damaged = true;
    note_cut(flight_.front());
    state_.pace.damaged(flight_.front().with);
  }
  echo_came(flight_.front());
}

// The device's kernel echoed what was typed ahead, until the prompt cut it off.
bool CliExchange::is_cut_echo(const std::string &words) const {
  const std::string cut = squeezed(words);
  return std::any_of(flight_.begin(), flight_.end(), [&](const Sent &sent) { return sent.squeezed.find(cut) != std::string::npos; });
}

bool CliExchange::is_nothing(const std::string &line) const {
  return is_blank(line) || is_noise(state_.driver, line) || Prompts::is_bare(line, state_.prompt);
}

bool CliExchange::is_answered(const std::string &current) const {
  return !answered_line_.empty() && current.compare(0, answered_line_.size(), answered_line_) == 0;
}

bool CliExchange::settle() {
  if (flight_.empty())
    return false;
  const std::string current = state_.wire.current();
  if (is_answered(current))
    return false; // not a word since our answer
  return answer_pager(current) || lose_all_that_is_not_echoed(current) || answer_question(current) || look_for_prompt(current);
}

bool CliExchange::answer_pager(const std::string &current) {
  if (is_blank(current) || !state_.driver.pager.found_in(current))
    return false;
  state_.paged = true;
  state_.wire.forget_current(); // the device takes it away itself, by blanks or not at all
  state_.wire.write(state_.driver.pager_answer);
  return true;
}

bool CliExchange::answer_question(const std::string &current) {
  Sent &front = flight_.front();
  if (!front.echoed || (!is_blank(current) && state_.prompts.length_at_start(current, state_.prompt) != 0))
    return false;
  // Most questions wait on their own line; some end it.
  const bool on_line = is_blank(current);
  if (on_line && front.words.empty())
    return false;
  const std::string asked = on_line ? front.words.back() : current;
  for (std::size_t i = 0; i < talk_.ask.size(); ++i) {
    if (!talk_.ask[i].question.found_in(asked) || answers_[i] == talk_.most_answers)
      continue;
    ++answers_[i];
    if (on_line) {
      front.words.pop_back();
      answered_with_ = talk_.ask[i].answer;
    } else {
      answered_line_ = trimmed_end(current);
    }
    state_.wire.write(talk_.ask[i].answer + state_.driver.newline);
    return true;
  }
  return false;
}

bool CliExchange::settle_in_silence() {
  const std::string current = state_.wire.current();
  if (is_answered(current))
    return false; // it thinks about our answer (a password that another server looks at)
  if (probe_for_lost_lines(current))
    return true;
  if (flight_.size() != 1)
    return false;
  Sent &front = flight_.front();
  if (part_words_from_prompt(current))
    return true;
  if (const auto found = state_.prompts.at_end(front.words, current); found && proof_at_) {
    // Some throw away what is typed ahead, at the login above all.
    if (prompts_behind_words(*found) > 0)
      finish(found->text, found->lines_before);
    else if (proofs_ < most_proofs)
      prove(Candidate::Current);
    return true;
  }
  if (ask_for_a_new_name(current) || probe_behind_greeting(current))
    return true;
  const bool at_prompt = state_.prompts.length_at_start(current, state_.prompt) != 0;
  if (!front.echoed || at_prompt || is_blank(current) || !looks_like_question(current))
    return false; // a finished line may end in anything
  question_ = last_words();
  return true;
}

void CliExchange::finish(const std::string &prompt, std::size_t lines_of_prompt) {
  Sent front = taken_off();
  if (!front.damaged)
    state_.pace.answered(front.text.size() + state_.driver.newline.size(), front.at,
                         next_ < talk_.lines.size() ? CliPace::Waiting::Lines : CliPace::Waiting::None, Clock::now());
  auto &words = front.words;
  words.resize(words.size() - lines_of_prompt);
  const std::size_t first_of_last = prompt.rfind('\n');
  const auto heads = first_of_last == std::string::npos ? 0 : std::count(prompt.begin(), prompt.end(), '\n');
  while (true) { // the prompts of proofs, with noise between
    std::size_t end = words.size();
    while (end > 0 && (is_blank(words[end - 1]) || is_noise(state_.driver, words[end - 1])))
      --end;
    if (end == 0 || !Prompts::is_bare(words[end - 1], prompt))
      break;
    words.resize(end - 1);
    for (auto head = heads; head > 0 && !words.empty() && prompt.find(words.back()) != std::string::npos; --head)
      words.pop_back();
  }
  while (!words.empty() && is_blank(words.back()))
    words.pop_back();
  state_.prompt = prompt;
  if (!always_prove_)
    state_.prompts.learn(prompt);
  state_.last_line = front.text;
  proof_at_.reset();
  of_another_name_ = false;
  glued_.clear();
  proofs_ = 0;
  std::fill(answers_.begin(), answers_.end(), 0);
  if (always_prove_)
    next_ = talk_.lines.size();
  else if (!answered_(front.place, words))
    stopped_ = true;
}

std::string CliExchange::last_words() const {
  std::string words = state_.wire.current();
  if (!flight_.empty() && words.size() < 20)
    for (auto line = flight_.front().words.rbegin(); line != flight_.front().words.rend(); ++line)
      if (!is_blank(*line)) {
        words = *line + "\n" + words;
        break;
      }
  return in_one_line(words);
}

void CliExchange::fail_silent() const {
  const std::string last = last_words();
  throw Error(ErrorKind::Connect,
              fmt::format("{}: silent for {} s; {}", state_.device, std::chrono::duration<double>(talk_.silence).count(),
                          last.empty() ? "it had said nothing" : fmt::format("the last it said was \"{}\"", last)));
}

} // namespace banpush
