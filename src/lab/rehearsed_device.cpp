#include "lab/rehearsed_device.hpp"

#include "files/own_files.hpp"
#include "lab/control.hpp"
#include "lab/text_file.hpp"
#include "lab/twin_configuration.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

namespace banpush::lab {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::size_t most_bytes_said = 2000; // of what banpush says beside its document

Json counted(const Json &device) {
  std::size_t lines = 0;
  const std::string script = device.value("script", "");
  for (const char c : script)
    lines += c == '\n' ? 1 : 0;
  return {{"outcome", device.value("outcome", "")},
          {"add", device.value("add", Json::array()).size()},
          {"remove", device.value("remove", Json::array()).size()},
          {"left_out", device.value("left_out", Json::array()).size()},
          {"guards", device.value("guards", Json::array())},
          {"lines", lines},
          {"bytes", script.size()},
          {"script", script},
          {"paused", device.value("paused", false)},
          {"error", device.value("error", "")}};
}

// The places where its lists decide about what comes in; one empty text where the platform decides everywhere alike.
std::vector<std::string> inward(const Device &device) {
  std::vector<std::string> all;
  for (const Attach &attach : device.attach)
    if (attach.direction == "in")
      all.push_back(attach.interface);
  return all.empty() ? std::vector<std::string>{""} : all;
}

// Whether the name stands in the text, and not as a part of a longer one.
bool names(const std::string &text, const std::string &interface) {
  const auto goes_on = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '/'; };
  for (std::size_t at = text.find(interface); at != std::string::npos; at = text.find(interface, at + 1)) {
    const std::size_t end = at + interface.size();
    if ((at == 0 || !goes_on(text[at - 1])) && (end == text.size() || !goes_on(text[end])))
      return true;
  }
  return false;
}

// A list of what is bound there, the platform's own place for that, or, where such a list comes with the first binding only, a
// name in the saved configuration.
bool knows(const Emulated &device, const std::string &interface) {
  const std::string &management = device.description().management;
  const std::string kind = management.substr(0, management.find('/'));
  if (interface.empty() || device.at_start.find(kind, interface) != nullptr || device.at_start.find(kind, interface + "-in") != nullptr)
    return true;
  const auto &saved = device.variant().saved;
  return saved ? names(*saved, interface) : management == kind + "/" + interface || management == kind + "/" + interface + "-in";
}

// Passwords and keys stand in many configurations: what follows such a word is not said.
std::string line_without_secrets(const std::string &line) {
  static const Pattern secret(
      R"re((?i)(?:[\w-]*(?:passw|passphrase|secret|psk|hash|md5|cipher|token)[\w-]*|\b[\w-]*key[\w-]*|\bcommunity|\bsecurityname|\bauth\b|\bpriv\b|\bsnmp-server host \S+)[ \t=:"'>]+(?P<rest>.+)\z)re");
  const auto match = secret.match(line);
  if (!match)
    return line;
  const std::string_view rest = *match->group("rest");
  return line.substr(0, line.size() - rest.size()) + "...";
}

std::string without_secrets(const std::string &text) {
  std::string out;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t to = std::min(text.find('\n', from), text.size());
    out += line_without_secrets(text.substr(from, to - from));
    if (to < text.size())
      out += '\n';
    from = to + 1;
  }
  return out;
}

} // namespace

