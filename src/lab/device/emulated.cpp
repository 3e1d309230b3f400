#include "lab/device/emulated.hpp"

#include "lab/device/saved.hpp"
#include "lab/device/shell.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace banpush::lab {

namespace {

constexpr std::size_t most_lines = 200'000, most_history = 50;

nlohmann::json json_of(const Description &description, const Configuration &configuration) {
  nlohmann::json all = nlohmann::json::object();
  for (const auto &[kind, lists] : configuration.lists)
    for (const auto &[name, list] : lists) {
      nlohmann::json one{{"name", name}, {"in_use", configuration.in_use(kind, name)}, {"notes", list.notes}};
      one["entries"] = nlohmann::json::array();
      for (const Entry &entry : list.entries) {
        nlohmann::json item{{"key", entry.key}, {"line", description.lists.at(kind).line.render(view_of(entry))}};
        item["number"] = entry.number ? nlohmann::json(*entry.number) : nlohmann::json(nullptr);
        for (const char *field : {"prefix", "action", "direction", "inactive"})
          if (const auto found = entry.fields.find(field); found != entry.fields.end() && !found->second.empty())
            item[field] = found->second;
        if (!entry.refers.empty())
          item["refers"] = entry.refers;
        one["entries"].push_back(std::move(item));
      }
      all[kind][name] = std::move(one);
    }
  return all;
}

} // namespace

Emulated::Emulated(Description description, Variant variant) : description_(std::move(description)), variant_(std::move(variant)) {
  running.settings = description_.settings;
  if (variant_.hostname.empty())
    variant_.hostname = description_.hostname;
  if (variant_.saved)
    take_over(*this, *variant_.saved);
  for (const std::string &lines : {variant_.saved ? std::string() : description_.config, variant_.config})
    if (const std::string answer = type(lines); !answer.empty())
      throw Error(ErrorKind::Config, fmt::format("{}: its configuration is refused: {}", variant_.hostname, answer));
  startup = running;
  at_start = running;
}

const Configuration &Emulated::shown() const { return Clock::now() - changed_at_ < description_.shown_after ? before_changes_ : running; }

void Emulated::about_to_change() {
  if (description_.shown_after.count() == 0)
    return;
  const auto now = Clock::now();
  if (now - changed_at_ >= description_.shown_after)
    before_changes_ = running;
  changed_at_ = now;
}

void Emulated::commit(Configuration next) {
  history.push_front(std::move(running));
  if (history.size() > most_history)
    history.pop_back();
  running = std::move(next);
  ++changes;
  ++version;
  ++seen.commits;
  if (description_.saves == Description::Saves::ByCommit)
    startup = running;
}

void Emulated::start_timer(milliseconds length, Configuration back) { revert_ = Revert{Clock::now() + length, std::move(back)}; }

void Emulated::revert() {
  if (!revert_)
    return;
  ++seen.reverts;
  Configuration back = std::move(revert_->back);
  revert_.reset();
  running = std::move(back);
  ++changes;
  shared.reset();
  ++version;
  if (description_.saves == Description::Saves::ByCommit)
    startup = running;
}

void Emulated::save() {
  ++seen.saves;
  startup = running;
}

void Emulated::reload() {
  ++seen.reloads;
  ++generation;
  ++changes;
  running = reloaded(description_, description_.saves == Description::Saves::Always ? running : startup);
  startup = running;
  shared.reset();
  named.clear();
  revert_.reset();
  if (lock_owner != nullptr)
    lock.clear();
  lock_owner = nullptr;
}

void Emulated::tick(Clock::time_point now) {
  if (revert_ && now >= revert_->at)
    revert();
}

milliseconds Emulated::minutes(double count) const {
  return milliseconds(static_cast<milliseconds::rep>(count * static_cast<double>(variant_.minute.count())));
}

void Emulated::add_fault(Fault fault) { faults_.push_back(std::move(fault)); }

bool Fault::counts_line(std::string_view line) const {
  if (words.empty() || (kind != Kind::Lose && kind != Kind::Hang))
    return true;
  const bool by_beginning = words.back() == '*';
  const std::string_view only(words.data(), words.size() - (by_beginning ? 1 : 0));
  return (by_beginning ? line.substr(0, only.size()) : line) == only;
}

std::optional<Fault> Emulated::strikes(Fault::Counts counts, std::string_view line) {
  std::optional<Fault> struck;
  for (Fault &fault : faults_)
    if (fault.counts == counts && fault.counts_line(line) && fault.after != 0 && --fault.after == 0 && !struck)
      struck = fault;
  faults_.erase(std::remove_if(faults_.begin(), faults_.end(), [](const Fault &fault) { return fault.after == 0; }), faults_.end());
  return struck;
}

std::string Emulated::type(const std::string &lines) {
  if (lines.empty())
    return {};
  Shell console(*this, {}, Shell::Origin::Console);
  std::size_t from = 0;
  while (from < lines.size()) {
    std::size_t end = lines.find('\n', from);
    end = end == std::string::npos ? lines.size() : end;
    const std::string line = lines.substr(from, end - from);
    from = end + 1;
    console.take(line);
    const std::string reply = console.take_reply();
    if (!reply.empty())
      return fmt::format("\"{}\": {}", line, reply);
  }
  ++version;
  ++changes;
  return {};
}

std::string Emulated::configuration_text(const Configuration &which) const {
  const TextTemplate &form = description_.shows.at(description_.configuration);
  View view = shown_lists(description_, which, form, {});
  for (const auto &[name, text] : which.settings)
    view.values.emplace(name, text);
  view.values["hostname"] = variant_.hostname;
  return form.render(view);
}

Verdict Emulated::packet(const Address &from, const Configuration &in, const std::string &interface) const {
  const std::string &name = interface.empty() ? variant_.comes_in_at : interface;
  if (name.empty())
    return judged(description_, in, description_.management, from);
  const std::string kind = description_.management.substr(0, description_.management.find('/'));
  // What is bound inwards has a list of its own where a platform binds both ways.
  return judged(description_, in, kind + "/" + (in.find(kind, name) != nullptr ? name : name + "-in"), from);
}

bool Emulated::session_passes(const Address &peer) const {
  return variant_.own_lists == Variant::OwnLists::Spare || packet(variant_.seen_from.value_or(peer)).passes;
}

void Emulated::saw(const std::string &mode, const std::string &line) {
  ++seen.lines_count;
  if (seen.lines.size() < most_lines)
    seen.lines.push_back({mode, line});
}

nlohmann::json Emulated::state() const {
  const Configuration &kept = description_.saves == Description::Saves::Always ? running : startup;
  return {{"hostname", variant_.hostname},
          {"running", json_of(description_, running)},
          {"startup", json_of(description_, kept)},
          {"text", configuration_text(running)},
          {"settings", running.settings},
          {"saved", running == kept},
          {"lock", lock},
          {"timer", timer_runs()},
          {"pending", named.size()}};
}

nlohmann::json Emulated::stats() const {
  nlohmann::json lines = nlohmann::json::array();
  for (const Seen::Line &line : seen.lines)
    lines.push_back({{"mode", line.mode}, {"line", line.text}});
  return {{"opened", seen.opened},
          {"open", seen.open},
          {"peak", seen.peak},
          {"refused", seen.refused},
          {"failed_logins", seen.failed_logins},
          {"saves", seen.saves},
          {"reloads", seen.reloads},
          {"reverts", seen.reverts},
          {"commits", seen.commits},
          {"lines_count", seen.lines_count},
          {"lines", std::move(lines)}};
}

} // namespace banpush::lab
