// banpush-lab: emulated routers and switches behind real SSH on the loopback interface, to rehearse and to
// test with.
#include "lab/control.hpp"
#include "lab/network.hpp"
#include "lab/passing_folder.hpp"
#include "lab/platforms.hpp"
#include "lab/rehearsal.hpp"

#include "files/own_files.hpp"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <iostream>
#include <libssh/libssh.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;
using banpush::Error;
using banpush::ErrorKind;
using banpush::lab::converse;
using banpush::lab::Network;

struct Options {
  std::string file, folder, name;
  std::vector<std::string> devices, words;
  banpush::lab::RehearsalOptions rehearsal;
  bool json = false, keep = false;
};

std::vector<std::string> device_folders(const Options &options) {
  std::vector<std::string> folders = options.devices;
  if (!options.file.empty())
    folders.push_back(fs::absolute(options.file).parent_path().string());
  folders.push_back(banpush::device_folder());
  return folders;
}

std::string new_folder(const Options &options) {
  if (!options.folder.empty()) {
    std::error_code failure;
    if (fs::create_directories(options.folder, failure))
      fs::permissions(options.folder, fs::perms::owner_all);
    if (failure)
      throw Error(ErrorKind::Config, fmt::format("cannot make the folder {}: {}", options.folder, failure.message()));
    return fs::absolute(options.folder).string();
  }
  std::string pattern = (fs::temp_directory_path() / "banpush-lab-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr)
    throw Error(ErrorKind::Config, fmt::format("cannot make a folder {}: {}", pattern, std::strerror(errno)));
  return pattern;
}

// Before the first file is written: the folder is this lab's until the process ends. A lab that runs there keeps its files, and so
// does a folder of somebody else's.
void claim(const std::string &folder) {
  const std::string mark = folder + "/lab.lock";
  std::error_code ignored;
  if (!fs::exists(mark, ignored) && fs::exists(folder + "/banpush.yaml", ignored))
    throw Error(ErrorKind::Usage,
                fmt::format("{} holds a banpush.yaml that no lab made; give a folder of the lab's own with --dir", folder));
  const int lock = ::open(mark.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600); // never closed
  if (lock < 0)
    throw Error(ErrorKind::Config, fmt::format("cannot write to {}: {}", folder, std::strerror(errno)));
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0)
    throw Error(ErrorKind::Usage, fmt::format("a lab is up in {}; `banpush-lab down -d {}` ends it", folder, folder));
  ::unlink((folder + "/lab.sock").c_str()); // of a lab that was killed
}

// The folder of the lab that runs: the one that was named, or the only one there is.
std::string running_folder(const Options &options) {
  if (!options.folder.empty())
    return options.folder;
  if (const char *named = std::getenv("BANPUSH_LAB"))
    return named;
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto &entry : fs::directory_iterator(fs::temp_directory_path(), ignored))
    if (entry.path().filename().string().rfind("banpush-lab-", 0) == 0 && fs::exists(entry.path() / "lab.sock", ignored))
      found.push_back(entry.path().string());
  if (found.size() == 1)
    return found.front();
  std::string all;
  for (const std::string &one : found)
    all += "\n  " + one;
  throw Error(ErrorKind::Usage, found.empty() ? "no lab is up" : "several labs are up; say which with --dir:" + all);
}

void say_ready(const std::string &folder, const std::string &configuration) {
  std::cout << fmt::format("lab {}\nbanpush configuration {}\n", folder, configuration) << std::flush;
}

// SIGTERM and SIGINT as something to poll.
int signals() {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGTERM);
  sigaddset(&wanted, SIGINT);
  sigaddset(&wanted, SIGHUP);
  sigprocmask(SIG_BLOCK, &wanted, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return ::signalfd(-1, &wanted, SFD_CLOEXEC);
}

void run(const Options &options) {
  const int stop = signals();
  const std::string folder = new_folder(options);
  claim(folder);
  Network network(banpush::lab::read_network(options.file), device_folders(options), folder);
  say_ready(folder, network.configuration());
  // Whoever started it ends it by closing its input, even by dying.
  const pid_t watcher = ::fork();
  if (watcher == 0) {
    char byte;
    while (::read(STDIN_FILENO, &byte, 1) > 0)
      ;
    ::kill(::getppid(), SIGTERM);
    ::_exit(0);
  }
  network.serve(stop);
  ::kill(watcher, SIGKILL);
  ::waitpid(watcher, nullptr, 0);
}

