// The conversation with a command line, against devices that misbehave, in several chunkings.
#include "fakes/cli_device.hpp"
#include "transport/cli_dialog.hpp"

#include <catch2/catch.hpp>

#include <thread>

using namespace banpush;
using namespace std::chrono_literals;
using fakes::CliDevice;
using fakes::small_router;

namespace {

enum class Chunks {
  Whole,  // all that there is
  Bytes,  // one byte a read
  Pauses, // one byte a read, and between two of them nothing is there
};

// The device at the other end of a wire.
class DeviceStream : public ByteStream {
public:
  DeviceStream(CliDevice peer, Chunks chunks) : device(std::move(peer)), chunks_(chunks) { out_ = device.start(); }

  std::size_t write_some(std::string_view bytes) override {
    if (device.ended)
      throw Error(ErrorKind::Connect, "edge1: gone");
    written += bytes;
    most_ahead = std::max(most_ahead, static_cast<std::size_t>(std::count(bytes.begin(), bytes.end(), '\n')));
    out_ += device.type(bytes);
    return bytes.size();
  }

  std::string read_some(Clock::time_point deadline) override {
    if (out_.empty()) {
      if (device.ended)
        throw Error(ErrorKind::Connect, "edge1: the device ended the session");
      if (Clock::now() < deadline)
        std::this_thread::sleep_for(1ms);
      return {};
    }
    if (chunks_ == Chunks::Whole)
      return std::exchange(out_, {});
    if (chunks_ == Chunks::Pauses && (pause_ = !pause_))
      return {};
    std::string byte = out_.substr(0, 1);
    out_.erase(0, 1);
    return byte;
  }

  // Comes unasked for, at once.
  void say(const std::string &bytes) { out_ += bytes; }

  CliDevice device;
  std::string written;
  std::size_t most_ahead = 0;

private:
  Chunks chunks_;
  bool pause_ = false;
  std::string out_;
};

Driver ios() {
  Driver driver;
  driver.name = "test_ios";
  driver.prompts = {{"user", Pattern(R"([\w.\-@/:\[\]+]{1,63}>)")},
                    {"exec", Pattern(R"([\w.\-@/:\[\]+]{1,63}#)")},
                    {"config", Pattern(R"([\w.\-@/:+]{1,63}\((?:con|conf|config|cfg)[^)]*\)#)")}};
  driver.noise = {Pattern(R"(^%[A-Z0-9_]+-\d-[A-Z0-9_]+:)"), Pattern(R"(^\*\*\*)")};
  driver.harmless = {Pattern("^Enter configuration commands"), Pattern(R"(^\[OK\])"), Pattern("^Building")};
  driver.busy = {Pattern("locked by")};
  driver.fatal = {Pattern("^% ")};
  driver.pager = Pattern("--More--");
  return driver;
}

// A device, its driver, and a conversation that has learnt the prompt.
struct Talk {
  explicit Talk(CliDevice device = small_router(), Chunks chunks = Chunks::Whole, Driver with = ios())
      : driver(std::move(with)), stream(std::move(device), chunks), dialog("edge1", driver, stream, dialogue) {}

