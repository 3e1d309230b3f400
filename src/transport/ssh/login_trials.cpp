#include "transport/ssh/login_trials.hpp"

#include "core/driver/pattern.hpp"
#include "transport/judgement.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace banpush {

namespace {

// Servers close after as many refusals as they please (OpenSSH: 6), and some count connections, too.
constexpr unsigned most_connections = 8;

// RFC 4253, 11.1.
constexpr unsigned too_many_connections = 12, no_more_methods = 14, illegal_user = 15;

bool words_refuse(std::string_view words) {
  // "Too many authentication failures", "Login incorrect", "Max auth tries reached", "Permission denied"
  static const Pattern refusal(R"((?i)(?:auth|passw|log[ -]?[io]n|credential|account|user\b).*)"
                               R"((?:fail|denied|refus|reject|invalid|incorrect|wrong|locked|exceed|attempts|tries|retries))"
                               R"(|(?:too many|maximum|max\b|no more|invalid|incorrect|wrong|failed|denied).*)"
                               R"((?:auth|passw|log[ -]?[io]n|credential|account|tries|attempts|retries))"
                               R"(|(?:permission|access) denied)");
  // "Too many users logged in", "maximum number of sessions", "Timeout before authentication"
  static const Pattern no_room(
      R"((?i)\b(?:users|sessions?|connections?|vtys?|lines?|clients|time-?d? ?-?out|startups|grace|busy|resources?)\b)");
  return refusal.found_in(words) && !no_room.found_in(words);
}

} // namespace

Ending ending_of(std::string_view error) {
  constexpr std::string_view disconnect = "Received SSH_MSG_DISCONNECT: ";
  const std::size_t at = error.find(disconnect);
  if (at == std::string_view::npos)
    return {error.empty() ? "without a word" : in_one_line(error), false, false};
  error.remove_prefix(at + disconnect.size());
  unsigned code = 0;
  std::from_chars(error.data(), error.data() + error.size(), code);
  const std::size_t colon = error.find(':');
  const std::string words = in_one_line(colon == std::string_view::npos ? error : error.substr(colon + 1));
  const bool refuses = code == no_more_methods || code == illegal_user || (code != too_many_connections && words_refuse(words));
  return {fmt::format("the server said \"{}\" (reason {})", words, code), refuses, true};
}

void LoginTrials::prepare(std::vector<Trial> trials, std::vector<std::string> notes) {
  trials_ = std::move(trials);
  notes_ = std::move(notes);
  prepared_ = true;
}

void LoginTrials::begin_connection() {
  ++connections_;
  judged_here_ = 0;
  for (Trial &trial : trials_)
    if (trial.judged == Trial::Judged::Partly)
      trial.judged = Trial::Judged::Not;
}

Trial *LoginTrials::next(const Offered &offered) {
  const auto fits = [&](const Trial &trial) {
    const bool taken = trial.kind == Trial::Kind::Password ? offered.password || offered.keyboard : offered.publickey;
    return trial.judged == Trial::Judged::Not && taken;
  };
  if (connections_ > 1)
    for (Trial &trial : trials_)
      if (trial.kind == Trial::Kind::Password && fits(trial))
        return &trial;
  const auto found = std::find_if(trials_.begin(), trials_.end(), fits);
  return found == trials_.end() ? nullptr : &*found;
}

void LoginTrials::accepted_in_part(Trial &trial) {
  trial.judged = Trial::Judged::Partly;
  trial.outcome = "accepted, more is asked for";
  ++judged_here_;
}

void LoginTrials::refused(Trial &trial, const std::string &outcome) {
  trial.judged = Trial::Judged::Refused;
  trial.outcome = outcome;
  ++judged_here_;
}

bool LoginTrials::goes_on(Trial *in_flight, const Ending &ending) {
  if (in_flight != nullptr && ending.refuses) {
    refused(*in_flight, "refused, and the connection ended: " + ending.words);
  } else if (in_flight != nullptr) {
    in_flight->outcome = "not answered";
    in_flight->unanswered += in_flight->kind == Trial::Kind::Password && !ending.answered ? 1 : 0;
  }
  const bool left = std::any_of(trials_.begin(), trials_.end(),
                                [](const Trial &trial) { return trial.judged == Trial::Judged::Not && trial.unanswered < 2; });
  return left && judged_here_ != 0 && connections_ < most_connections;
}

ErrorKind LoginTrials::kind() const {
  const auto is_spent = [](const Trial &trial) { return trial.judged == Trial::Judged::Refused || trial.unanswered >= 2; };
  const bool password = std::any_of(trials_.begin(), trials_.end(),
                                    [&](const Trial &trial) { return trial.kind == Trial::Kind::Password && is_spent(trial); });
  const bool all = !trials_.empty() && std::all_of(trials_.begin(), trials_.end(), is_spent);
  if (password || all || (connections_ == most_connections && judged_here_ != 0))
    return ErrorKind::Auth;
  return ErrorKind::Connect;
}

void LoginTrials::remember_unanswered(unsigned times) {
  for (Trial &trial : trials_)
    if (trial.kind == Trial::Kind::Password)
      trial.unanswered += times;
}

unsigned LoginTrials::unanswered() const {
  unsigned most = 0;
  for (const Trial &trial : trials_)
    if (trial.judged == Trial::Judged::Not)
      most = std::max(most, trial.unanswered);
  return most;
}

std::string LoginTrials::text() const {
  std::vector<std::string> tried = notes_;
  std::size_t agent_keys = 0;
  for (const Trial &trial : trials_) {
    if (trial.outcome.empty())
      continue;
    if (trial.kind == Trial::Kind::AgentKey && trial.outcome == "refused")
      ++agent_keys;
    else
      tried.push_back(fmt::format("{} ({})", trial.name, trial.outcome));
  }
  if (agent_keys != 0)
    tried.insert(tried.begin() + static_cast<std::ptrdiff_t>(notes_.size()),
                 fmt::format("{} key{} of the agent (refused)", agent_keys, agent_keys == 1 ? "" : "s"));
  return tried.empty() ? "nothing" : fmt::format("{}", fmt::join(tried, ", "));
}

} // namespace banpush
