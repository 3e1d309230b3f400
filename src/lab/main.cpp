// banpush-lab: emulated routers and switches behind real SSH on the loopback interface, to rehearse and to
// test with.
#include "lab/network.hpp"

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
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;
using banpush::Error;
using banpush::ErrorKind;
using banpush::lab::Network;

struct Options {
  std::string file, folder, name;
  std::vector<std::string> devices, words;
};

std::vector<std::string> device_folders(const Options &options) {
  std::vector<std::string> folders = options.devices;
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

std::string converse(const std::string &folder, const std::string &line) {
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  const std::string path = folder + "/lab.sock";
  if (path.size() >= sizeof where.sun_path)
    throw Error(ErrorKind::Usage, path + ": the path is too long for a socket");
  std::copy(path.begin(), path.end(), where.sun_path);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(fd, reinterpret_cast<sockaddr *>(&where), sizeof where) != 0)
    throw Error(ErrorKind::Connect, fmt::format("no lab listens at {}: {}", path, std::strerror(errno)));
  const std::string bytes = line + "\n";
  std::string answer;
  if (::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size())) {
    char buffer[65536];
    for (ssize_t got; (got = ::read(fd, buffer, sizeof buffer)) > 0;)
      answer.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(fd);
  return answer;
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
  CLI11_PARSE(app, argc, argv);
  ssh_init();
  try {
    if (up_verb->parsed())
      up(options);
    else if (run_verb->parsed())
      run(options);
    else if (down_verb->parsed())
      down(options);
    else if (tell_verb->parsed())
      tell(options);
    if (!std::cout.flush())
      throw Error(ErrorKind::Device, "standard output cannot be written: what was to be said there is lost");
    return 0;
  } catch (const Error &error) {
    std::cerr << "banpush-lab: " << error.what() << '\n';
    return error.kind() == ErrorKind::Usage || error.kind() == ErrorKind::Config ? 2 : 1;
  }
}
