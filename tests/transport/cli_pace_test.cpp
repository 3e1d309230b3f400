// How much is on its way to a command line: it follows what the device takes, and what a device loses is noticed, never taken for done.
#include "transport/cli/cli_pace.hpp"
#include "transport/talk.hpp"

#include <catch2/catch.hpp>

using namespace banpush;
using namespace banpush::test;

namespace {

// A device whose line holds so many bytes that it has not read yet, and loses what comes beyond. It reads a line each time it is
// listened to.
class BoundedStream : public ByteStream {
public:
  explicit BoundedStream(std::size_t room, CliDevice peer = small_router()) : device(std::move(peer)), room_(room) {
    out_ = device.start();
  }

  std::size_t write_some(std::string_view bytes) override {
    ++writes;
    for (const char c : bytes)
      if (waiting_.size() < room_)
        waiting_ += c;
      else
        ++lost;
    most = std::max(most, waiting_.size());
    return bytes.size();
  }
  std::string read_some(Clock::time_point deadline) override {
    if (out_.empty()) {
      const std::size_t end = waiting_.find('\n');
      if (end == std::string::npos) {
        if (Clock::now() < deadline)
          std::this_thread::sleep_for(1ms);
        return {};
      }
      out_ = device.type(waiting_.substr(0, end + 1));
      waiting_.erase(0, end + 1);
    }
    return std::exchange(out_, {});
  }

  CliDevice device;
  std::size_t lost = 0, most = 0, writes = 0;

private:
  std::size_t room_;
  std::string waiting_, out_;
};

// Whose sessions begin by switching the pager off.
Driver unpaged() {
  Driver driver = ios();
  driver.session = {"terminal length 0"};
  return driver;
}

struct Bounded {
  explicit Bounded(std::size_t room, CliDevice peer = small_router())
      : stream(room, std::move(peer)), dialog("edge1", driver, stream, dialogue) {
    dialog.learn({}, patience);
  }
  Delivery send(std::vector<std::string> lines, Window window) {
    Step step;
    step.lines = std::move(lines);
    step.window = window;
    return dialog.send(step, patience);
  }

  Driver driver = unpaged();
  BoundedStream stream;
  Dialogue dialogue{{}, {}};
  CliDialog dialog;
};

// As a device answers so many lines of 50 bytes, one each `a_line`, and each `took` after it went out.
Clock::time_point answer(CliPace &pace, Clock::time_point now, std::size_t lines, Clock::duration a_line, Clock::duration took = 64ms) {
  for (std::size_t i = 0; i < lines; ++i) {
    now += a_line;
    pace.answered(50, now - took, CliPace::Waiting::Lines, now);
  }
  return now;
}

} // namespace

