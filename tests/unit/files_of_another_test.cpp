// Root at work in a folder of another user, who puts links, pipes and the like where root's files should be.
#include "app/pass.hpp"
#include "app/request/doorbell.hpp"
#include "app/state/state.hpp"
#include "app/state/turn.hpp"
#include "app/world/spool.hpp"
#include "bans/sqlite/sqlite.hpp"
#include "config/document/text_file.hpp"
#include "files/as_owner.hpp"
#include "files/open.hpp"
#include "transport/ssh/known_hosts.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <cstdio>

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace banpush;
namespace fs = std::filesystem;

namespace {

constexpr uid_t stranger = 64321; // nobody has this number
constexpr gid_t strange_group = 64322;

void require(bool good, const std::string &what) {
  if (!good)
    throw std::runtime_error(fmt::format("{}: {}", what, std::strerror(errno)));
}

// theirs/: the other user's folder. outside/: root's, where nothing may change.
class Ground {
public:
  Ground() {
    char name[] = "/tmp/banpush-files-XXXXXX";
    path_ = ::mkdtemp(name);
    require(::chmod(path_.c_str(), 0755) == 0, path_);
    fs::create_directories(outside() + "/folder");
    for (const char *file : {"/secret", "/empty"}) {
      std::ofstream(outside() + file) << (file == std::string("/secret") ? "root:$6$x:1:2:3\n" : "");
      require(::chmod((outside() + file).c_str(), 0600) == 0, file);
    }
    renew();
  }
  Ground(const Ground &) = delete;
  Ground &operator=(const Ground &) = delete;
  ~Ground() {
    std::error_code none;
    fs::remove_all(path_, none);
  }

  std::string outside() const { return path_ + "/outside"; }
  std::string theirs() const { return path_ + "/theirs"; }

  void renew() const {
    std::error_code none;
    fs::remove_all(theirs(), none);
    require(::mkdir(theirs().c_str(), 0755) == 0 && ::chown(theirs().c_str(), stranger, strange_group) == 0, theirs());
  }

  // Everything there is outside: whose, which mode, what content.
  std::string seen() const {
    std::string all;
    std::vector<std::string> files;
    for (const auto &entry : fs::recursive_directory_iterator(outside()))
      files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    for (const std::string &file : files) {
      struct stat about {};
      require(::lstat(file.c_str(), &about) == 0, file);
      std::ostringstream content;
      if (S_ISREG(about.st_mode))
        content << std::ifstream(file).rdbuf();
      all += fmt::format("{} {}:{} {:o} \"{}\"\n", file, about.st_uid, about.st_gid, about.st_mode, content.str());
    }
    return all;
  }

private:
  std::string path_;
};

using Plant = std::pair<std::string, std::function<void(const Ground &, const std::string &)>>;

const std::vector<Plant> plants{
    {"a link to a file", [](const Ground &ground, const std::string &at) { fs::create_symlink(ground.outside() + "/secret", at); }},
    {"a link to an empty file", [](const Ground &ground, const std::string &at) { fs::create_symlink(ground.outside() + "/empty", at); }},
    {"a dangling link", [](const Ground &ground, const std::string &at) { fs::create_symlink(ground.outside() + "/made", at); }},
    {"a relative link", [](const Ground &, const std::string &at) { fs::create_symlink("../outside/made", at); }},
    {"a hard link", [](const Ground &ground, const std::string &at) { fs::create_hard_link(ground.outside() + "/secret", at); }},
    {"a hard link to an empty file",
     [](const Ground &ground, const std::string &at) { fs::create_hard_link(ground.outside() + "/empty", at); }},
    {"a pipe", [](const Ground &, const std::string &at) { require(::mkfifo(at.c_str(), 0666) == 0, at); }},
    {"a folder", [](const Ground &, const std::string &at) { require(::mkdir(at.c_str(), 0777) == 0, at); }},
    {"a link to a folder", [](const Ground &ground, const std::string &at) { fs::create_symlink(ground.outside() + "/folder", at); }},
    {"a device",
     [](const Ground &, const std::string &at) { require(::mknod(at.c_str(), S_IFCHR | 0666, makedev(1, 5)) == 0 || errno == EPERM, at); }},
    {"a link to a device", [](const Ground &, const std::string &at) { fs::create_symlink("/dev/zero", at); }},
};

struct FileUse {
  std::string name;
  std::vector<std::string> files; // what others may put links in the place of
  std::function<void(const std::string &folder)> run;
};

NewBan a_ban() {
  NewBan ban;
  ban.ip = Prefix::require("203.0.113.7");
  ban.hostname = "web1";
  ban.jail = "sshd";
  ban.protocol = "tcp";
  ban.lasts = 600;
  return ban;
}

const PublicKey a_key{"ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIOJY9ZJZb5mOWZbAJBWm0Y4dNzqvMkBRBmnLHVJwGZ3N", ""};

std::vector<std::string> database_files(const std::string &name) { return {name, name + "-wal", name + "-shm", name + "-journal"}; }

std::vector<FileUse> uses() {
  std::vector<FileUse> all;
  all.push_back({"state", database_files("state.db"), [](const std::string &folder) {
                   State state(folder + "/state.db");
                   state.request();
                   state.pause("edge1", std::nullopt, "why", "ann");
                 }});
  all.push_back({"turn", {"state.db.turn"}, [](const std::string &folder) { static_cast<void>(Turn::attempt(folder + "/state.db")); }});
  auto spool_files = database_files("spool.db");
  spool_files.insert(spool_files.end(), {"spool.db.waits", "spool.db.turn"});
  all.push_back({"spool", spool_files, [](const std::string &folder) {
                   const std::string path = folder + "/spool.db";
                   static_cast<void>(spool_is_marked(path));
                   static_cast<void>(spool_waits(path));
                   Spool spool(path);
                   spool.put(a_ban());
                   for (const Spooled &one : spool.waiting(100)) // of a round that was refused half way, too
                     spool.arrived(one.id);
                   Config config;
                   config.spool = path;
                   static_cast<void>(deliver(spool, config, {})); // nothing waits, but the turn is taken for it
                   spool.clear_mark_if_idle(0);
                 }});
  all.push_back({"table", database_files("bans.db"), [](const std::string &folder) {
                   TableSource source;
                   source.path = folder + "/bans.db";
                   const auto table = open(source);
                   table->init(CreatedIndex::No);
                   table->ban(a_ban());
                 }});
  all.push_back({"host keys", {"known_hosts"}, [](const std::string &folder) {
                   static_cast<void>(known_keys(folder + "/known_hosts", "198.51.100.1"));
                   store_known_key(folder + "/known_hosts", "198.51.100.1", a_key);
                 }});
  all.push_back({"trace", {"trace"}, [](const std::string &folder) { trace_to(folder + "/trace")("<", "text"); }});
  all.push_back({"plan", {"plan"}, [](const std::string &folder) {
                   if (const auto file = open_anew(folder + "/plan", Shared::AllRead))
                     write_whole(file->get(), "{}");
                   else
                     throw Error(ErrorKind::Usage, file.error().text);
                 }});
  all.push_back({"configuration", {"file.yaml"}, [](const std::string &folder) {
                   const std::string text = read_file(folder + "/file.yaml", 1000);
                   CHECK(text.find("root:") == std::string::npos);
                 }});
  all.push_back({"socket", {"s.sock"}, [](const std::string &folder) {
                   Config config;
                   config.state = folder + "/state.db";
                   config.serve.socket = folder + "/s.sock";
                   tell_service(config, {{"do", "look"}});
                   const Doorbell doorbell(config.serve.socket);
                 }});
  return all;
}

// What came of it, and that it came soon.
std::string said_by(const FileUse &use, const std::string &folder) {
  const auto begin = std::chrono::steady_clock::now();
  std::string said = "went on";
  try {
    use.run(folder);
  } catch (const Error &error) {
    said = error.what();
  }
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds{15});
  return said;
}

