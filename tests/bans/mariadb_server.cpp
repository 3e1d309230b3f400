#include "mariadb_server.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <poll.h>
#include <stdexcept>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace banpush::test {

namespace {

// Runs a program with the given files as its standard streams; -1 leaves one as it is.
pid_t start(const std::vector<std::string> &words, int in, int out, int error) {
  std::vector<char *> arguments;
  for (const std::string &word : words)
    arguments.push_back(const_cast<char *>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  if (child != 0)
    return child;
  ::setpgid(0, 0); // a Ctrl-C for the tests is no order to the server: it ends by the pipe
  if (in >= 0)
    ::dup2(in, STDIN_FILENO);
  if (out >= 0)
    ::dup2(out, STDOUT_FILENO);
  if (error >= 0)
    ::dup2(error, STDERR_FILENO);
  ::execvp(arguments.front(), arguments.data());
  ::_exit(127);
}

std::string content(const std::filesystem::path &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace

MariaDbServer &MariaDbServer::shared() {
  static MariaDbServer server({"--tls"});
  return server;
}

MariaDbServer::MariaDbServer(const std::vector<std::string> &options) {
  std::array<int, 2> in{}, out{};
  if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0)
    throw std::runtime_error("no pipe");
  std::vector<std::string> words{"/usr/bin/python3", BANPUSH_SOURCE_DIR "/tests/bans/mariadb.py", "hold"};
  words.insert(words.end(), options.begin(), options.end());
  script_ = start(words, in[0], out[1], -1);
  ::close(in[0]);
  ::close(out[1]);
  to_ = in[1];
  from_ = out[0];
  read_facts();
}

MariaDbServer::~MariaDbServer() {
  ::close(to_);
  int status = 0;
  ::waitpid(script_, &status, 0);
  ::close(from_);
}

void MariaDbServer::read_facts() {
  std::string text;
  while (text.find("\nready\n") == std::string::npos) {
    pollfd wait{from_, POLLIN, 0};
    std::array<char, 4096> buffer{};
    if (::poll(&wait, 1, 150'000) != 1)
      throw std::runtime_error("mariadb.py says nothing");
    const ssize_t got = ::read(from_, buffer.data(), buffer.size());
    if (got <= 0)
      throw std::runtime_error("mariadb.py could not start a server");
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
    if (const auto mark = text.find('=', at); mark < end)
      facts_[text.substr(at, mark - at)] = text.substr(mark + 1, end - mark - 1);
}

TableSource MariaDbServer::source(const std::string &database) const {
  TableSource source;
  source.kind = TableSource::Kind::Mysql;
  source.user = facts_.at("user");
  source.host = facts_.at("address");
  source.port = static_cast<std::uint16_t>(std::stoi(facts_.at("port")));
  source.database = database;
  source.ca = facts_.at("ca");
  return source;
}

TableSource MariaDbServer::over_socket(const std::string &database) const {
  TableSource result = source(database);
  result.host = "localhost";
  result.socket = facts_.at("socket");
  result.ca.clear();
  return result;
}

std::string MariaDbServer::new_database(const std::string &more) {
  const std::string name = "t" + std::to_string(++databases_);
  sql("CREATE DATABASE " + name + "; USE " + name + ";\n" + more);
  return name;
}

std::string MariaDbServer::sql(const std::string &text, const std::string &database) const {
  char name[] = "/tmp/banpush-sql-XXXXXX";
  if (::mkdtemp(name) == nullptr)
    throw std::runtime_error("no folder");
  const std::filesystem::path folder = name;
  std::ofstream(folder / "in", std::ios::binary) << text;
  const int in = ::open((folder / "in").c_str(), O_RDONLY | O_CLOEXEC);
  const int out = ::open((folder / "out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  const int error = ::open((folder / "error").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  std::vector<std::string> words{
      "mariadb", "--no-defaults", "-uroot", "-S", facts_.at("socket"), "-N", "-B", "--default-character-set=utf8mb4"};
  if (!database.empty())
    words.push_back(database);
  const pid_t client = start(words, in, out, error);
  int status = -1;
  ::waitpid(client, &status, 0);
  for (const int file : {in, out, error})
    ::close(file);
  const std::string said = content(folder / "out"), problem = content(folder / "error");
  std::filesystem::remove_all(folder);
  if (status != 0)
    throw std::runtime_error("mariadb client: " + problem);
  return said;
}

namespace {

// A thread that is working goes on for a moment after SIGSTOP; its state is the third word of stat (proc(5)).
bool all_threads_stand_still(const std::string &pid) {
  for (const auto &thread : std::filesystem::directory_iterator("/proc/" + pid + "/task")) {
    std::ifstream file(thread.path() / "stat");
    const std::string stat{std::istreambuf_iterator<char>(file), {}};
    const std::size_t name_ends = stat.rfind(')');
    if (name_ends == std::string::npos || name_ends + 2 >= stat.size() || stat[name_ends + 2] != 'T')
      return false;
  }
  return true;
}

} // namespace

void MariaDbServer::send_signal(int number) const {
  const std::string &pid = facts_.at("pid");
  ::kill(std::stoi(pid), number);
  for (int i = 0; number == SIGSTOP && i < 1000 && !all_threads_stand_still(pid); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
}

void MariaDbServer::start_again() {
  constexpr char order[] = "start\n";
  if (::write(to_, order, sizeof order - 1) != static_cast<ssize_t>(sizeof order - 1))
    throw std::runtime_error("mariadb.py is gone");
  read_facts();
}

} // namespace banpush::test