TEST_CASE("pace: it grows while more on the way brings more, and goes back by the step that brought nothing", "[transport]") {
  CliPace pace;
  pace.begin({100, 400, 100'000});
  CHECK(pace.allows(8, 400));
  CHECK_FALSE(pace.allows(9, 450));
  CHECK_FALSE(pace.allows(101, 300));
  auto now = Clock::now();
  now = answer(pace, now, 1 + 8, 8ms); // 400 bytes in 64 ms
  CHECK(pace.limit() == 800);
  now = answer(pace, now, 16, 4ms); // twice as many bytes in the same time
  CHECK(pace.limit() == 1600);
  now = answer(pace, now, 32, 4ms); // no quicker
  CHECK(pace.limit() == 800);
  CHECK(pace.learnt() == Pace{800, 0});
  CliPace next;
  next.remember(pace.learnt());
  next.begin({100, 400, 100'000});
  CHECK(next.limit() == 800);
}

TEST_CASE("pace: it does not grow where lines lie in the device's buffer already", "[transport]") {
  CliPace pace;
  pace.begin({100, 400, 100'000});
  auto now = answer(pace, Clock::now(), 1, 64ms, 64ms);
  answer(pace, now, 80, 8ms, 100ms);
  CHECK(pace.limit() == 400);
}

TEST_CASE("pace: nothing is learnt where nothing waited", "[transport]") {
  CliPace pace;
  pace.begin({100, 400, 100'000});
  auto now = Clock::now();
  for (int i = 0; i < 100; ++i) {
    now += 1ms;
    pace.answered(50, now - 64ms, CliPace::Waiting::None, now);
  }
  CHECK(pace.limit() == 400);
  CHECK(pace.learnt() == Pace{});
}

TEST_CASE("pace: one damaged echo, and lines go one by one; the next session stays below what was lost with", "[transport]") {
  CliPace pace;
  pace.begin({100, 400, 100'000});
  pace.damaged(390);
  CHECK(pace.allows(1, 50));
  CHECK_FALSE(pace.allows(2, 100));
  CHECK(pace.learnt().lost_with == 390);
  CliPace next;
  next.remember(pace.learnt());
  next.begin({100, 400, 100'000});
  CHECK(next.limit() == 195);
  next.damaged(80);
  CliPace last;
  last.remember(next.learnt());
  last.begin({100, 400, 100'000});
  CHECK(last.allows(1, 50));
  CHECK_FALSE(last.allows(2, 60)); // no room for two lines
}

TEST_CASE("pace: no more on the way than the driver says at most", "[transport]") {
  CliPace pace;
  pace.begin({100, 400, 600});
  answer(pace, Clock::now(), 1 + 8, 8ms);
  CHECK(pace.limit() == 600);
}

TEST_CASE("cli: what a device loses is noticed, and nothing behind it is sent", "[transport]") {
  for (const std::size_t room : {100U, 150U, 333U, 700U}) {
    Bounded talk(room);
    const auto lines = ok_lines(60);
    const Delivery delivery = talk.send(lines, {1000, 2000, 2000});
    INFO("room " << room << ": " << delivery.complaint);
    REQUIRE(talk.stream.lost > 0);
    CHECK(delivery.lost);
    CHECK_FALSE(delivery.accepted);
    CHECK_THAT(delivery.complaint, Catch::Contains("the device lost it, or a part of it"));
    CHECK(delivery.lines < 60);
    // Each line that counts as answered did arrive.
    const auto &received = talk.stream.device.received;
    REQUIRE(received.size() >= delivery.lines);
    CHECK(std::equal(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(delivery.lines), received.begin()));
    // The session goes on, one line at a time, and loses nothing more.
    const std::size_t lost = talk.stream.lost;
    const Delivery again = talk.send(lines, {1000, 2000, 2000});
    CHECK(again.complaint == "");
    CHECK(again.lines == 60);
    CHECK(talk.stream.lost == lost);
    CHECK(talk.dialog.learnt().lost_with > 0);
  }
}

TEST_CASE("cli: lines thrown away as a whole are noticed, too", "[transport]") {
  struct Flushing : DeviceStream { // reads one line, and forgets what was typed ahead of it
    using DeviceStream::DeviceStream;
    std::size_t write_some(std::string_view bytes) override {
      DeviceStream::write_some(bytes.substr(0, bytes.find('\n') + 1));
      return bytes.size();
    }
  };
  const Driver driver = ios();
  Flushing stream(small_router(), Chunks::Whole);
  Dialogue dialogue({}, {});
  CliDialog dialog("edge1", driver, stream, dialogue);
  dialog.learn({}, patience);
  Step step;
  step.lines = ok_lines(10);
  const Delivery delivery = dialog.send(step, patience);
  CHECK(delivery.lost);
  CHECK(delivery.lines == 1);
  CHECK_THAT(delivery.complaint, Catch::StartsWith("line 2 \"ok deny ip host 203.0.113.1 any\": the device lost it"));
  CHECK(dialog.send(step, patience).lines == 10);
}

TEST_CASE("cli: the complaint of a line is told although others are lost behind it", "[transport]") {
  Bounded talk(300);
  auto lines = ok_lines(60);
  lines[1] = "bad two";
  const Delivery delivery = talk.send(lines, {1000, 2000, 2000});
  CHECK_FALSE(delivery.accepted);
  CHECK_THAT(delivery.complaint, Catch::Contains("line 2 \"bad two\": device said \"% Invalid"));
}

TEST_CASE("cli: a device that takes more is given more", "[transport]") {
  Bounded talk(100'000);
  CHECK(talk.send(ok_lines(250), Window{}).lines == 250);
  CHECK(talk.stream.most <= 65'536);
  CHECK(talk.stream.lost == 0);
}

TEST_CASE("cli: several questions at once are answered as one by one", "[transport]") {
  const std::vector<CliDialog::Asked> questions = {{"show lines 3"}, {"ok"}, {"show lines 1"}, {"bad"}, {"show lines 40"}};
  std::vector<std::string> expected;
  for (const auto &question : questions) {
    Talk talk;
    expected.push_back(talk.learn().ask(question.line));
  }
  for (const auto echo : {CliDevice::Echo::Yes, CliDevice::Echo::No, CliDevice::Echo::Twice, CliDevice::Echo::Repaint})
    for (const Chunks chunks : all_chunks) {
      INFO("echo " << static_cast<int>(echo) << ", chunks " << static_cast<int>(chunks));
      auto device = small_router();
      device.echo = echo;
      Talk talk(device, chunks, unpaged());
      talk.learn();
      CHECK(talk.dialog.ask_all(questions, patience) == expected);
      CHECK(talk.ask("show lines 2") == "line 1\nline 2\n");
    }
  Talk plain(small_router(), Chunks::Whole, unpaged());
  plain.learn();
  const std::size_t before = plain.stream.writes;
  CHECK(plain.dialog.ask_all(questions, patience) == expected);
  CHECK(plain.stream.writes == before + 1);
  Talk pages; // nothing has switched its pager off
  pages.learn();
  const std::size_t before_that = pages.stream.writes;
  CHECK(pages.dialog.ask_all(questions, patience) == expected);
  CHECK(pages.stream.writes > before_that + questions.size());
}

TEST_CASE("cli: questions that were lost, or that a pager took for its keys, are asked again one by one", "[transport]") {
  const std::vector<CliDialog::Asked> questions = {{"show lines 3"}, {"show lines 40"}, {"show lines 2"}, {"show lines 1"}};
  std::vector<std::string> expected;
  for (const auto &question : questions) {
    Talk talk;
    expected.push_back(talk.learn().ask(question.line));
  }
  Bounded small(30);
  CHECK(small.dialog.ask_all(questions, patience) == expected);
  CHECK(small.stream.lost > 0);
  auto device = small_router();
  device.page = 7;
  Talk paged(device, Chunks::Whole, unpaged());
  paged.learn();
  auto answers = paged.dialog.ask_all(questions, patience);
  for (std::string &answer : answers)
    answer.erase(std::unique(answer.begin(), answer.end(), [](char a, char b) { return a == '\n' && b == '\n'; }), answer.end());
  CHECK(answers == expected);
}

TEST_CASE("cli: where a question may come, no line is sent ahead of its answer", "[transport]") {
  Talk talk;
  talk.learn();
  Step step;
  step.lines = {"confirm", "ok"};
  step.ask = {{Pattern(R"(\[confirm\]\s*$)"), ""}};
  const Delivery delivery = talk.dialog.send(step, patience);
  CHECK(delivery.complaint == "");
  CHECK(talk.stream.device.received == std::vector<std::string>{"confirm", "ok"});
}