bool is_root() {
  if (::geteuid() == 0)
    return true;
  WARN("as root only");
  return false;
}

// A process of the other user that keeps exchanging things until it is ended.
class Exchanging {
public:
  Exchanging(const Ground &ground, const std::vector<std::string> &files) {
    child_ = ::fork();
    if (child_ != 0)
      return;
    const std::string real = ground.theirs() + "/sub", spare = ground.theirs() + "/spare";
    if (::setgroups(0, nullptr) != 0 || ::setresgid(strange_group, strange_group, strange_group) != 0 ||
        ::setresuid(stranger, stranger, stranger) != 0)
      ::_exit(1);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL); // a case that dies leaves nobody behind who holds its output open; setresuid(2) clears it
    ::symlink((ground.outside() + "/folder").c_str(), spare.c_str());
    const std::string victim = ground.outside() + "/secret", none = ground.outside() + "/made";
    for (unsigned round = 0;; ++round) {
      for (const std::string &file : files) {
        const std::string at = real + "/" + file, other = ground.theirs() + "/other";
        ::unlink(other.c_str());
        if (::symlink((round % 2 == 0 ? victim : none).c_str(), other.c_str()) == 0)
          ::rename(other.c_str(), at.c_str());
        ::unlink(at.c_str());
      }
      ::renameat2(AT_FDCWD, real.c_str(), AT_FDCWD, spare.c_str(), RENAME_EXCHANGE);
      ::renameat2(AT_FDCWD, real.c_str(), AT_FDCWD, spare.c_str(), RENAME_EXCHANGE);
    }
  }
  Exchanging(const Exchanging &) = delete;
  Exchanging &operator=(const Exchanging &) = delete;
  ~Exchanging() {
    ::kill(child_, SIGKILL);
    int status = 0;
    ::waitpid(child_, &status, 0);
    CHECK((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)); // it did not end for want of rights
  }

private:
  pid_t child_ = 0;
};

} // namespace

