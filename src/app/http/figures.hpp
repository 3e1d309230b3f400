// Counts over the tables for those who look, read by a thread and a connection of their own: the service's following of the
// tables knows nothing of it.
#pragma once

#include "core/bans/stats.hpp"
#include "settings/config.hpp"

#include <chrono>
#include <condition_variable>
#include <ctime>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace banpush {

struct Figures {
  Stats day, month;         // 24 hours by the hour, 30 days by the day; all names
  std::size_t bad_rows = 0; // that are no bans
  std::time_t at = 0;       // when the tables were read; 0: never
  std::string trouble;      // why they could not be; then all else is of before
};

class FiguresReader {
public:
  // Where the tables are is asked for each time.
  explicit FiguresReader(std::function<std::shared_ptr<const Config>()> config);
  FiguresReader(const FiguresReader &) = delete;
  FiguresReader &operator=(const FiguresReader &) = delete;
  ~FiguresReader();

  // Not older than a minute where the tables can be read in a second; else of the last reading. Null: there was none yet.
  std::shared_ptr<const Figures> latest();

private:
  void run();

  const std::function<std::shared_ptr<const Config>()> config_;
  std::mutex lock_;
  std::condition_variable wake_, read_;
  std::shared_ptr<const Figures> latest_;
  std::chrono::steady_clock::time_point due_{}; // not before
  bool asked_ = false, ending_ = false;
  std::thread thread_;
};

} // namespace banpush
