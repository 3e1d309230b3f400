// A conversation with a device in the same process, over a wire that hands bytes on in chunks.
#pragma once

#include "fakes/cli_device.hpp"
#include "transport/cli/cli_dialog.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace banpush::test {

using namespace std::chrono_literals;
using fakes::CliDevice;
using fakes::small_router;

// How long a device that will answer may take: it says nothing of how quick that is, for the machine may be busy.
inline constexpr auto patience = 60s;

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
    ++writes;
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
  std::size_t most_ahead = 0, writes = 0;

private:
  Chunks chunks_;
  bool pause_ = false;
  std::string out_;
};

inline Driver ios() {
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
    dialog.learn(driver.login, patience);
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
    return dialog.send(step, patience);
  }
  std::string ask(const std::string &line) { return dialog.ask(line, patience); }

  Driver driver;
  DeviceStream stream;
  std::string told;
  Dialogue dialogue{
      [this](std::string_view direction, std::string_view bytes) { told += std::string(direction) + ": " + std::string(bytes) + "\n"; },
      {"login-pw", "", "s3cret"}};
  CliDialog dialog;
};

inline constexpr auto all_chunks = {Chunks::Whole, Chunks::Bytes, Chunks::Pauses};

inline std::vector<std::string> ok_lines(int count) {
  std::vector<std::string> lines;
  for (int i = 0; i < count; ++i)
    lines.push_back("ok deny ip host 203.0.113." + std::to_string(i) + " any");
  return lines;
}

} // namespace banpush::test
