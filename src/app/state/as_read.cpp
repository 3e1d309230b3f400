// The part of State that keeps what a reading told beside the entries of ours.
#include "app/state/instant.hpp"
#include "app/state/state_handle.hpp"

#include <algorithm>

namespace banpush {

namespace {

constexpr const char *is_gap = "gap", *is_idle = "idle", *is_doubt = "doubt", *is_other = "other";

std::string text_of(const std::optional<Prefix> &prefix) { return prefix ? prefix->text() : std::string(); }

std::optional<Prefix> prefix_of(std::string_view text) {
  const auto prefix = Prefix::parse(text);
  return prefix ? std::optional(*prefix) : std::nullopt;
}

} // namespace

AsRead State::as_read(const std::string &device) {
  AsRead told;
  if (!handle_)
    return told;
  with("read what was told of a device", [&] {
    auto rows = handle_->database.prepare("SELECT what, list, prefix, source, text FROM as_read WHERE device = ?", {device});
    while (rows.step()) {
      const std::string_view what = rows.text(0);
      const std::string list(rows.text(1)), prefix(rows.text(2)), text(rows.text(4));
      const std::optional<Prefix> source = prefix_of(rows.text(3));
      if (what == is_doubt)
        told.doubts.push_back({list, text});
      else if (what == is_other)
        told.others.push_back({list, text, prefix_of(prefix), source});
      else if (const auto block = Block::parse(prefix))
        told.gaps.push_back({{*block, list}, source, what == is_gap ? text : std::string(), what == is_gap ? std::string() : text});
    }
  });
  std::sort(told.gaps.begin(), told.gaps.end());
  std::sort(told.doubts.begin(), told.doubts.end());
  std::sort(told.others.begin(), told.others.end());
  return told;
}

void State::looked_at(const std::string &device, const AsRead &told) {
  if (!handle_ || as_read(device) == told)
    return;
  with("write what was told of a device", [&] {
    const Database &database = handle_->database;
    Transaction transaction(database);
    database.execute("DELETE FROM as_read WHERE device = ?", {device});
    auto write = database.prepare("INSERT INTO as_read (device, what, list, prefix, source, text) VALUES (?, ?, ?, ?, ?, ?)");
    const auto put = [&](const char *what, const std::string &list, const std::string &prefix, const std::string &source,
                         const std::string &text) {
      write.restart({device, what, list, prefix, source, text});
      write.step();
    };
    for (const Gap &one : told.gaps)
      put(one.rule.empty() ? is_idle : is_gap, one.entry.second, one.entry.first.text(), text_of(one.source),
          one.rule.empty() ? one.why : one.rule);
    for (const banpush::Doubt &one : told.doubts)
      put(is_doubt, one.list, {}, {}, one.why);
    for (const KeptOut &one : told.others)
      put(is_other, one.list, text_of(one.covers), text_of(one.around), one.text);
    transaction.commit();
  });
}

} // namespace banpush
