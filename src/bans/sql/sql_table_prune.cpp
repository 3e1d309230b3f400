#include "bans/sql/sql_table.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <unordered_map>

namespace banpush {

namespace {

constexpr std::size_t round_size = 100'000; // keys held in memory at once
constexpr std::size_t rows_a_commit = 1'000;

// A note this young may belong to a row that its writer has yet to commit.
constexpr Seconds youngest_orphan = 3600;

OwnedKey owned(const NaturalKey &key) {
  return {std::string(key.ip), std::string(key.created), std::string(key.hostname), std::string(key.name)};
}

// Seconds since nothing holds this ban any more; nothing while something does, or may.
std::optional<Seconds> ended(const RawBan &ban, Seconds lasts) {
  if (ban.revoked && ban.revoked_by_operator)
    return ban.revoked;
  if (lasts == permanent || ban.until == permanent || ban.age == permanent)
    return std::nullopt;
  const Seconds by_policy = ban.age - lasts;
  return ban.until ? std::min(by_policy, -*ban.until) : by_policy;
}

} // namespace

std::size_t SqlTable::prune(Seconds older_than, const Lasts &lasts, const IsKept &kept) {
  std::unordered_map<std::string, Seconds> known;
  const auto remembered = [&](const std::string &jail) {
    const auto at = known.find(jail);
    return at != known.end() ? at->second : known.emplace(jail, lasts(jail)).first->second;
  };
  std::size_t gone = 0;
  for (std::size_t last = round_size; last >= round_size; gone += last)
    last = remove(ended_rows(older_than, remembered, kept));
  if (has_side_tables())
    remove(notes_without_row(std::max(older_than, youngest_orphan)));
  return gone;
}

std::vector<OwnedKey> SqlTable::ended_rows(Seconds older_than, const Lasts &lasts, const IsKept &kept) {
  std::vector<OwnedKey> keys;
  each([&](const RawBan &ban) {
    if (keys.size() < round_size && ended(ban, lasts(std::string(ban.name))).value_or(0) > older_than && !kept(ban))
      keys.push_back(owned({ban.hostname, ban.name, ban.ip, ban.created}));
  });
  return keys;
}

// Somebody else has deleted their row.
std::vector<OwnedKey> SqlTable::notes_without_row(Seconds older_than) {
  return repeated([&] {
    std::vector<OwnedKey> keys;
    SideIndex notes = side_index();
    stream_rows(notes, [](const RawBan &) {});
    const auto sql = fmt::format("SELECT ip, created, hostname, name, {} FROM banpush_ban WHERE ban_table = '{}'",
                                 session_->dialect().age_utc("changed"), table_);
    session_->stream(sql, [&](SqlRowView columns) {
      const NaturalKey key{columns[2].value_or(""), columns[3].value_or(""), columns[0].value_or(""), columns[1].value_or("")};
      if (keys.size() < round_size && !notes.was_found(key) && sql_number(columns[4]).value_or(0) > older_than)
        keys.push_back(owned(key));
    });
    return keys;
  });
}

// By natural key: the id of a row may be another row's on the next node of a cluster. Returns how many
// rows of the ban table went.
std::size_t SqlTable::remove(const std::vector<OwnedKey> &keys) {
  const bool sides = has_side_tables();
  const auto row = fmt::format("DELETE FROM `{}` WHERE ip = ? AND created = ? AND hostname = ? AND name = ?", table_);
  std::size_t gone = 0;
  for (std::size_t from = 0; from < keys.size(); from += rows_a_commit) {
    gone += repeated([&] {
      std::size_t removed = 0;
      Work work(*session_, table_ + "\nprune");
      for (std::size_t i = from; i < std::min(from + rows_a_commit, keys.size()); ++i) {
        const auto &[ip, created, hostname, name] = keys[i];
        removed += session_->change(row, {ip, created, hostname, name});
        if (sides)
          session_->change(fmt::format("DELETE FROM banpush_ban WHERE {}", note_key), key_values({hostname, name, ip, created}));
      }
      work.commit();
      return removed;
    });
  }
  return gone;
}

} // namespace banpush
