#include "transport/exec/local.hpp"

#include "core/error.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace banpush;
using namespace std::chrono_literals;

namespace {

Finished run(const std::vector<std::string> &argv, std::string_view input = {}, std::chrono::milliseconds silence = 20s) {
  return LocalRunner("here").run({argv, input, silence});
}

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

bool has_children() { return ::waitpid(-1, nullptr, WNOHANG) != -1; }

} // namespace

TEST_CASE("local: a program gets its words, its input, and a small environment", "[transport]") {
  ::setenv("BANPUSH_TEST_SECRET", "hunter2", 1);
  const Finished words = run({"printf", "<%s>", "a b", "$HOME", "'", ""});
  ::unsetenv("BANPUSH_TEST_SECRET");
  CHECK(words.exit == 0);
  CHECK(words.output == "<a b><$HOME><'><>");
  CHECK(run({"cat"}, "one\ntwo").output == "one\ntwo");
  const std::string environment = run({"env"}).output;
  CHECK(environment.find("LC_ALL=C\n") != std::string::npos);
  CHECK(environment.find("hunter2") == std::string::npos);
}

TEST_CASE("local: standard error is kept apart, and the status is told", "[transport]") {
  const Finished finished = run({"sh", "-c", "echo good; echo bad >&2; exit 3"});
  CHECK(finished.exit == 3);
  CHECK(finished.output == "good\n");
  CHECK(finished.errors == "bad\n");
  CHECK(finished.killed.empty());
}

TEST_CASE("local: an end by signal is told", "[transport]") {
  const Finished finished = run({"sh", "-c", "kill -9 $$"});
  CHECK(finished.exit == 137);
  CHECK(finished.killed == "killed by signal 9 (Killed)");
}

TEST_CASE("local: a program that is not there has a shell's status and a reason", "[transport]") {
  const Finished finished = run({"no-such-program-here"});
  CHECK(finished.exit == 127);
  CHECK(finished.errors == "cannot run no-such-program-here: No such file or directory\n");
  CHECK(run({"/etc/passwd"}).exit == 126);
}

TEST_CASE("local: ten megabytes in while ten come out", "[transport]") {
  std::string input;
  while (input.size() < 10'000'000)
    input += "add element inet banpush hosts4 { 203.0.113.7 }\n";
  const Finished finished = run({"cat"}, input);
  CHECK(finished.exit == 0);
  CHECK((finished.output == input)); // in brackets: a difference must not print 20 MB
}

TEST_CASE("local: a program that never reads its input is no dead-lock", "[transport]") {
  const std::string input(5'000'000, 'x');
  CHECK(run({"true"}, input).exit == 0);
  CHECK(run({"sh", "-c", "exec <&-; echo said; exit 4"}, input).output == "said\n");
  sigset_t pending;
  sigpending(&pending);
  CHECK(sigismember(&pending, SIGPIPE) == 0);
}

TEST_CASE("local: a program that hangs is ended, with what it started", "[transport]") {
  const auto begun = std::chrono::steady_clock::now();
  // The shell ignores TERM and its child too: only KILL to the group ends both.
  REQUIRE_THROWS_WITH(run({"sh", "-c", "trap '' TERM; sleep 60 & sleep 60"}, {}, 200ms),
                      Catch::StartsWith("here: sh -c") && Catch::Contains("silent for 0.2 s"));
  CHECK(std::chrono::steady_clock::now() - begun < 30s);
  CHECK_FALSE(has_children());
  CHECK_THROWS_AS(run({"cat", "/dev/zero"}, {}, 20s), Error); // and one that never stops talking
  CHECK_FALSE(has_children());
}

TEST_CASE("local: a program that hangs without reading is ended", "[transport]") {
  const std::string input(5'000'000, 'x');
  REQUIRE_THROWS_WITH(run({"sleep", "60"}, input, 200ms), Catch::Contains("sleep 60: silent"));
  CHECK_FALSE(has_children());
}

TEST_CASE("local: whoever talks is not silent", "[transport]") {
  CHECK(run({"sh", "-c", "for i in 1 2 3 4 5 6; do echo $i; sleep 0.5; done"}, {}, 2500ms).output == "1\n2\n3\n4\n5\n6\n");
}

TEST_CASE("local: a grandchild that keeps the pipe open is not waited for", "[transport]") {
  const auto begun = std::chrono::steady_clock::now();
  const Finished finished = run({"sh", "-c", "sleep 60 & echo $!"});
  CHECK(std::chrono::steady_clock::now() - begun < 30s);
  ::kill(std::stoi(finished.output), SIGKILL);
}

TEST_CASE("local: cancelled from another thread", "[transport]") {
  LocalRunner runner("here");
  const std::vector<std::string> argv{"sleep", "60"};
  std::thread other([&] {
    std::this_thread::sleep_for(100ms);
    runner.cancel();
  });
  CHECK_THROWS_WITH(runner.run({argv, {}, 30s}), Catch::Contains("cancelled"));
  other.join();
  CHECK_FALSE(has_children());
}

TEST_CASE("local: no descriptor is left open, and none is inherited", "[transport]") {
  run({"true"});
  const std::size_t before = open_descriptors();
  for (int i = 0; i < 50; ++i)
    run({"true"});
  CHECK(open_descriptors() == before);
  const int extra = ::open("/dev/null", 0);                     // without O_CLOEXEC, as a careless library would
  CHECK(run({"ls", "/proc/self/fd"}).output == "0\n1\n2\n3\n"); // 3 is ls reading the folder
  ::close(extra);
}

TEST_CASE("command lines are quoted for a POSIX shell", "[transport]") {
  CHECK(command_line({"nft", "-f", "-"}) == "nft -f -");
  CHECK(command_line({"vtysh", "-c", "show ip route"}) == "vtysh -c 'show ip route'");
  CHECK(command_line({"a", "", "it's", "$(reboot)", "`x`", "a;b", "a\nb", "*", "~", "k=v"}) ==
        "a '' 'it'\\''s' '$(reboot)' '`x`' 'a;b' 'a\nb' '*' '~' 'k=v'");
  CHECK_THROWS_AS(command_line({"a", std::string("b\0c", 3)}), Error);
  CHECK_THROWS_AS(command_line({}), Error);
}
