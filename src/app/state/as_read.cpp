// The part of State that keeps what a reading told beside the entries of ours.
#include "app/state/instant.hpp"
#include "app/state/state_handle.hpp"

#include <algorithm>
#include <charconv>

namespace banpush {

namespace {

constexpr const char *is_gap = "gap", *is_idle = "idle", *is_doubt = "doubt", *is_other = "other", *is_more = "more";

std::string text_of(const std::optional<Prefix> &prefix) { return prefix ? prefix->text() : std::string(); }

std::optional<Prefix> prefix_of(std::string_view text) {
  const auto prefix = Prefix::parse(text);
  return prefix ? std::optional(*prefix) : std::nullopt;
}

std::size_t count_of(const std::string &text) {
  std::size_t count = 0;
  std::from_chars(text.data(), text.data() + text.size(), count);
  return count;
}

struct Line {
  std::string what, list, prefix, source, text;
  auto operator<=>(const Line &) const = default;
};

Line line_of(const Gap &gap) {
  return {gap.rule.empty() ? is_idle : is_gap, gap.entry.second, gap.entry.first.text(), text_of(gap.source),
          gap.rule.empty() ? gap.why : gap.rule};
}

std::vector<Line> lines_of(const AsRead &told) {
  std::vector<Line> lines;
  for (const Gap &one : told.gaps)
    lines.push_back(line_of(one));
  for (const ListDoubt &one : told.doubts)
    lines.push_back({is_doubt, one.list, {}, {}, one.why});
  for (const OtherEntry &one : told.others)
    lines.push_back({is_other, one.list, text_of(one.covers), text_of(one.around), one.text});
  if (told.more_others != 0)
    lines.push_back({is_more, {}, {}, {}, std::to_string(told.more_others)});
  return lines;
}

void take(AsRead &told, const Line &line) {
  const std::optional<Prefix> source = prefix_of(line.source);
  if (line.what == is_doubt)
    told.doubts.push_back({line.list, line.text});
  else if (line.what == is_other)
    told.others.push_back({line.list, line.text, prefix_of(line.prefix), source});
  else if (line.what == is_more)
    told.more_others = count_of(line.text);
  else if (const auto block = Block::parse(line.prefix))
    told.gaps.push_back(
        {{*block, line.list}, source, line.what == is_gap ? line.text : std::string(), line.what == is_gap ? std::string() : line.text});
}

// What is kept of a device, each with its row.
using Kept = std::vector<std::pair<Line, std::int64_t>>;

Kept kept_of(const Database &database, const std::string &device) {
  Kept kept;
  auto rows = database.prepare("SELECT what, list, prefix, source, text, rowid FROM as_read WHERE device = ?", {device});
  while (rows.step())
    kept.push_back({{std::string(rows.text(0)), std::string(rows.text(1)), std::string(rows.text(2)), std::string(rows.text(3)),
                     std::string(rows.text(4))},
                    rows.number(5)});
  return kept;
}

// From what is kept to the lines, which are sorted.
struct Differing {
  std::vector<std::int64_t> over; // rows
  std::vector<const Line *> come;
  bool empty() const noexcept { return over.empty() && come.empty(); }
};

Differing between(Kept kept, const std::vector<Line> &lines) {
  std::sort(kept.begin(), kept.end());
  Differing found;
  auto line = lines.begin();
  for (const auto &[was, row] : kept) {
    while (line != lines.end() && *line < was)
      found.come.push_back(&*line++);
    if (line != lines.end() && *line == was)
      ++line;
    else
      found.over.push_back(row); // or kept twice
  }
  for (; line != lines.end(); ++line)
    found.come.push_back(&*line);
  return found;
}

class Writer {
public:
  Writer(const Database &database, const std::string &device)
      : device_(device), add_(database.prepare("INSERT INTO as_read (device, what, list, prefix, source, text) VALUES (?, ?, ?, ?, ?, ?)")),
        remove_(database.prepare("DELETE FROM as_read WHERE rowid = ?")) {}

  void add(const Line &line) {
    add_.restart({device_, line.what, line.list, line.prefix, line.source, line.text});
    add_.step();
  }
  void remove(std::int64_t row) {
    remove_.restart({row});
    remove_.step();
  }

private:
  const std::string &device_;
  Statement add_, remove_;
};

} // namespace

AsRead State::as_read(const std::string &device) {
  AsRead told;
  if (!handle_)
    return told;
  with("read what was told of a device", [&] {
    for (const auto &[line, row] : kept_of(handle_->database, device))
      take(told, line);
  });
  std::sort(told.gaps.begin(), told.gaps.end());
  std::sort(told.doubts.begin(), told.doubts.end());
  std::sort(told.others.begin(), told.others.end());
  return told;
}

// Only what differs is written: there may be thousands of lines, and one that is new.
void State::keep_as_read(const std::string &device, const AsRead &told) {
  if (!handle_)
    return;
  with("write what was told of a device", [&] {
    std::vector<Line> lines = lines_of(told);
    std::sort(lines.begin(), lines.end());
    lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
    const Database &database = handle_->database;
    if (between(kept_of(database, device), lines).empty())
      return; // without keeping others from the file
    Transaction transaction(database);
    const Differing found = between(kept_of(database, device), lines);
    Writer writer(database, device);
    for (const std::int64_t row : found.over)
      writer.remove(row);
    for (const Line *one : found.come)
      writer.add(*one);
    transaction.commit();
  });
}

void State::change_as_read(const std::string &device, const Change &change, const std::vector<Gap> &gaps) {
  if (!handle_)
    return;
  with("write what was told of a device", [&] {
    const Database &database = handle_->database;
    const auto is_known = [&] {
      return database.prepare("SELECT 1 FROM as_read WHERE device = ? AND what IN ('gap', 'idle')", {device}).step();
    };
    if (gaps.empty() && !is_known())
      return;
    Transaction transaction(database);
    auto remove = database.prepare("DELETE FROM as_read WHERE device = ? AND what IN ('gap', 'idle') AND list = ? AND prefix = ?");
    const auto forget = [&](const auto &one) {
      remove.restart({device, one.list, one.block.text()});
      remove.step();
    };
    std::for_each(change.remove.begin(), change.remove.end(), forget);
    std::for_each(change.add.begin(), change.add.end(), forget);
    Writer writer(database, device);
    for (const Gap &one : gaps)
      writer.add(line_of(one));
    transaction.commit();
  });
}

} // namespace banpush
