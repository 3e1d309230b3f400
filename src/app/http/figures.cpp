#include "app/http/figures.hpp"

#include "app/record/waiting.hpp"

#include <limits>

namespace banpush {

namespace {

using namespace std::chrono_literals;

// Each reading costs the database as much as a push: not more often than this, and only while somebody asks.
constexpr auto between_readings = 60s, patience_of_a_caller = 1s;
constexpr std::size_t all = std::numeric_limits<std::size_t>::max();

Figures read(const Config &now, const Figures *before) {
  Figures made;
  try {
    Config config = now;
    const std::time_t at = std::time(nullptr);
    const Fetched fetched = fetch_with_waiting(config);
    made.day = stats(fetched.bans, 24, hour, all);
    made.month = stats(fetched.bans, 30, day, all);
    made.bad_rows = fetched.bans.bad_rows();
    made.at = at;
  } catch (const std::exception &error) {
    if (before != nullptr)
      made = *before;
    made.trouble = error.what();
  }
  return made;
}

} // namespace

FiguresReader::FiguresReader(std::function<std::shared_ptr<const Config>()> config)
    : config_(std::move(config)), thread_([this] { run(); }) {}

FiguresReader::~FiguresReader() {
  {
    const std::lock_guard lock(lock_);
    ending_ = true;
    wake_.notify_one();
    read_.notify_all();
  }
  thread_.join();
}

std::shared_ptr<const Figures> FiguresReader::latest() {
  std::unique_lock lock(lock_);
  if (std::chrono::steady_clock::now() >= due_) {
    asked_ = true;
    wake_.notify_one();
    read_.wait_for(lock, patience_of_a_caller, [&] { return ending_ || !asked_; });
  }
  return latest_;
}

void FiguresReader::run() {
  std::unique_lock lock(lock_);
  for (;;) {
    wake_.wait(lock, [&] { return ending_ || asked_; });
    if (ending_)
      return;
    const auto before = latest_;
    lock.unlock();
    std::shared_ptr<const Figures> made;
    try {
      made = std::make_shared<const Figures>(read(*config_(), before.get()));
    } catch (const std::exception &) { // no memory: as before
      made = before;
    }
    lock.lock();
    latest_ = std::move(made);
    due_ = std::chrono::steady_clock::now() + between_readings;
    asked_ = false;
    read_.notify_all();
  }
}

} // namespace banpush
