// Finding the prompt among all that devices say: what looks like one, hides it, or asks something before it.
#include "transport/talk.hpp"

#include <catch2/catch.hpp>

using namespace banpush;
using namespace banpush::test;

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

TEST_CASE("cli: a device that never shows a prompt", "[transport]") {
  auto device = small_router();
  device.greeting = "Welcome\n";
  device.prompt = [](const CliDevice &) { return std::string(); };
  Talk talk(device);
  CHECK_THROWS_WITH(talk.dialog.learn({}, 200ms), Catch::Equals("edge1: silent for 0.2 s; the last it said was \"Welcome\" "
                                                                "(no prompt that driver test_ios knows has come: config, exec, user)"));
}

TEST_CASE("cli: a device that is renamed under the session", "[transport]") {
  for (const Chunks chunks : all_chunks)
    for (const unsigned window : {1U, 4U}) {
      Talk talk(small_router(), chunks);
      talk.learn();
      CHECK_FALSE(talk.dialog.renamed());
      talk.stream.device.name = "core7";
      CHECK(talk.ask("show lines 2") == "line 1\nline 2\n");
      CHECK(talk.dialog.renamed() == std::pair<std::string, std::string>("edge1", "core7"));
      talk.stream.device.name = "core8";
      CHECK(talk.send(ok_lines(6), window).complaint == "");
      CHECK_THAT(talk.send({"ok", "bad", "ok"}, window).complaint,
                 Catch::StartsWith("line 2 \"bad\": device said \"% Invalid input detected"));
      CHECK(talk.dialog.renamed()->second == "core8");
    }
}

namespace {

// As the operator may have set it, words and all.
Driver with_any_prompt() {
  Driver driver = ios();
  driver.prompts["exec"] = Pattern(R"([^\s()#>][^\r\n()#>]{0,78}# ?)");
  return driver;
}

} // namespace

TEST_CASE("cli: the last words of an answer have no line end", "[transport]") {
  for (const Driver &driver : {ios(), with_any_prompt()})
    for (const unsigned window : {1U, 4U}) {
      auto device = small_router();
      const auto plain = device.run;
      device.run = [plain](CliDevice &self, const std::string &line) {
        return line == "write" ? "to 2000 bytes[OK]" : line == "bad" ? "% Duplicate entry. " : plain(self, line);
      };
      Talk talk(device, window == 1 ? Chunks::Bytes : Chunks::Whole, driver);
      talk.learn();
      CHECK_THAT(talk.send({"ok", "bad", "ok"}, window).complaint, Catch::StartsWith("line 2 \"bad\": device said \"% Duplicate entry."));
      CHECK(talk.dialog.prompt() == "edge1#");
      CHECK(talk.ask("write") == "to 2000 bytes[OK]\n");
      CHECK(talk.ask("show lines 2") == "line 1\nline 2\n");
      CHECK_FALSE(talk.dialog.renamed());
    }
}

TEST_CASE("cli: what a prompt has grown by is no words", "[transport]") {
  for (const Driver &driver : {ios(), with_any_prompt()}) {
    Talk talk(small_router(), Chunks::Bytes, driver);
    talk.learn();
    talk.stream.device.name = "[7]edge1";
    CHECK(talk.ask("show lines 2") == "line 1\nline 2\n");
    CHECK(talk.dialog.prompt() == "[7]edge1#");
    CHECK(talk.send(ok_lines(4), 4).complaint == "");
    talk.stream.device.name = "core-edge1";
    CHECK(talk.ask("show lines 2") == "line 1\nline 2\n");
    CHECK(talk.send(ok_lines(4), 4).complaint == "");
    CHECK(talk.dialog.renamed()->second == "core-edge1");
  }
}

TEST_CASE("cli: a prompt with the time in it names no other device", "[transport]") {
  auto device = small_router();
  int minute = 10;
  device.prompt = [&minute](const CliDevice &self) { return "19:" + std::to_string(++minute) + ":13 " + self.name + " [lab]#"; };
  const auto plain = device.run;
  device.run = [plain](CliDevice &self, const std::string &line) { return line == "bad" ? "% Duplicate entry. " : plain(self, line); };
  Talk talk(device, Chunks::Bytes, with_any_prompt());
  CHECK(talk.learn().send(ok_lines(6), 4).complaint == "");
  CHECK_FALSE(talk.dialog.renamed());
  CHECK_THAT(talk.send({"ok", "bad", "ok"}, 1).complaint, Catch::StartsWith("line 2 \"bad\": device said \"% Duplicate entry."));
}

