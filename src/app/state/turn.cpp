#include "app/state/turn.hpp"

#include "app/state/process_mark.hpp"
#include "core/error.hpp"
#include "files/open.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <sstream>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

namespace banpush {

namespace {

// Below zero where nobody could have a lock. Throws Error (Config) where somebody has taken care that we have none.
int opened(const std::string &state_path, Turn::For whom) {
  const std::string path = state_path + ".turn";
  auto file = open_or_make(path, whom == Turn::For::Group ? Shared::GroupWrites : Shared::Nobody);
  if (file)
    return file->release();
  const int code = file.error().code;
  if (whom == Turn::For::Group || code == ENOENT || code == ENOSPC || code == EDQUOT || code == EROFS || code == EIO || code == EMFILE ||
      code == ENFILE)
    return -1;
  throw Error(ErrorKind::Config, fmt::format("the turn {} cannot be taken: {}", path, file.error().text));
}

// What the holder wrote into the lock's file: process, when that began (in ticks, proc(5)), since when, verb.
struct Note {
  pid_t process = 0;
  unsigned long long began = 0;
  std::time_t since = 0;
  std::string what;
};

bool is_verb(const std::string &text) {
  return !text.empty() && text.size() <= 16 && std::all_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

// Nothing where nobody left one, or who did is no more.
std::optional<Note> note_in(const std::string &path) {
  constexpr std::size_t longest_note = 128;
  const auto text = read_whole(path, longest_note);
  if (!text)
    return std::nullopt;
  std::istringstream words(*text);
  Note note;
  if (!(words >> note.process >> note.began >> note.since >> note.what) || note.process <= 0 || !is_verb(note.what))
    return std::nullopt;
  if (::kill(note.process, 0) != 0 && errno == ESRCH)
    return std::nullopt;
  const auto now = process_began(note.process);
  return !now || *now == note.began ? std::optional(note) : std::nullopt;
}

void leave_note(int descriptor, pid_t process, const std::string &what) {
  if (descriptor < 0)
    return;
  const std::string text = fmt::format("{} {} {} {}\n", process, process_began(process).value_or(0), std::time(nullptr), what);
  [[maybe_unused]] const bool left = ::ftruncate(descriptor, 0) == 0 && ::pwrite(descriptor, text.data(), text.size(), 0) > 0;
}

std::string text_of(const std::optional<Note> &note) {
  if (!note)
    return "a process that left no note";
  std::tm local{};
  ::localtime_r(&note->since, &local);
  std::array<char, 32> since{};
  std::strftime(since.data(), since.size(), "%Y-%m-%d %H:%M:%S", &local);
  return fmt::format("banpush {} (process {}, since {})", note->what, note->process, since.data());
}

// A push ends; a service does not, nor need who left no note.
constexpr std::chrono::seconds patience_for_a_push{60}, patience_for_others{2}, patience_for_a_note{1};

} // namespace

std::optional<Turn> Turn::attempt(const std::string &state_path, const std::string &what, For whom) {
  const int descriptor = opened(state_path, whom);
  if (descriptor >= 0 && ::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    ::close(descriptor);
    return std::nullopt;
  }
  return Turn::inherited(descriptor, what);
}

Turn Turn::inherited(int descriptor, const std::string &what) {
  leave_note(descriptor, ::getpid(), is_verb(what) ? what : "push");
  return Turn(descriptor);
}

void Turn::hand_to(pid_t process) noexcept {
  try {
    leave_note(descriptor_, process, "push");
  } catch (const std::exception &) { // without memory, without a note
  }
  if (descriptor_ >= 0)
    ::close(std::exchange(descriptor_, -1));
}

std::optional<Turn> Turn::within(const std::string &state_path, const std::string &what, std::chrono::milliseconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  for (;;) {
    if (auto turn = attempt(state_path, what))
      return turn;
    if (std::chrono::steady_clock::now() >= end)
      return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
  }
}

Turn Turn::for_service(const std::string &state_path, const std::function<void(const std::string &)> &say) {
  if (auto turn = attempt(state_path, "serve"))
    return std::move(*turn);
  say(fmt::format("{} has the turn; waiting for it to end", holder(state_path)));
  const auto begin = std::chrono::steady_clock::now();
  const auto patience = [&] {
    const auto note = note_in(state_path + ".turn");
    return note && note->what != "serve" ? patience_for_a_push : patience_for_others;
  };
  do {
    if (auto turn = within(state_path, "serve", std::chrono::milliseconds{500}))
      return std::move(*turn);
  } while (std::chrono::steady_clock::now() - begin < patience());
  throw Error(ErrorKind::Connect, fmt::format("not served: {} has the turn ({}.turn), and only one at a time may speak to the devices",
                                              holder(state_path), state_path));
}

std::string Turn::holder(const std::string &state_path) {
  // A push that was just started has the turn before it leaves its note.
  auto note = note_in(state_path + ".turn");
  for (const auto end = std::chrono::steady_clock::now() + patience_for_a_note; !note && std::chrono::steady_clock::now() < end;) {
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
    note = note_in(state_path + ".turn");
  }
  return text_of(note);
}

Turn::Turn(Turn &&other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

Turn &Turn::operator=(Turn &&other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

// The note goes before the lock does: what is read is never of one before.
Turn::~Turn() {
  if (descriptor_ < 0)
    return;
  [[maybe_unused]] const int emptied = ::ftruncate(descriptor_, 0);
  ::close(descriptor_);
}

} // namespace banpush
