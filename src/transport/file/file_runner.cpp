#include "transport/file/file_runner.hpp"

#include "core/error.hpp"
#include "files/open.hpp"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <sys/stat.h>

namespace banpush {

namespace {

// Words that a driver knows as the list's absence.
Finished failed(const FileProblem &problem) {
  return {1, {}, {}, fmt::format("feed: {}{}\n", problem.text, problem.code == ENOENT ? " (the list is not there)" : "")};
}

Finished finished(const FileResult<void> &done) { return done ? Finished{} : failed(done.error()); }

Finished read(const ListFile &list) {
  const auto parts = read_parts(list);
  if (!parts)
    return failed(parts.error());
  Finished finished;
  std::size_t count = 0;
  for (const auto &part : *parts)
    for (const std::string &line : part) {
      finished.output += line + "\n";
      ++count;
    }
  finished.output += fmt::format("# whole: {} entries\n", count);
  return finished;
}

Finished edit(const ListFile &list, std::string_view input) {
  LineChange change;
  for (std::size_t number = 1; !input.empty(); ++number) {
    const std::size_t end = std::min(input.find('\n'), input.size());
    const std::string_view line = input.substr(0, end);
    if (line.size() < 2 || (line.front() != '+' && line.front() != '-') || line[1] == '#')
      return {1, {}, {}, fmt::format("feed: line {}: neither + nor - and an entry\n", number)};
    (line.front() == '+' ? change.add : change.remove).emplace_back(line.substr(1));
    input.remove_prefix(std::min(end + 1, input.size()));
  }
  return finished(edit_parts(list, change));
}

} // namespace

FileRunner::Seen FileRunner::look_at(const std::string &path) {
  const auto file = open_to_read(path);
  struct stat about {};
  if (!file || ::fstat(file->get(), &about) != 0)
    return {};
  return {about.st_ino, about.st_size, about.st_mtim.tv_sec, about.st_mtim.tv_nsec};
}

void FileRunner::note(const ListFile &list) {
  for (std::size_t number = 1; number <= list.parts; ++number)
    seen_[list.part(number)] = look_at(list.part(number));
}

bool FileRunner::disturbed() {
  return std::any_of(seen_.begin(), seen_.end(), [](const auto &one) { return look_at(one.first) != one.second; });
}

Finished FileRunner::run(const Program &program) {
  try {
    const auto call = list_call(program.argv);
    if (!call)
      throw Error(ErrorKind::Config,
                  fmt::format("{}: only the words of `feed` are understood where a list is a file", command_line(program.argv)));
    switch (call->verb) {
    case ListCall::Verb::Read: note(call->list); return read(call->list); // what comes between the two is seen afterwards
    case ListCall::Verb::Edit: return edit(call->list, program.input);
    case ListCall::Verb::Make: return finished(make_parts(call->list));
    case ListCall::Verb::Remove: return finished(remove_parts(call->list));
    }
    return {};
  } catch (const Error &error) {
    throw Error(error.kind(), fmt::format("{}: {}", name_, error.what()));
  }
}

} // namespace banpush
