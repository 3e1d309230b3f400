// How an exchange finds the prompt that ends an answer: proved where words stand in front of it, learnt anew where the device
// was renamed.
#include "transport/cli/cli_exchange.hpp"
#include "transport/cli/line.hpp"
#include "transport/judgement.hpp"

#include <algorithm>
#include <utility>

namespace banpush {

bool CliExchange::look_for_prompt(const std::string &current) {
  Sent &front = flight_.front();
  if (flight_.size() > 1)
    return false; // the echo of the next line is still to come
  if (came_whole_again(current))
    take_for_whole(current);
  auto found = state_.prompts.at_end(front.words, current);
  if (!found && proof_at_ && !candidate_.empty() &&
      (squeezed(current) == squeezed(candidate_ + " " + candidate_) || squeezed(current) == squeezed(candidate_ + candidate_))) {
    state_.echoes = false; // not even the line end of the proof came back
    finish(candidate_, 0);
    return true;
  }
  if (!found)
    return look_for_a_new_name(current) || look_behind_noise(current);
  if (ends_in_prompt(current))
    return false; // silence tells whether the line goes on
  const bool no_words = std::all_of(front.words.begin(), front.words.end() - static_cast<std::ptrdiff_t>(found->lines_before),
                                    [&](const std::string &line) { return is_nothing(line); });
  if (!front.echoed && std::all_of(front.words.begin(), front.words.end(),
                                   [&](const std::string &line) { return is_blank(line) || is_noise(state_.driver, line); }))
    return false; // the prompt we typed at; the echo is still to come
  if (front.echoed && !always_prove_ && talk_.sent == CliTalk::Sent::Ahead && (no_words || has_known_words_only(*found))) {
    finish(found->text, found->lines_before);
    return true;
  }
  if (proof_at_ && prompts_behind_words(*found) >= proofs_) {
    state_.echoes = state_.echoes && front.echoed;
    finish(found->text, found->lines_before);
    return true;
  }
  // While nothing but the candidate stands behind the words, its proof is on the way; words behind it say
  // that it was none.
  if (proofs_ == most_proofs || (proof_at_ && !has_words_since_proof(*found)))
    return false;
  candidate_ = found->text;
  prove(Candidate::Current);
  return true;
}

// What the driver knows as harmless words ends in no prompt of its own.
bool CliExchange::has_known_words_only(const Prompts::Found &found) const {
  const std::vector<std::string> &words = flight_.front().words;
  std::string text;
  for (std::size_t i = 0; i + found.lines_before < words.size(); ++i)
    if (!is_nothing(words[i]))
      text += words[i] + "\n";
  return judge(state_.driver, text).accepted();
}

// The prompt came, then noise, and the device does not repeat it: IOS without `logging synchronous`.
bool CliExchange::look_behind_noise(const std::string &current) {
  const Sent &front = flight_.front();
  std::size_t end = front.words.size();
  while (end > 0 && is_blank(front.words[end - 1]))
    --end;
  if (!is_blank(current) || !front.echoed || end == 0 || !is_noise(state_.driver, front.words[end - 1]))
    return false;
  while (end > 0 && (is_blank(front.words[end - 1]) || is_noise(state_.driver, front.words[end - 1])))
    --end;
  const std::size_t from = end > 4 ? end - 4 : 0; // no prompt has more lines
  if (end == 0)
    return false;
  const std::vector<std::string> before(front.words.begin() + static_cast<std::ptrdiff_t>(from),
                                        front.words.begin() + static_cast<std::ptrdiff_t>(end) - 1);
  const auto found = state_.prompts.at_end(before, front.words[end - 1]);
  if (!found)
    return false;
  if (proof_at_ && end > *proof_at_) { // it came again, and noise again
    finish(found->text, 0);
    return true;
  }
  if (proof_at_ || proofs_ == most_proofs)
    return false;
  candidate_ = found->text;
  prove(Candidate::Line);
  return true;
}

bool CliExchange::ends_in_prompt(const std::string &current) const {
  return flight_.front().echoed && Prompts::words_before(current, state_.prompt) != 0;
}

// Words without a line end of their own in front of the prompt.
bool CliExchange::part_words_from_prompt(const std::string &current) {
  if (!ends_in_prompt(current) || proofs_ == most_proofs)
    return false;
  Sent &front = flight_.front();
  const std::size_t words = Prompts::words_before(current, state_.prompt);
  front.words.push_back(current.substr(0, words));
  front.words.push_back(std::string(trimmed_end(std::string_view(current).substr(words))));
  state_.wire.forget_current();
  prove(Candidate::Line);
  glued_ = current;
  return true;
}

// The proof shows the very same: those words belong to the prompt, which has grown.
bool CliExchange::came_whole_again(const std::string &current) const {
  const std::vector<std::string> &words = flight_.front().words;
  return !glued_.empty() && same_prompt(current, glued_) &&
         std::all_of(words.begin() + static_cast<std::ptrdiff_t>(*proof_at_), words.end(),
                     [](const std::string &line) { return is_blank(line); });
}

void CliExchange::take_for_whole(const std::string &current) {
  std::vector<std::string> &words = flight_.front().words;
  words.resize(*proof_at_ - 2);
  words.push_back(std::exchange(glued_, {}));
  proof_at_ = words.size();
  proofs_ = 1;
  candidate_ = state_.prompt = trimmed_end(current);
  of_another_name_ = !state_.prompts.at_end(words, current);
}

// While something may still be on its way it is not asked: output that looks like another device's prompt is read on in peace.
bool CliExchange::ask_for_a_new_name(const std::string &current) {
  const auto found = state_.prompts.of_another_name(flight_.front().words, current);
  if (!found || !flight_.front().echoed || proof_at_ || proofs_ == most_proofs)
    return false;
  candidate_ = found->text;
  of_another_name_ = true;
  prove(Candidate::Current);
  return true;
}

bool CliExchange::look_for_a_new_name(const std::string &current) {
  if (!of_another_name_ || !proof_at_)
    return false;
  const auto found = state_.prompts.of_another_name(flight_.front().words, current);
  if (!found || !same_prompt(found->text, candidate_) || prompts_behind_words(*found) < proofs_)
    return false;
  state_.prompts.learn(found->text);
  finish(found->text, found->lines_before);
  return true;
}

bool CliExchange::probe_behind_greeting(const std::string &current) {
  if (!always_prove_ || probed_ || proof_at_ || looks_like_question(current) || !state_.prompts.may_end(current))
    return false;
  probed_ = true;
  flight_.front().words.push_back(current);
  state_.wire.forget_current();
  state_.wire.write(state_.driver.newline);
  return true;
}

void CliExchange::prove(Candidate candidate) {
  Sent &front = flight_.front();
  proof_at_ = front.words.size();
  glued_.clear();
  ++proofs_;
  if (!state_.echoes && candidate == Candidate::Current) {
    front.words.push_back(state_.wire.current());
    state_.wire.forget_current();
  }
  state_.wire.write(state_.driver.newline);
}

bool CliExchange::is_part_of(const std::string &line, const Prompts::Found &found) const {
  return found.lines_before > 0 && !is_blank(line) && found.text.find(line) != std::string::npos;
}

unsigned CliExchange::prompts_behind_words(const Prompts::Found &found) const {
  const std::vector<std::string> &words = flight_.front().words;
  unsigned count = 0;
  for (std::size_t end = words.size() - found.lines_before; end > 0; --end) {
    const std::string &line = words[end - 1];
    if (Prompts::is_bare(line, found.text))
      ++count;
    else if (!is_blank(line) && !is_noise(state_.driver, line) && !(count > 0 && is_part_of(line, found)))
      break;
  }
  return count;
}

bool CliExchange::has_words_since_proof(const Prompts::Found &found) const {
  const std::vector<std::string> &words = flight_.front().words;
  for (std::size_t i = *proof_at_; i + found.lines_before < words.size(); ++i)
    if (!is_nothing(words[i]) && !Prompts::is_bare(words[i], found.text) && !is_part_of(words[i], found))
      return true;
  return false;
}

} // namespace banpush
