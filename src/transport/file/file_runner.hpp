// Lists that others fetch as a device: what a driver asks of the program `feed` is answered in this process.
#pragma once

#include "transport/file/list_file.hpp"
#include "transport/runner.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace banpush {

// `feed read` says the lines of all parts, and at the end `# whole: N entries`; `feed edit` takes lines to add (`+LINE`) and to
// take out (`-LINE`); `feed make` and `feed remove` are the setup. What goes wrong has status 1 and the reason in `errors`.
class FileRunner : public Runner {
public:
  // The name, of a device, stands in front of messages.
  explicit FileRunner(std::string name) : name_(std::move(name)) {}

  Facts open() override { return {}; }
  // Throws Error (Config) for another program.
  Finished run(const Program &program) override;
  // Who else writes a file, and in whatever way, is seen by the file itself.
  void watch() override { seen_.clear(); }
  bool disturbed() override;
  void close() noexcept override {}
  void cancel() noexcept override {} // a file is written in one go

private:
  // A file as it was when it was last read.
  struct Seen {
    std::uint64_t inode = 0;
    std::int64_t size = -1, seconds = 0, nanoseconds = 0; // of its last change; size below zero: it is not there
    bool operator==(const Seen &) const = default;
  };
  static Seen look_at(const std::string &path);
  void note(const ListFile &list);

  std::string name_;
  std::map<std::string, Seen> seen_; // by path, since watch()
};

} // namespace banpush