void up(const Options &options) {
  const std::string folder = new_folder(options);
  claim(folder);
  int ready[2];
  if (::pipe2(ready, O_CLOEXEC) != 0)
    throw Error(ErrorKind::Config, "no pipe");
  const pid_t child = ::fork();
  if (child != 0) {
    ::close(ready[1]);
    std::string words;
    char buffer[4096];
    for (ssize_t got; (got = ::read(ready[0], buffer, sizeof buffer)) > 0;)
      words.append(buffer, static_cast<std::size_t>(got));
    if (words.rfind("ok ", 0) != 0)
      throw Error(ErrorKind::Config, words.empty() ? "the lab ended before it was up" : words);
    say_ready(folder, words.substr(3));
    return;
  }
  ::setsid();
  try {
    const int stop = signals();
    Network network(banpush::lab::read_network(options.file), device_folders(options), folder);
    const int null = ::open("/dev/null", O_RDWR);
    for (const int fd : {0, 1, 2})
      ::dup2(null, fd);
    const std::string words = "ok " + network.configuration();
    if (::write(ready[1], words.data(), words.size()) < 0)
      ::_exit(1);
    ::close(ready[1]);
    network.serve(stop);
  } catch (const std::exception &error) {
    const std::string words = error.what();
    if (::write(ready[1], words.data(), words.size()) < 0)
      ::_exit(1);
  }
  ::_exit(0); // the parent's buffers and handlers are not ours to run
}

// Its process holds the folder's lock to its very end; until then no other lab can be up there.
bool has_ended(const std::string &folder) {
  const int lock = ::open((folder + "/lab.lock").c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  const bool ended = lock < 0 || ::flock(lock, LOCK_EX | LOCK_NB) == 0;
  if (lock >= 0)
    ::close(lock);
  return ended;
}

void down(const Options &options) {
  const std::string folder = running_folder(options);
  converse(folder, "down");
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!has_ended(folder)) {
    if (std::chrono::steady_clock::now() >= end)
      throw Error(ErrorKind::Connect, fmt::format("the lab in {} was told to end, and has not ended within 30 s", folder));
    ::usleep(10'000);
  }
  std::cout << fmt::format("down; its files are in {}\n", folder);
}

void tell(const Options &options) {
  std::string line = nlohmann::json(options.name).dump();
  for (const std::string &word : options.words)
    line += " " + nlohmann::json(word).dump();
  const std::string answer = converse(running_folder(options), line);
  std::cout << answer;
  if (answer.rfind("{\"error\"", 0) == 0)
    throw Error(ErrorKind::Usage, "the lab refused");
}

void list_devices(const Options &options) {
  const auto all = banpush::lab::find_platforms(device_folders(options));
  if (options.json) {
    nlohmann::json devices = nlohmann::json::array();
    for (const auto &one : all) {
      devices.push_back({{"device", one.name}, {"file", one.file}, {"about", one.about}, {"trains", one.trains}, {"drivers", {}}});
      for (const auto &[driver, train] : one.stands_for)
        devices.back()["drivers"].push_back({{"driver", driver}, {"train", train}});
    }
    std::cout << nlohmann::json{{"schema", 1}, {"devices", std::move(devices)}}.dump(2) << '\n';
    return;
  }
  for (const auto &one : all) {
    std::cout << fmt::format("{}: {}\n", one.name, one.about);
    for (const std::string &train : one.trains)
      std::cout << fmt::format("    train {}\n", train);
    for (const auto &[driver, train] : one.stands_for)
      if (driver != one.name)
        std::cout << fmt::format("    also for the driver {}{}\n", driver, train.empty() ? "" : ", as its train " + train);
  }
}

int rehearse(Options &options) {
  banpush::lab::RehearsalOptions &rehearsal = options.rehearsal;
  rehearsal.platforms = options.devices;
  rehearsal.platforms.push_back(banpush::device_folder());
  const bool passing = options.folder.empty() && !options.keep;
  rehearsal.folder = new_folder(options);
  std::optional<banpush::lab::PassingFolder> watched;
  if (passing)
    watched.emplace(rehearsal.folder);
  std::error_code failure;
  if (!fs::is_empty(rehearsal.folder, failure))
    throw Error(ErrorKind::Usage, rehearsal.folder + " is not empty; give a folder of the rehearsal's own with --dir");
  ::signal(SIGPIPE, SIG_IGN);
  nlohmann::json done = banpush::lab::rehearse(rehearsal);
  if (passing)
    done["folder"] = nullptr;
  std::cout << (options.json ? done.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"
                             : banpush::lab::rehearsal_text(done));
  return done.at("status").get<int>();
}

int status_of(ErrorKind kind) {
  switch (kind) {
  case ErrorKind::Usage:
  case ErrorKind::Config: return 2;
  case ErrorKind::Table: return 3;
  default: return 1;
  }
}

} // namespace