TEST_CASE("cli: another name in configuration mode", "[transport]") { // `prompt %h-7%p` of the operator
  auto device = small_router();
  device.prompt = [](const CliDevice &self) { return self.mode.empty() ? std::string("[site 7]#") : self.name + self.mode + "#"; };
  Driver driver = ios();
  driver.prompts["exec"] = Pattern(R"([^\r\n#>()]{1,79}#)");
  for (const Chunks chunks : all_chunks) {
    Talk talk(device, chunks, driver);
    talk.learn();
    CHECK(talk.send({"configure terminal", "ok", "ok", "end"}, 4).complaint == "");
    CHECK(talk.ask("show lines 2") == "line 1\nline 2\n");
    CHECK_FALSE(talk.dialog.renamed()); // it calls itself the same in prompts of the same kind
  }
}

TEST_CASE("cli: a greeting without a line end, the prompt glued behind it", "[transport]") {
  for (const Chunks chunks : all_chunks)
    for (const char *greeting : {"Welcome to this router, all is logged", "last login: never # "}) {
      auto device = small_router();
      device.greeting = greeting;
      Talk talk(device, chunks);
      CHECK(talk.learn().dialog.prompt() == "edge1#");
      CHECK(talk.ask("show lines 2") == "line 1\nline 2\n");
    }
  auto device = small_router(); // a question is never answered so
  device.greeting = "Reset to factory defaults? [Y/n] ";
  device.prompt = [](const CliDevice &) { return std::string(); };
  Talk asked(device);
  CHECK_THROWS_WITH(asked.dialog.learn({}, 2s), Catch::Contains("the device asks \"Reset to factory defaults? [Y/n]\""));
  CHECK(asked.stream.written.empty());
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
    talk.dialog.enable("enable", enable, "s3cret", patience);
    CHECK(given == "s3cret");
    CHECK(talk.dialog.prompt() == "edge1#");
    CHECK(talk.told.find("s3cret") == std::string::npos);
    CHECK_THAT(talk.told, Catch::Contains("sent: <secret>"));
    talk.dialog.enable("enable", enable, "s3cret", patience); // privileged already: nothing is sent
    CHECK(talk.send({"ok"}).accepted);
  }
  right = false;
  Talk refused(device);
  refused.learn();
  CHECK_THROWS_WITH(refused.dialog.enable("enable", enable, "s3cret", patience),
                    Catch::Contains("not privileged: line 1 \"enable\": device said \"% Bad secrets\""));
  auto patient = device; // which asks again
  patient.run = [&, plain](CliDevice &self, const std::string &line) -> std::string {
    if (line != "enable")
      return plain(self, line);
    self.hide_answer = true;
    self.asked = [](CliDevice &again, const std::string &) -> std::string {
      again.asked = [](CliDevice &, const std::string &) -> std::string { return {}; };
      return "Password: ";
    };
    return "Password: ";
  };
  Talk again(patient);
  again.learn();
  CHECK_THROWS_WITH(again.dialog.enable("enable", enable, "s3cret", patience),
                    Catch::Contains("not privileged: the device refused the `enable` secret, and asks for it again"));
  Talk without(device);
  without.learn();
  CHECK_THROWS_WITH(without.dialog.enable("enable", enable, "", 20s),
                    Catch::Contains("asks \"Password:\"") && Catch::Contains("no `enable` secret"));
}

TEST_CASE("cli: a device that thinks about an answer asks no new question", "[transport]") {
  // Another server looks at the password: not a byte for longer than an unknown question is waited on.
  struct Thinking : DeviceStream {
    using DeviceStream::DeviceStream;
    std::size_t write_some(std::string_view bytes) override {
      if (bytes.substr(0, 6) == "s3cret")
        silent_until = Clock::now() + 3300ms;
      return DeviceStream::write_some(bytes);
    }
    std::string read_some(Clock::time_point deadline) override {
      if (Clock::now() >= silent_until)
        return DeviceStream::read_some(deadline);
      std::this_thread::sleep_for(1ms);
      return {};
    }
    Clock::time_point silent_until{};
  };
  auto device = small_router();
  const auto plain = device.run;
  device.prompt = [](const CliDevice &self) { return self.name + ">"; };
  device.run = [plain](CliDevice &self, const std::string &line) -> std::string {
    if (line != "enable")
      return plain(self, line);
    self.hide_answer = true;
    self.asked = [](CliDevice &again, const std::string &) -> std::string {
      again.prompt = [](const CliDevice &at) { return at.name + "#"; };
      return {};
    };
    return "Password: ";
  };
  const Driver driver = ios();
  Thinking stream(device, Chunks::Whole);
  Dialogue dialogue({}, {});
  CliDialog dialog("edge1", driver, stream, dialogue);
  dialog.learn({}, patience);
  dialog.enable("enable", {"enable", Pattern("^Password: ?$"), "exec"}, "s3cret", patience);
  CHECK(dialog.prompt() == "edge1#");
}