  Talk &learn() {
    dialog.learn(driver.login, 2s);
    return *this;
  }
  ~Talk() {
    if (std::getenv("BANPUSH_TEST_TRACE") != nullptr)
      std::fputs(told.c_str(), stderr);
  }
  Delivery send(std::vector<std::string> lines, unsigned window = 1) {
    Step step;
    step.lines = std::move(lines);
    step.window = {window, 10'000};
    return dialog.send(step, 2s);
  }
  std::string ask(const std::string &line) { return dialog.ask(line, 2s); }

  Driver driver;
  DeviceStream stream;
  std::string told;
  Dialogue dialogue{
      [this](std::string_view direction, std::string_view bytes) { told += std::string(direction) + ": " + std::string(bytes) + "\n"; },
      {"login-pw", "", "s3cret"}};
  CliDialog dialog;
};

constexpr auto all_chunks = {Chunks::Whole, Chunks::Bytes, Chunks::Pauses};

std::vector<std::string> ok_lines(int count) {
  std::vector<std::string> lines;
  for (int i = 0; i < count; ++i)
    lines.push_back("ok deny ip host 203.0.113." + std::to_string(i) + " any");
  return lines;
}

} // namespace

TEST_CASE("cli: the prompt is learnt, lines are sent and answers read, in any chunking", "[transport]") {
  for (const Chunks chunks : all_chunks) {
    Talk talk(small_router(), chunks);
    talk.learn();
    CHECK(talk.dialog.prompt() == "edge1#");
    CHECK(talk.ask("show lines 3") == "line 1\nline 2\nline 3\n");
    CHECK(talk.ask("ok") == "");
    const Delivery delivery = talk.send({"configure terminal", "ok one", "ok two", "end"});
    CHECK(delivery.complaint == "");
    CHECK(delivery.accepted);
    CHECK(delivery.lines == 4);
    CHECK(talk.stream.device.received == std::vector<std::string>{"show lines 3", "ok", "configure terminal", "ok one", "ok two", "end"});
  }
}

TEST_CASE("cli: the first complaint stops the step and names the line", "[transport]") {
  for (const Chunks chunks : all_chunks) {
    Talk talk(small_router(), chunks);
    const Delivery delivery = talk.learn().send({"ok one", "bad two", "ok three"});
    CHECK_FALSE(delivery.accepted);
    CHECK(delivery.lines == 1);
    CHECK(delivery.complaint == "line 2 \"bad two\": device said \"% Invalid input detected at '^' marker.\"");
    CHECK(delivery.words == "> bad two\n% Invalid input detected at '^' marker.\n");
    CHECK(talk.stream.device.received.back() == "bad two");
    CHECK(talk.send({"ok four"}).accepted); // the session goes on
  }
}

TEST_CASE("cli: words that nobody knows are a complaint in a change, not in an answer", "[transport]") {
  auto device = small_router();
  device.run = [](CliDevice &, const std::string &) { return "Something new\n"; };
  Talk talk(device);
  talk.learn();
  CHECK_THAT(talk.send({"ok"}).complaint, Catch::Contains("device said \"Something new\""));
  CHECK(talk.ask("ok") == "Something new\n");
  device.run = [](CliDevice &, const std::string &) { return "configuration locked by bob\n"; };
  Talk busy(device);
  CHECK(busy.learn().send({"ok"}).busy);
}

TEST_CASE("cli: many lines ahead, each answer with its line", "[transport]") {
  for (const Chunks chunks : all_chunks)
    for (const unsigned window : {1U, 4U, 32U}) {
      Talk talk(small_router(), chunks);
      talk.learn();
      auto lines = ok_lines(60);
      CHECK(talk.send(lines, window).lines == 60);
      lines[20] = "bad one";
      const Delivery delivery = talk.send(lines, window);
      CHECK_THAT(delivery.complaint, Catch::StartsWith("line 21 \"bad one\": device said \"% Invalid"));
      CHECK(talk.stream.device.received.size() <= 60 + 21 + window);
      CHECK(talk.ask("show lines 1") == "line 1\n");
    }
}

TEST_CASE("cli: the window bounds lines and bytes", "[transport]") {
  struct Slow : ByteStream { // says nothing until it is looked at
    std::size_t write_some(std::string_view bytes) override {
      ahead += bytes;
      most = std::max(most, ahead.size());
      return bytes.size();
    }
    std::string read_some(Clock::time_point) override {
      const std::size_t end = ahead.find('\n');
      if (end == std::string::npos)
        return first ? (first = false, "edge1#") : "";
      const std::string line = ahead.substr(0, end);
      ahead.erase(0, end + 1);
      return line + "\r\nedge1#";
    }
    std::string ahead;
    std::size_t most = 0;
    bool first = true;
  } stream;
  const Driver driver = ios();
  Dialogue dialogue({}, {});
  CliDialog dialog("edge1", driver, stream, dialogue);
  dialog.learn({}, 2s);
  Step step;
  step.lines = ok_lines(100);
  step.window = {50, 200};
  CHECK(dialog.send(step, 2s).lines == 100);
  CHECK(stream.most <= 200);
  CHECK(stream.most > 100);
}

TEST_CASE("cli: a device that echoes in its own way", "[transport]") {
  for (const auto echo : {CliDevice::Echo::No, CliDevice::Echo::Twice, CliDevice::Echo::Kernel, CliDevice::Echo::Repaint})
    for (const Chunks chunks : all_chunks)
      for (const unsigned window : {1U, 8U}) {
        INFO("echo " << static_cast<int>(echo) << ", chunks " << static_cast<int>(chunks) << ", window " << window);
        auto device = small_router();
        device.echo = echo;
        Talk talk(device, chunks);
        talk.learn();
        CHECK(talk.ask("show lines 2") == "line 1\nline 2\n");
        CHECK(talk.send(ok_lines(12), window).complaint == "");
        auto lines = ok_lines(12);
        lines[5] = "bad six";
        CHECK_THAT(talk.send(lines, window).complaint, Catch::StartsWith("line 6 \"bad six\": device said"));
        CHECK(talk.ask("show lines 1") == "line 1\n");
      }
}

TEST_CASE("cli: echoes that scroll behind the edge of the terminal", "[transport]") {
  auto device = small_router();
  device.scroll_at = 30;
  for (const unsigned window : {1U, 8U}) {
    Talk talk(device);
    CHECK(talk.learn().send(ok_lines(10), window).lines == 10);
  }
}

TEST_CASE("cli: line ends, NULs and questions to the terminal", "[transport]") {
  using namespace std::string_literals;
  for (const Chunks chunks : all_chunks) {
    auto device = small_router();
    device.line_end = "\r\0\n"s;
    device.echo_end = "\r\r\n";
    device.before_prompt = "\r\n\r\0"s;
    device.behind_prompt = " \a\x1b[5n";
    Talk talk(device, chunks);
    talk.learn();
    CHECK(talk.ask("show lines 2") == "line 1\nline 2\n");
    CHECK(talk.send(ok_lines(5), 3).accepted);
    CHECK_THAT(talk.stream.written, Catch::Contains("\x1b[0n"));
  }
}

TEST_CASE("cli: paged answers are read to their end", "[transport]") {
  for (const auto &[text, erase] :
       {std::pair{" --More-- ", "\r          \r"}, std::pair{"\x1b[7m --More-- \x1b[27m\x1b[K", "\r\x1b[K"},
        std::pair{"--More--", "\b\b\b\b\b\b\b\b        \b\b\b\b\b\b\b\b"}, std::pair{"<--- More --->--More--", "\r\n"}})
    for (const Chunks chunks : all_chunks) {
      auto device = small_router();
      device.page = 7;
      device.pager = text;
      device.pager_erase = erase;
      Talk talk(device, chunks);
      std::string expected, answer = talk.learn().ask("show lines 40");
      for (int i = 1; i <= 40; ++i)
        expected += "line " + std::to_string(i) + "\n";
      answer.erase(std::unique(answer.begin(), answer.end(), [](char a, char b) { return a == '\n' && b == '\n'; }), answer.end());
      CHECK(answer == expected);
    }
}

TEST_CASE("cli: output that looks like a prompt is output", "[transport]") {
  for (const Chunks chunks : all_chunks) {
    auto device = small_router();
    device.run = [](CliDevice &, const std::string &) { return "banner motd ^C\nedge1#\n^C\nother#\nedge1# is its name\nedge1#\nlast\n"; };
    Talk talk(device, chunks);
    CHECK(talk.learn().ask("show run") == "banner motd ^C\nedge1#\n^C\nother#\nedge1# is its name\nedge1#\nlast\n");
    CHECK(talk.ask("show run").size() > 20); // and the conversation is still in step
  }
}

TEST_CASE("cli: a banner that looks like a prompt is none", "[transport]") {
  for (const Chunks chunks : all_chunks) {
    auto device = small_router();
    device.greeting = "###########\n# edge9#\nedge9#\n###########\nunauthorised use: forbidden\n";
    Talk talk(device, chunks);
    CHECK(talk.learn().dialog.prompt() == "edge1#");
    CHECK(talk.ask("show lines 2") == "line 1\nline 2\n");
    CHECK(talk.send(ok_lines(5), 5).accepted);
  }
}

TEST_CASE("cli: a prompt of two lines, which changes with the mode", "[transport]") {
  Driver driver = ios();
  driver.prompts = {{"exec", Pattern(R"([\w.\-]+@[\w.\-]+>)")},
                    {"config", Pattern(R"((?:\{\w[^}\n]*\})?(?:\[edit[^\]\n]*\]\s+)[\w.\-]+@[\w.\-]+#)")}};
  driver.harmless.emplace_back("^Entering");
  for (const Chunks chunks : all_chunks)
    for (const unsigned window : {1U, 5U}) {
      auto device = small_router();
      device.prompt = [](const CliDevice &self) {
        return self.mode.empty() ? "admin@" + self.name + "> " : "\r\n{master}[edit]\r\nadmin@" + self.name + "# ";
      };
      device.echo_end = " \r\n";
      Talk talk(device, chunks, driver);
      talk.learn();
      CHECK(talk.ask("show lines 2") == "line 1\nline 2\n");
      const Delivery delivery = talk.send({"configure terminal", "ok one", "ok two", "ok three"}, window);
      CHECK(delivery.complaint == "");
      CHECK(talk.dialog.prompt() == "{master}[edit]\nadmin@edge1#");
      CHECK(talk.ask("show lines 2") == "line 1\nline 2\n");
      CHECK_THAT(talk.send({"ok", "bad", "ok"}, window).complaint,
                 Catch::StartsWith("line 2 \"bad\": device said \"% Invalid input detected"));
    }
}

TEST_CASE("cli: counters and flags in the prompt", "[transport]") {
  Driver driver = ios();
  driver.prompts = {{"exec", Pattern(R"((?:\* )?(?:Slot-\d+ )?[\w\-]+\.\d+ #)")}};
  auto device = small_router();
  int count = 0;
  device.prompt = [&count](const CliDevice &) {
    ++count;
    return std::string(count % 3 == 0 ? "* " : "") + "Slot-1 x450." + std::to_string(count) + " # ";
  };
  Talk talk(device, Chunks::Bytes, driver);
  talk.learn();
  CHECK(talk.ask("show lines 2") == "line 1\nline 2\n");
  CHECK(talk.send(ok_lines(10), 4).complaint == "");
}

TEST_CASE("cli: names cut short in configuration mode", "[transport]") {
  auto device = small_router();
  device.name = "a-router-with-quite-a-long-name";
  device.prompt = [](const CliDevice &self) { return (self.mode.empty() ? self.name : self.name.substr(0, 20)) + self.mode + "#"; };
  Talk talk(device);
  CHECK(talk.learn().send({"configure terminal", "ok", "end"}).accepted);
}

TEST_CASE("cli: syslog lines in the middle are noise", "[transport]") {
  for (const Chunks chunks : all_chunks)
    for (const unsigned window : {1U, 4U}) {
      auto device = small_router();
      const auto plain = device.run;
      device.run = [plain](CliDevice &self, const std::string &line) {
        return "%SYS-5-CONFIG_I: Configured from console\n\n\n\x07***\n*** --- SHUTDOWN in 0:05:00 ---\n***\n" + plain(self, line);
      };
      Talk talk(device, chunks);
      CHECK(talk.learn().send(ok_lines(6), window).complaint == "");
    }
}

TEST_CASE("cli: noise behind a prompt that is not repeated", "[transport]") {
  auto device = small_router();
  device.behind_prompt = "\r\n%SYS-5-CONFIG_I: Configured from console\r\n";
  Talk quiet;
  quiet.learn();
  quiet.stream.say("\r\n%LINK-3-UPDOWN: Interface down\r\n"); // while nobody talks
  CHECK(quiet.send({"ok"}).complaint == "");
  quiet.stream.device.behind_prompt = device.behind_prompt;
  CHECK(quiet.send({"ok"}).complaint == "");
  quiet.stream.device.behind_prompt = "";
  CHECK(quiet.ask("show lines 1") == "line 1\n");
}

TEST_CASE("cli: known questions are answered, in each chunking", "[transport]") {
  for (const Chunks chunks : all_chunks) {
    Talk talk(small_router(), chunks);
    talk.learn();
    Step step;
    step.lines = {"confirm", "ok"};
    step.ask = {{Pattern(R"(\[confirm\]\s*$)"), ""}};
    step.expect = Pattern(R"(^\[OK\])");
    const Delivery delivery = talk.dialog.send(step, 2s);
    CHECK(delivery.complaint == "");
    CHECK(delivery.lines == 2);
    step.ask[0].answer = "n";
    CHECK_THAT(talk.dialog.send(step, 2s).complaint, Catch::Contains("% not confirmed"));
  }
}

TEST_CASE("cli: an unknown question is never answered", "[transport]") {
  Talk talk;
  talk.learn();
  const Delivery delivery = talk.send({"ok", "confirm", "ok"});
  CHECK(delivery.complaint == "line 2 \"confirm\": the device asks \"Really? [confirm]\", which the driver has no answer for");
  CHECK(delivery.lines == 1);
  CHECK(talk.stream.device.received == std::vector<std::string>{"ok", "confirm"});
  CHECK_THAT(talk.stream.written, Catch::EndsWith("confirm\n\x03\n")); // interrupted, and the prompt proven
  CHECK(talk.send({"ok"}).accepted);                                   // the abort stage can run
  CHECK_THROWS_WITH(talk.ask("confirm"), Catch::Equals("edge1: \"confirm\": the device asks \"Really? [confirm]\", which nobody answers"));
}

TEST_CASE("cli: a question that cannot be left ends the session", "[transport]") {
  auto device = small_router();
  device.run = [](CliDevice &self, const std::string &) {
    self.hang_at = 1;
    return "Erase everything? (y/n) ";
  };
  struct Deaf : DeviceStream {
    using DeviceStream::DeviceStream;
    std::size_t write_some(std::string_view bytes) override { return bytes == "\x03" ? 1 : DeviceStream::write_some(bytes); }
  };
  device.asked = nullptr;
  const Driver driver = ios();
  Deaf stream(device, Chunks::Whole);
  Dialogue dialogue({}, {});
  CliDialog dialog("edge1", driver, stream, dialogue);
  dialog.learn({}, 2s);
  stream.device.prompt = [](const CliDevice &) { return std::string(); };
  Step step;
  step.lines = {"reset"};
  CHECK_THAT(dialog.send(step, 20s).complaint, Catch::Contains("asks \"Erase everything? (y/n)\""));
  CHECK_THROWS_WITH(dialog.send(step, 2s), Catch::Contains("it was given up"));
}

TEST_CASE("cli: a stage must end at its prompt", "[transport]") {
  Talk talk;
  talk.learn();
  Step step;
  step.lines = {"configure terminal"};
  step.until = talk.driver.prompts.at("config");
  CHECK(talk.dialog.send(step, 2s).accepted);
  step.lines = {"ok"};
  step.until = talk.driver.prompts.at("exec");
  CHECK_THAT(talk.dialog.send(step, 2s).complaint,
             Catch::StartsWith("after line 1 \"ok\" the device is at the prompt \"edge1(config)#\", not at one like"));
  step.until = {};
  step.expect = Pattern("saved");
  CHECK_THAT(talk.dialog.send(step, 2s).complaint, Catch::StartsWith("after line 1 \"ok\" the answer lacks `saved`"));
}

TEST_CASE("cli: silence ends the wait and names the line", "[transport]") {
  auto device = small_router();
  device.hang_at = 3;
  Talk talk(device);
  talk.learn();
  Step step;
  step.lines = ok_lines(10);
  CHECK_THROWS_WITH(
      talk.dialog.send(step, 200ms),
      Catch::Equals("edge1: silent for 0.2 s; the last it said was \"edge1#ok deny ip host 203.0.113.2 any\" "
                    "(at line 3 \"ok deny ip host 203.0.113.2 any\", 2 of 10 answered)") ||
          Catch::Equals("edge1: silent for 0.2 s; it had said nothing (at line 3 \"ok deny ip host 203.0.113.2 any\", 2 of 10 answered)"));
  CHECK_THROWS_AS(talk.send({"ok"}), Error);
}

TEST_CASE("cli: a connection lost in the middle names the line", "[transport]") {
  auto device = small_router();
  device.end_at = 3;
  Talk talk(device);
  talk.learn();
  try {
    talk.send(ok_lines(10));
    FAIL("no error");
  } catch (const Error &error) {
    CHECK(error.kind() == ErrorKind::Connect);
    CHECK(std::string(error.what()) ==
          "edge1: the device ended the session (at line 3 \"ok deny ip host 203.0.113.2 any\", 2 of 10 answered)");
  }
}

TEST_CASE("cli: a device that never shows a prompt", "[transport]") {
  auto device = small_router();
  device.greeting = "Welcome\n";
  device.prompt = [](const CliDevice &) { return std::string(); };
  Talk talk(device);
  CHECK_THROWS_WITH(talk.dialog.learn({}, 200ms),
                    Catch::Equals("edge1: silent for 0.2 s; the last it said was \"Welcome\" (waiting for the first prompt; "
                                  "the driver knows config, exec, user)"));
}

TEST_CASE("cli: dialogs before the first prompt", "[transport]") {
  auto device = small_router();
  device.greeting = "Your password has expired.\n";
  device.prompt = [](const CliDevice &) { return std::string("New password: "); };
  Talk expired(device);
  try {
    expired.learn();
    FAIL("no error");
  } catch (const Error &error) {
    CHECK(error.kind() == ErrorKind::Auth);
    CHECK_THAT(error.what(),
               Catch::StartsWith("edge1: before its first prompt the device asks \"Your password has expired. / New password:\""));
  }
  CHECK(expired.stream.written.empty());

  auto press = small_router();
  press.greeting = "Press any key to continue";
  const auto prompt = press.prompt;
  press.prompt = [prompt, shown = std::make_shared<int>(0)](const CliDevice &self) { return (*shown)++ == 0 ? "" : prompt(self); };
  Driver driver = ios();
  driver.login = {{Pattern("^Press any key to continue"), ""}};
  Talk talk(press, Chunks::Bytes, driver);
  CHECK(talk.learn().ask("show lines 1") == "line 1\n");
}

TEST_CASE("cli: privilege is raised with the secret, which nobody sees", "[transport]") {
  auto device = small_router();
  const auto plain = device.run;
  std::string given;
  bool right = true;
  device.prompt = [](const CliDevice &self) { return self.name + self.mode + (self.mode == "!" ? "#" : ">"); };
  device.run = [&, plain](CliDevice &self, const std::string &line) -> std::string {
    if (line != "enable")
      return plain(self, line);
    self.hide_answer = true;
    self.asked = [&](CliDevice &again, const std::string &answer) -> std::string {
      given = answer;
      if (answer != "s3cret" || !right)
        return "% Bad secrets\n";
      again.prompt = [](const CliDevice &at) { return at.name + at.mode + "#"; };
      return {};
    };
    return "Password: ";
  };
  const Driver::Enable enable{"enable", Pattern("^Password: ?$"), "exec"};
  for (const Chunks chunks : all_chunks) {
    Talk talk(device, chunks);
    talk.learn();
    talk.dialog.enable("enable", enable, "s3cret", 2s);
    CHECK(given == "s3cret");
    CHECK(talk.dialog.prompt() == "edge1#");
    CHECK(talk.told.find("s3cret") == std::string::npos);
    CHECK_THAT(talk.told, Catch::Contains("sent: <secret>"));
    talk.dialog.enable("enable", enable, "s3cret", 2s); // privileged already: nothing is sent
    CHECK(talk.send({"ok"}).accepted);
  }
  right = false;
  Talk refused(device);
  refused.learn();
  CHECK_THROWS_WITH(refused.dialog.enable("enable", enable, "s3cret", 2s),
                    Catch::Contains("not privileged: line 1 \"enable\": device said \"% Bad secrets\""));
  Talk without(device);
  without.learn();
  CHECK_THROWS_WITH(without.dialog.enable("enable", enable, "", 20s),
                    Catch::Contains("asks \"Password:\"") && Catch::Contains("no `enable` secret"));
}

TEST_CASE("cli: lines that set up the session fail only by fatal words", "[transport]") {
  auto device = small_router();
  device.run = [](CliDevice &, const std::string &line) {
    return line == "terminal length 0" ? "Pagination disabled.\n" : "% Invalid input\n";
  };
  Talk talk(device);
  talk.learn();
  CHECK(talk.dialog.set_up("terminal length 0", 2s).accepted);
  CHECK_FALSE(talk.dialog.set_up("terminal width 512", 2s).accepted);
}

TEST_CASE("cli: words without a line end in front of the prompt", "[transport]") {
  auto device = small_router();
  device.run = [](CliDevice &, const std::string &) { return "one\nno line end"; };
  Talk talk(device);
  CHECK(talk.learn().dialog.ask("show", 10s) == "one\nno line end\n");
  CHECK(talk.dialog.ask("show", 10s) == "one\nno line end\n");
}

TEST_CASE("cli: a large answer is read at a good pace", "[transport]") {
  Talk talk;
  talk.learn();
  const auto begun = std::chrono::steady_clock::now();
  CHECK(talk.ask("show lines 100000").size() > 1'000'000);
  CHECK(std::chrono::steady_clock::now() - begun < 10s);
}

TEST_CASE("cli: goodbye is said and not waited for", "[transport]") {
  Talk talk;
  talk.learn();
  talk.dialog.say_goodbye({"exit"});
  CHECK(talk.stream.device.ended);
}
