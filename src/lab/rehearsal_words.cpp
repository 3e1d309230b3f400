#include "lab/rehearsal.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace banpush::lab {

namespace {

using Json = nlohmann::json;

constexpr std::size_t most_unread = 40; // lines that are shown one by one

std::string row(const char *name, const std::string &text) { return fmt::format("  {:<11} {}\n", name, text); }

// Text of more than one line, set in below its row.
std::string set_in(const std::string &text) {
  std::string out;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t to = std::min(text.find('\n', from), text.size());
    const std::string line = text.substr(from, to - from);
    from = to + 1;
    if (!line.empty())
      out += "              " + line + "\n";
  }
  return out;
}

std::string first_line(const std::string &text) { return text.substr(0, text.find('\n')); }

std::string running_of(const Json &device) {
  const Json &running = device.at("running");
  if (running.at("file").get<std::string>().empty())
    return row("running", "none was given (--running): the twin has what its platform comes with");
  const auto lines = running.at("lines").get<std::size_t>(), missed = running.at("not_understood").get<std::size_t>();
  std::string out =
      row("running", fmt::format("{}: {} of {} lines understood", running.at("file").get<std::string>(), lines - missed, lines));
  if (missed == 0)
    return out;
  out += "              not understood, and so not on the twin; a rule of a filter among them is in none of the verdicts below:\n";
  std::size_t shown = 0;
  for (const Json &one : running.at("unread")) {
    if (shown++ == most_unread) {
      out += fmt::format("              and {} more (--json has all)\n", running.at("unread").size() - most_unread);
      break;
    }
    const auto below = one.at("below").get<std::size_t>();
    out += fmt::format("              line {}: {}{}\n", one.at("line").get<std::size_t>(), one.at("text").get<std::string>(),
                       below == 0 ? "" : fmt::format(" (and {} below it)", below));
  }
  return out;
}

std::string step_of(const Json &device, const char *step, const char *name) {
  if (!device.contains(step))
    return row(name, "not done");
  const Json &one = device.at(step);
  const auto lines = one.at("lines").get<std::size_t>();
  std::string words = one.at("outcome").get<std::string>();
  words = words == "in_sync" ? "nothing to change" : words.empty() ? "failed" : words;
  if (one.at("add").get<std::size_t>() + one.at("remove").get<std::size_t>() != 0)
    words += fmt::format(", {} to add, {} to remove", one.at("add").get<std::size_t>(), one.at("remove").get<std::size_t>());
  if (one.at("left_out").get<std::size_t>() != 0)
    words += fmt::format(", {} left out", one.at("left_out").get<std::size_t>());
  if (lines != 0)
    words += fmt::format(", {} lines, {} bytes", lines, one.at("bytes").get<std::size_t>());
  std::string out = row(name, fmt::format("{}, {:.1f} s, status {}", words, one.at("seconds").get<double>(), one.at("status").get<int>()));
  if (one.at("paused").get<bool>())
    out += set_in("paused, as the real device is: `banpush resume` ends that");
  for (const Json &guard : one.at("guards"))
    out += set_in(fmt::format("guard {}: {}", guard.value("name", ""), guard.value("message", "")));
  if (const auto error = one.at("error").get<std::string>(); !error.empty())
    out += set_in(error);
  else if (one.at("status") != 0)
    out += set_in(one.at("said").get<std::string>());
  return out;
}

std::string verdict_of(const Json &verdict) {
  const auto by = verdict.value("by", "");
  return (verdict.at("passes").get<bool>() ? "passes" : "is dropped") + (by.empty() ? " (no entry decides)" : " (" + by + ")");
}

std::string packets_of(const Json &device) {
  std::string out;
  for (const Json &one : device.at("packets")) {
    const auto at = one.at("at").get<std::string>();
    const std::string whom = fmt::format("from {}{}{}", one.at("from").get<std::string>(), at.empty() ? "" : " at " + at,
                                         one.at("whose") == "banned" ? ", which is banned" : "");
    if (one.contains("error"))
      out += row("packet", fmt::format("{}: not asked, {}", whom, one.at("error").get<std::string>()));
    else
      out +=
          row("packet", fmt::format("{}: before it {}; afterwards it {}", whom, verdict_of(one.at("before")), verdict_of(one.at("after"))));
  }
  return out;
}

std::string words_of_device(const Json &device) {
  const Json &twin = device.at("twin");
  const auto train = twin.at("train").get<std::string>();
  std::string out =
      fmt::format("\n{}: driver {}, twin {}{}\n", device.at("device").get<std::string>(), device.at("driver").get<std::string>(),
                  twin.at("platform").get<std::string>(), train.empty() ? "" : ", train " + train);
  out += running_of(device);
  if (const auto none = device.at("no_state").get<std::string>(); !none.empty())
    out += row("state", "no ledger and no pauses are known here: " + first_line(none));
  for (const auto &[step, name] : {std::pair{"plan", "plan"}, {"setup", "setup"}, {"push", "push"}, {"push_again", "push again"}})
    out += step_of(device, step, name);
  out += packets_of(device);
  for (const Json &risk : device.at("risks"))
    out += row("RISK", risk.get<std::string>());
  const auto difference = device.at("difference").get<std::string>();
  out += row("difference", difference.empty() ? "none: the running configuration is as it was" : "of the twin's running configuration:");
  return out + difference;
}

const char *words_of_status(int status) {
  switch (status) {
  case 0: return "all devices were rehearsed, and nothing was found";
  case 1: return "a step failed on a twin";
  case 4: return "what was rehearsed went well; not every device could be";
  default: return "a guard refused or held something, or a risk was found: a person decides";
  }
}

} // namespace

std::string rehearsal_text(const Json &rehearsal) {
  std::string out = fmt::format("Rehearsal of {}, on emulated twins. No real device, table, state or spool was written.\n",
                                rehearsal.at("configuration").get<std::string>());
  for (const Json &table : rehearsal.at("bans"))
    out += fmt::format("bans: {} rows of {}{}\n", table.at("rows").get<std::size_t>(), table.at("from").get<std::string>(),
                       rehearsal.at("bans").size() > 1 ? ", as table " + table.at("table").get<std::string>() : "");
  if (rehearsal.at("from").empty())
    out += "from: no address was given (--from): whether you are cut off was not asked, and lists silence no session here\n";
  else
    out += fmt::format("from: banpush's sessions come from {}, as far as the twins can tell\n",
                       rehearsal.at("from").front().get<std::string>());
  std::string missing;
  for (const Json &device : rehearsal.at("devices"))
    if (device.at("rehearsed").get<bool>())
      out += words_of_device(device);
    else
      missing += fmt::format("  {}: {}\n", device.at("device").get<std::string>(), device.at("why").get<std::string>());
  if (!missing.empty())
    out += "\nnot rehearsed:\n" + missing;
  out +=
      "\nAn emulated twin is not the router: it knows the lines of its platform that docs/lab.md names, takes no traffic, has no hardware "
      "limits, and answers at once; the seconds above are banpush's own and the twin's. Names were looked up, gateways and logins of "
      "this host were protected, as in a real run; bans that wait in the spool, and `probe`, were left out.\n";
  if (!rehearsal.at("folder").is_null())
    out += fmt::format("files: {}\n", rehearsal.at("folder").get<std::string>());
  const int status = rehearsal.at("status");
  return out + fmt::format("status {}: {}\n", status, words_of_status(status));
}

} // namespace banpush::lab