RehearsedDevice::RehearsedDevice(const Config &config, const Device &device, const TwinWanted &wanted, const std::vector<Asked> &asked,
                                 const std::vector<TableCopied> &tables)
    : device_(device), wanted_(wanted), asked_(asked), folder_(fmt::format("{}/{}.twin", wanted.folder, device.name)),
      configuration_(fmt::format("{}/{}.yaml", wanted.folder, device.name)) {
  std::error_code failure;
  if (!fs::create_directory(folder_, failure))
    throw Error(ErrorKind::Config, fmt::format("cannot make the folder {}: {}", folder_, failure.message()));
  fs::permissions(folder_, fs::perms::owner_all, failure);
  network_ = std::make_unique<Network>(network_file(), wanted.platforms, folder_);
  const Emulated &twin = network_->device(device.name);
  for (const std::string &interface : inward(device))
    if (!knows(twin, interface))
      throw Error(
          ErrorKind::Config,
          wanted.saved.empty()
              ? fmt::format("attach names {}, which a {} of the lab has not; give its running configuration with --running", interface,
                            wanted.twin.platform)
              : fmt::format("attach names {}, which the lab's {} does not find in {}", interface, wanted.twin.platform, wanted.saved));
  const std::string username = twin.variant().username;
  const TwinPlace place{network_->port(device.name), username, fmt::format("{}/password_{}", folder_, device.name),
                        fmt::format("{}/enable_{}", folder_, device.name), folder_ + "/known_hosts"};
  write_file(configuration_, twin_configuration(read_document(config.path), config, device, place, tables, wanted.folder));
  const std::string no_state = copy_state(config.state, fmt::format("{}/{}.state.db", wanted.folder, device.name));
  found_ = {{"device", device.name},    {"driver", device.driver},
            {"rehearsed", true},        {"twin", {{"platform", wanted.twin.platform}, {"train", wanted.train}}},
            {"no_state", no_state},     {"risks", Json::array()},
            {"packets", Json::array()}, {"held", false},
            {"failed", false}};
  Json unread = Json::array();
  std::size_t lines = 0;
  for (const Unread &one : twin.unread) {
    unread.push_back(
        {{"line", one.line}, {"text", without_secrets(one.text)}, {"answer", without_secrets(one.answer)}, {"below", one.below}});
    lines += 1 + one.below;
  }
  found_["running"] = {{"file", wanted.saved}, {"lines", twin.lines_of_saved}, {"not_understood", lines}, {"unread", std::move(unread)}};
  serve();
}

RehearsedDevice::~RehearsedDevice() {
  if (child_ <= 0)
    return;
  ::close(stop_);
  while (::waitpid(child_, nullptr, 0) < 0 && errno == EINTR)
    ;
}

NetworkFile RehearsedDevice::network_file() const {
  Member member;
  member.name = device_.name;
  member.device = wanted_.twin.platform;
  member.train = wanted_.train;
  member.driver = device_.driver;
  Variant &variant = member.variant;
  variant.hostname = device_.name;
  if (!device_.login.username.empty())
    variant.username = device_.login.username;
  if (!wanted_.saved.empty())
    variant.saved = text_of_file(wanted_.saved);
  variant.own_lists = Variant::OwnLists::Spare;
  if (!asked_.empty()) {
    variant.own_lists = Variant::OwnLists::Judge;
    variant.seen_from = address_of(asked_.front().address);
    variant.values["from"] = asked_.front().address;
    variant.comes_in_at = asked_.front().interface.empty() ? inward(device_).front() : asked_.front().interface;
  }
  NetworkFile file;
  file.members.push_back(std::move(member));
  return file;
}

// In a process of its own, which ends when this one does.
void RehearsedDevice::serve() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    throw Error(ErrorKind::Config, "no pipe");
  child_ = ::fork();
  if (child_ < 0)
    throw Error(ErrorKind::Config, fmt::format("cannot start the lab: {}", std::strerror(errno)));
  if (child_ == 0) {
    ::close(ends[1]);
    try {
      network_->serve(ends[0]);
    } catch (...) { // what is above this in the stack is the parent's to undo
      ::_exit(1);
    }
    ::_exit(0);
  }
  ::close(ends[0]);
  stop_ = ends[1];
}