int main(int argc, char **argv) {
  CLI::App app{"Emulated routers and switches behind real SSH on the loopback interface"};
  app.require_subcommand(1);
  Options options;
  const auto verb = [&](const char *name, const char *about, bool file) {
    CLI::App *one = app.add_subcommand(name, about);
    if (file)
      one->add_option("file", options.file, "the network")->required();
    one->add_option("-d,--dir", options.folder, "folder of the lab's files and control socket");
    if (file)
      one->add_option("--devices", options.devices, "folders with NAME/device.yaml");
    return one;
  };
  CLI::App *const up_verb = verb("up", "starts a network and leaves it running", true);
  CLI::App *const run_verb = verb("run", "runs a network until its input ends", true);
  CLI::App *const down_verb = verb("down", "ends a running network", false);
  CLI::App *const tell_verb = verb("tell", "speaks to one device of it: state, stats, type, packet, fault, reload, drop, …", false);
  tell_verb->add_option("name", options.name, "the device")->required();
  tell_verb->add_option("words", options.words, "what it is told")->required();
  CLI::App *const devices_verb =
      app.add_subcommand("devices", "lists the platforms there are, their trains, and the drivers they stand for");
  devices_verb->add_option("--devices", options.devices, "folders with NAME/device.yaml");
  devices_verb->add_flag("--json", options.json, "as a document");
  CLI::App *const rehearse_verb = app.add_subcommand(
      "rehearse",
      "a configuration of banpush against an emulated twin of each device: plan, setup, push; no real device or table is changed");
  banpush::lab::RehearsalOptions &rehearsal = options.rehearsal;
  rehearse_verb->add_option("-c,--config", rehearsal.config, "banpush's configuration")->capture_default_str();
  rehearse_verb->add_option("device", rehearsal.devices, "devices or groups; all by default");
  rehearse_verb->add_option("--running", rehearsal.running, "folder with DEVICE.cfg, the saved running configuration of each device");
  rehearse_verb
      ->add_option("--from", rehearsal.from, "ADDRESS[@INTERFACE] that is asked about before and after; banpush's own is the first")
      ->allow_extra_args(false);
  rehearse_verb->add_option("--train", rehearsal.trains, "DEVICE=TRAIN of its platform")->allow_extra_args(false);
  rehearse_verb->add_option("--bans", rehearsal.bans, "file with an address or prefix a line, instead of the tables");
  rehearse_verb->add_option("-d,--dir", options.folder, "folder for its files, which are then kept");
  rehearse_verb->add_option("--devices", options.devices, "folders with NAME/device.yaml")->allow_extra_args(false);
  rehearse_verb->add_flag("--keep", options.keep, "keep the files of the rehearsal, and say where");
  rehearse_verb->add_flag("--json", options.json, "as a document");
  CLI11_PARSE(app, argc, argv);
  ssh_init();
  try {
    int status = 0;
    if (up_verb->parsed())
      up(options);
    else if (run_verb->parsed())
      run(options);
    else if (down_verb->parsed())
      down(options);
    else if (tell_verb->parsed())
      tell(options);
    else if (devices_verb->parsed())
      list_devices(options);
    else if (rehearse_verb->parsed())
      status = rehearse(options);
    if (!std::cout.flush())
      throw Error(ErrorKind::Device, "standard output cannot be written: what was to be said there is lost");
    return status;
  } catch (const Error &error) {
    std::cerr << "banpush-lab: " << error.what() << '\n';
    return status_of(error.kind());
  } catch (const std::exception &error) {
    std::cerr << "banpush-lab: " << error.what() << '\n';
    return 1;
  }
}
