#include "lab/network.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace banpush::lab {

namespace {

nlohmann::json fault(Emulated &device, const std::vector<std::string> &words) {
  static const std::map<std::string, Fault::Kind> kinds{{"lose", Fault::Kind::Lose},
                                                        {"hang", Fault::Kind::Hang},
                                                        {"refuse", Fault::Kind::Refuse},
                                                        {"swallow", Fault::Kind::Swallow},
                                                        {"meanwhile", Fault::Kind::Meanwhile}};
  if (words.size() < 5 || kinds.count(words[1]) == 0 || words[2] != "after")
    throw Error(ErrorKind::Usage, "fault lose|hang|refuse|swallow|meanwhile after N lines|entries [WORDS]");
  Fault fault;
  fault.kind = kinds.at(words[1]);
  fault.after = std::stoull(words[3]);
  fault.counts = words[4].rfind("line", 0) == 0 ? Fault::Counts::Lines : Fault::Counts::Entries;
  const bool of_a_line = fault.kind == Fault::Kind::Lose || fault.kind == Fault::Kind::Hang;
  if (of_a_line && words.size() > 5 && fault.counts == Fault::Counts::Entries)
    throw Error(ErrorKind::Usage, fmt::format("fault {}: the line that counts is given with `lines`", words[1]));
  for (std::size_t i = 5; i < words.size(); ++i)
    fault.words += (i == 5 ? "" : of_a_line ? " " : "\n") + words[i];
  device.add_fault(fault);
  return {{"done", true}};
}

nlohmann::json packet(Emulated &device, const std::vector<std::string> &words) {
  const auto from = words.size() > 1 ? address_of(words[1]) : std::nullopt;
  const bool before = words.size() > 2 && words[2] == "before", placed = words.size() > 2 && words[words.size() - 2] == "at";
  if (!from || words.size() != 2U + (before ? 1U : 0U) + (placed ? 2U : 0U))
    throw Error(ErrorKind::Usage, "packet ADDRESS [before] [at INTERFACE]");
  const Verdict verdict = device.packet(*from, before ? device.at_start : device.running, placed ? words.back() : "");
  return {{"passes", verdict.passes}, {"by", verdict.by}};
}

nlohmann::json told(Emulated &device, const std::vector<std::string> &words) {
  const std::string &verb = words.empty() ? std::string() : words.front();
  if (verb == "state")
    return device.state();
  if (verb == "stats")
    return device.stats();
  if (verb == "fault")
    return fault(device, words);
  if (verb == "packet")
    return packet(device, words);
  if (verb == "type") {
    std::string lines;
    for (std::size_t i = 1; i < words.size(); ++i)
      lines += words[i] + "\n";
    return {{"answer", device.type(lines)}};
  }
  if (verb == "reload")
    device.reload();
  else if (verb == "drop")
    ++device.generation;
  else if (verb == "save")
    device.save();
  else if (verb == "expire")
    device.revert();
  else if (verb == "lock")
    device.lock = words.size() > 1 ? words[1] : "";
  else if (verb == "forget")
    device.seen = Emulated::Seen{0, device.seen.open, device.seen.open, 0, 0, 0, 0, 0, 0, {}, 0};
  else
    throw Error(
        ErrorKind::Usage,
        fmt::format("\"{}\": a device is told state, stats, type, packet, fault, reload, drop, save, expire, lock or forget", verb));
  return {{"done", true}};
}

} // namespace

std::string tell(Emulated &device, const std::vector<std::string> &words) {
  return told(device, words).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::vector<std::string> words_of(const std::string &line) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < line.size();) {
    if (line[at] == ' ') {
      ++at;
      continue;
    }
    std::size_t end = at;
    if (line[at] == '"') {
      for (++end; end < line.size() && line[end] != '"'; ++end)
        end += line[end] == '\\' ? 1 : 0;
      words.push_back(nlohmann::json::parse(line.substr(at, end + 1 - at)).get<std::string>());
      at = end + 1;
      continue;
    }
    end = std::min(line.find(' ', at), line.size());
    words.push_back(line.substr(at, end - at));
    at = end;
  }
  return words;
}

} // namespace banpush::lab