Json RehearsedDevice::told(const std::vector<std::string> &words) const {
  siginfo_t ended{};
  if (::waitid(P_PID, static_cast<id_t>(child_), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == child_)
    throw Error(ErrorKind::Connect, fmt::format("the twin of {} has ended by itself", device_.name)); // its socket is open here, too
  std::string line = Json(device_.name).dump();
  for (const std::string &word : words)
    line += " " + Json(word).dump();
  Json answer = Json::parse(converse(folder_, line), nullptr, false);
  if (answer.is_discarded() || answer.contains("error"))
    throw Error(ErrorKind::Connect, fmt::format("the twin of {} does not answer {}", device_.name, words.front()));
  return answer;
}

std::string RehearsedDevice::text() const { return told({"state"}).at("text").get<std::string>(); }

Json RehearsedDevice::banpush(const std::vector<std::string> &words) {
  std::vector<std::string> argv{devices_program(), "-c", configuration_, "--json"};
  argv.insert(argv.end(), words.begin(), words.end());
  const Ran ran = run_program(argv, folder_);
  Json said = Json::parse(ran.out, nullptr, false);
  if (said.is_discarded() || !said.is_object())
    said = {{"error", ran.err.substr(0, most_bytes_said)}};
  if (said.contains("devices") && !said["devices"].empty())
    said = Json(said["devices"].front());
  said["status"] = ran.status;
  said["took"] = ran.seconds;
  said["said"] = ran.err.substr(0, most_bytes_said);
  return said;
}

// What a step's exit status says of the whole.
void RehearsedDevice::weigh(const std::string &step, const Json &said) {
  const int status = said.at("status").get<int>();
  if (status == 5)
    found_["held"] = true;
  else if (status != 0)
    found_["failed"] = true;
  Json one = counted(said);
  if (one["paused"].get<bool>())
    found_["held"] = true; // nothing was pushed, and nobody knows what a push would come to
  one["status"] = status;
  one["seconds"] = said.at("took");
  one["said"] = said.at("said");
  found_[step] = std::move(one);
}

void RehearsedDevice::push_and_push_again() {
  const Json pushed = banpush({"push", device_.name});
  weigh("push", pushed);
  for (const Json &one : pushed.value("add", Json::array()))
    if (one.value("service", "") == "any")
      for (const char *family : {".", ":"}) {
        const std::string prefix = one.value("prefix", ""), address = prefix.substr(0, prefix.find('/'));
        if (address.find(family) != std::string::npos && !banned_.count(family))
          banned_[family] = address;
      }
  if (pushed.at("status") != 0 || pushed.value("paused", false))
    return;
  const Json again = banpush({"push", device_.name});
  weigh("push_again", again);
  if (again.value("outcome", "") == "changed") {
    found_["failed"] = true;
    found_["risks"].push_back("a second push changes it once more: what it accepted is not what it shows");
  }
  for (const Json &one : again.value("not_in_force", Json::array())) {
    found_["risks"].push_back(fmt::format("{} of its entries do not block, as {}: {}", again.at("not_in_force").size(),
                                          one.value("prefix", ""), one.value("reason", "")));
    break;
  }
}

void RehearsedDevice::ask(const Asked &from, const std::string &interface, const std::string &whose) {
  if (!knows(network_->device(device_.name), interface)) {
    found_["packets"].push_back({{"from", from.address}, {"at", interface}, {"whose", whose}, {"error", "its twin has no such interface"}});
    return;
  }
  const auto verdict = [&](bool before) {
    std::vector<std::string> words{"packet", from.address};
    if (before)
      words.emplace_back("before");
    if (!interface.empty())
      words.insert(words.end(), {"at", interface});
    return told(words);
  };
  const Json before = verdict(true), after = verdict(false);
  const std::string place = interface.empty() ? "" : " at " + interface;
  const bool passed = before.at("passes"), passes = after.at("passes");
  if (whose == "banned" && passes)
    found_["risks"].push_back(fmt::format("a packet from {}, which is banned, still passes{}{}", from.address, place,
                                          after.value("by", "").empty() ? "" : " by " + after.value("by", "")));
  if (whose == "asked" && passed && !passes)
    found_["risks"].push_back(
        fmt::format("a packet from {} passed before, and is dropped afterwards{} by {}", from.address, place, after.value("by", "")));
  found_["packets"].push_back({{"from", from.address}, {"at", interface}, {"whose", whose}, {"before", before}, {"after", after}});
}

void RehearsedDevice::ask_packets() {
  for (const Asked &from : asked_)
    for (const std::string &interface : from.interface.empty() ? inward(device_) : std::vector<std::string>{from.interface})
      ask(from, interface, "asked");
  for (const auto &[family, address] : banned_)
    for (const std::string &interface : inward(device_))
      ask({address, ""}, interface, "banned");
}

void RehearsedDevice::compare(const std::string &before, const std::string &after) {
  const std::string old = fmt::format("{}/{}.before", wanted_.folder, device_.name),
                    now = fmt::format("{}/{}.after", wanted_.folder, device_.name);
  write_file(old, before);
  write_file(now, after);
  const Ran ran =
      run_program({"diff", "-U", "2", "--label", device_.name + " before", "--label", device_.name + " after", old, now}, folder_);
  if (ran.status > 1)
    throw Error(ErrorKind::Config, fmt::format("diff ended with status {}", ran.status));
  found_["difference"] = without_secrets(ran.out);
}

Json RehearsedDevice::result() {
  const std::string before = text();
  weigh("plan", banpush({"plan", device_.name}));
  const Json set_up = banpush({"setup", device_.name, "--apply"});
  weigh("setup", set_up);
  const bool stands = set_up.at("status") == 0;
  // What plan says of a device that is not set up yet is no failure of the whole.
  found_["failed"] = !stands && found_["setup"]["status"] != 5;
  found_["held"] = found_["setup"]["status"] == 5;
  if (stands)
    push_and_push_again();
  ask_packets();
  compare(before, text());
  return found_;
}

} // namespace banpush::lab
