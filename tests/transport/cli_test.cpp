// The conversation with a command line, against devices that misbehave, in several chunkings.
#include "transport/talk.hpp"

#include <catch2/catch.hpp>

using namespace banpush;
using namespace banpush::test;

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
  dialog.learn({}, patience);
  Step step;
  step.lines = ok_lines(100);
  step.window = {50, 200, 200};
  CHECK(dialog.send(step, patience).lines == 100);
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

TEST_CASE("cli: known questions are answered, in each chunking", "[transport]") {
  for (const Chunks chunks : all_chunks) {
    Talk talk(small_router(), chunks);
    talk.learn();
    Step step;
    step.lines = {"confirm", "ok"};
    step.ask = {{Pattern(R"(\[confirm\]\s*$)"), ""}};
    step.expect = Pattern(R"(^\[OK\])");
    const Delivery delivery = talk.dialog.send(step, patience);
    CHECK(delivery.complaint == "");
    CHECK(delivery.lines == 2);
    step.ask[0].answer = "n";
    CHECK_THAT(talk.dialog.send(step, patience).complaint, Catch::Contains("% not confirmed"));
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
  dialog.learn({}, patience);
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
  CHECK(talk.dialog.send(step, patience).accepted);
  step.lines = {"ok"};
  step.until = talk.driver.prompts.at("exec");
  CHECK_THAT(talk.dialog.send(step, patience).complaint,
             Catch::StartsWith("after line 1 \"ok\" the device is at the prompt \"edge1(config)#\", not at one like"));
  step.until = {};
  step.expect = Pattern("saved");
  CHECK_THAT(talk.dialog.send(step, patience).complaint, Catch::StartsWith("after line 1 \"ok\" the answer lacks `saved`"));
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

TEST_CASE("cli: lines that set up the session fail only by fatal words", "[transport]") {
  auto device = small_router();
  device.run = [](CliDevice &, const std::string &line) {
    return line == "terminal length 0" ? "Pagination disabled.\n" : "% Invalid input\n";
  };
  Talk talk(device);
  talk.learn();
  CHECK(talk.dialog.set_up({"terminal length 0"}, patience).accepted);
  CHECK_FALSE(talk.dialog.set_up({"terminal width 512"}, patience).accepted);
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
  CHECK(talk.ask("show lines 50000").size() > 500'000);
  CHECK(std::chrono::steady_clock::now() - begun < patience);
}

TEST_CASE("cli: goodbye is said and not waited for", "[transport]") {
  Talk talk;
  talk.learn();
  talk.dialog.say_goodbye({"exit"});
  CHECK(talk.stream.device.ended);
}