TEST_CASE("root in a folder of another user: nothing outside it changes, whatever stands there") {
  if (!is_root())
    return;
  const Ground ground;
  for (const FileUse &use : uses())
    for (const std::string &file : use.files)
      for (const auto &[what, plant] : plants) {
        INFO(use.name << ": " << file << " is " << what);
        ground.renew();
        const std::string at = ground.theirs() + "/" + file;
        if (file.find("-wal") != std::string::npos || file.find("-shm") != std::string::npos || file.find("-journal") != std::string::npos)
          said_by(use, ground.theirs()); // companions count where their file stands
        plant(ground, at);
        ::lchown(at.c_str(), what.find("hard") == 0 ? 0 : stranger, what.find("hard") == 0 ? 0 : strange_group);
        const std::string before = ground.seen();
        const std::string said = said_by(use, ground.theirs());
        INFO(said);
        CHECK(ground.seen() == before);
        CHECK_FALSE(said.empty());
      }
}

TEST_CASE("root in a folder of another user: a folder on the way is a link") {
  if (!is_root())
    return;
  const Ground ground;
  for (const FileUse &use : uses()) {
    INFO(use.name);
    ground.renew();
    fs::create_symlink(ground.outside() + "/folder", ground.theirs() + "/sub");
    ::lchown((ground.theirs() + "/sub").c_str(), stranger, strange_group);
    const std::string before = ground.seen();
    INFO(said_by(use, ground.theirs() + "/sub"));
    CHECK(ground.seen() == before);
    said_by(use, ground.theirs() + "/sub/../../outside");
    CHECK(ground.seen() == before);
  }
}

TEST_CASE("root with the rights of another user: whether others may look into the process stays as it was") {
  if (!is_root())
    return;
  for (const int before : {1, 0}) {
    REQUIRE(::prctl(PR_SET_DUMPABLE, before) == 0);
    {
      const AsOwner other(Owner{stranger, strange_group});
      REQUIRE(other.holds());
      CHECK(::prctl(PR_GET_DUMPABLE) == before);
    }
    CHECK(::prctl(PR_GET_DUMPABLE) == before);
  }
  ::prctl(PR_SET_DUMPABLE, 1);
}

TEST_CASE("root in a folder of another user: what it makes is the other's") {
  if (!is_root())
    return;
  const Ground ground;
  for (const FileUse &use : uses())
    if (use.name != "configuration") {
      INFO(use.name << ": " << said_by(use, ground.theirs() + "/sub"));
      ground.renew();
      INFO(use.name << ": " << said_by(use, ground.theirs()));
      for (const auto &entry : fs::directory_iterator(ground.theirs())) {
        struct stat about {};
        REQUIRE(::lstat(entry.path().c_str(), &about) == 0);
        INFO(entry.path());
        CHECK(about.st_uid == stranger);
        CHECK(about.st_gid == strange_group);
        CHECK((about.st_mode & 07U) == (use.name == "plan" || use.name == "host keys" ? 4U : 0U));
      }
    }
  // And root is root again.
  CHECK(::open((ground.outside() + "/secret").c_str(), O_RDONLY) >= 0);
}

TEST_CASE("root in a folder of another user: links that come and go meanwhile") {
  if (!is_root())
    return;
  const Ground ground;
  for (const FileUse &use : uses()) {
    INFO(use.name);
    ground.renew();
    REQUIRE(::mkdir((ground.theirs() + "/sub").c_str(), 0755) == 0);
    REQUIRE(::chown((ground.theirs() + "/sub").c_str(), stranger, strange_group) == 0);
    const std::string before = ground.seen();
    const Exchanging exchanging(ground, use.files);
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds{400};
    for (int rounds = 0; rounds < 5 || std::chrono::steady_clock::now() < end; ++rounds)
      said_by(use, ground.theirs() + "/sub");
    CHECK(ground.seen() == before);
  }
}

TEST_CASE("what root makes for a group is for that of its folder, and nothing else is") {
  if (!is_root())
    return;
  const Ground ground;
  REQUIRE(::chown(ground.outside().c_str(), 0, strange_group) == 0);
  const auto group_of = [&](const char *name, Shared shared) {
    const std::string path = ground.outside() + "/" + name;
    REQUIRE(replace_file(path, "text", shared));
    return file_facts(path)->owner.group;
  };
  CHECK(group_of("for-the-group", Shared::GroupReads) == strange_group);
  CHECK(group_of("for-nobody", Shared::Nobody) == 0);
  CHECK(group_of("for-all", Shared::AllRead) == 0);
  CHECK(group_of("empty", Shared::GroupReads) == 0); // it was there
}

TEST_CASE("links that root made are followed: to a file, to a folder, and out of a folder such as /tmp") {
  const Ground ground;
  fs::create_symlink("outside", ground.outside() + "/../lib");
  fs::create_symlink("real.db", ground.outside() + "/state.db");
  {
    State state(ground.outside() + "/../lib/state.db");
    CHECK(state.trouble().empty());
    state.request();
  }
  CHECK(fs::exists(ground.outside() + "/real.db"));
  CHECK(fs::is_symlink(ground.outside() + "/state.db"));
  fs::create_symlink("real_hosts", ground.outside() + "/known_hosts");
  store_known_key(ground.outside() + "/known_hosts", "198.51.100.1", a_key);
  CHECK(fs::is_symlink(ground.outside() + "/known_hosts"));
  CHECK(fs::exists(ground.outside() + "/real_hosts"));
}
