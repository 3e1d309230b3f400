#include "app/state/turn.hpp"
#include "app/world/by_policy.hpp"
#include "app/world/spool.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

namespace banpush {

namespace {

// A line that alone was refused is tried again after so long; so many of them in one round.
constexpr Seconds try_again_after = 30;
constexpr std::size_t most_refused_lines = 50;

// Every such refusal may be of the one row: a trigger's, a key's, a partition's, that of a side table.
bool may_be_of_the_row(Fault fault) noexcept { return fault == Fault::Definition || fault == Fault::NoTable || fault == Fault::Unknown; }

// Takes what waits to the tables, one round.
class Delivery {
public:
  Delivery(Spool &spool, const Config &config, const std::vector<std::unique_ptr<BanTable>> &tables)
      : spool_(spool), config_(config), tables_(tables) {}

  Delivered run() {
    if (!shows_what_it_had())
      return std::move(delivered_);
    bool goes_on = walk(Which::NotTriedLately);
    // The table takes something: perhaps what it refused a moment ago, too. Or there is nothing else to ask it with.
    if (goes_on && (delivered_.arrived != 0 || failed_.empty()))
      goes_on = walk(Which::All);
    for (const std::string &one : delivered_.said())
      spool_.note(one);
    settle_suspects(suspects_.size() >= most_refused_lines ? Spool::Extent::Line : Spool::Extent::Table);
    if (delivered_.arrived != 0 && !delivered_.waits)
      spool_.table_is_back();
    return std::move(delivered_);
  }

private:
  enum class Which { NotTriedLately, All };
  using Clock = std::chrono::steady_clock;

  // Without the notes that it had a ban would be put that somebody may have unbanned. Bans go to the first table only.
  bool shows_what_it_had() {
    const auto waiting = spool_.waiting(1);
    if (waiting.empty())
      return true;
    try {
      has_side_tables_as_before(*tables_.front(), config_.spool, config_.tables.front().name);
      return true;
    } catch (const TableError &error) {
      delivered_.waits = error;
      spool_.not_taken(waiting.front().id, error.what(), Spool::Extent::Table);
      return false;
    }
  }

  bool walk(Which which) {
    held_.clear();
    std::int64_t last = 0;
    for (auto waiting = read(0); !waiting.empty(); waiting = read(last))
      for (const Spooled &one : waiting) {
        last = one.id;
        if (!take(one, which))
          return false;
      }
    return true;
  }

  std::vector<Spooled> read(std::int64_t after) {
    constexpr std::size_t batch = 500;
    read_at_ = Clock::now();
    return spool_.waiting(batch, after);
  }

  // Whether to go on with the next.
  bool take(const Spooled &one, Which which) {
    const bool lately = which == Which::NotTriedLately && one.tried < try_again_after;
    if (lately || !one.is_judged || failed_.contains(one.id) || is_held(one.ip())) {
      held_.push_back(one.ip());
      return true;
    }
    try {
      write(one);
    } catch (const TableError &error) {
      return leave(one, error);
    }
    spool_.arrived(one.id);
    ++delivered_.arrived;
    settle_suspects(Spool::Extent::Line);
    return true;
  }

  void write(const Spooled &one) {
    if (one.ban) {
      BanTable &table = *tables_.front();
      const Recorded recorded = table.ban(with_escalation(*one.ban, config_.policy, table, config_.tables.front()));
      delivered_.results.emplace(one.id, recorded);
      if (recorded == Recorded::Lifted)
        delivered_.lifted.push_back(words_of(one));
      else if (recorded != Recorded::Unchanged && recorded != Recorded::Repeated && !one.correction.empty())
        delivered_.corrected.push_back(fmt::format("{}: {}", words_of(one), one.correction));
      if (!one.correction.empty())
        begin_now_.push_back(one.ip());
    } else {
      // Without the notes an unban would delete rows for good.
      for (std::size_t i = 1; i < tables_.size(); ++i)
        has_side_tables_as_before(*tables_[i], config_.spool, config_.tables[i].name);
      SpooledUnban unban = *one.unban;
      unban.age = age_of(unban);
      delivered_.results.emplace(one.id, unban_in(tables_, config_, unban));
    }
  }

  // A ban before it whose time began with its arrival is older all the same.
  Seconds age_of(const SpooledUnban &unban) const {
    if (std::find(begin_now_.begin(), begin_now_.end(), unban.ip) != begin_now_.end())
      return 0;
    return unban.age + std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - read_at_).count();
  }

  bool leave(const Spooled &one, const TableError &error) {
    if (error.retry() == Retry::Never) {
      spool_.refused(one.id, error.what());
      delivered_.refused.push_back(fmt::format("{}: {}", words_of(one), error.what()));
      return true;
    }
    if (!delivered_.waits) {
      delivered_.waits = error;
      delivered_.waiting_line = may_be_of_the_row(error.fault()) ? words_of(one) : std::string();
    }
    held_.push_back(one.ip());
    if (!may_be_of_the_row(error.fault())) {
      spool_.not_taken(one.id, error.what(), Spool::Extent::Table);
      return false;
    }
    suspects_.emplace_back(one.id, error.what());
    failed_.insert(one.id);
    return suspects_.size() < most_refused_lines;
  }

  // Line: the table has taken another one since, or refuses so many that what is behind them has to come first.
  void settle_suspects(Spool::Extent extent) {
    for (const auto &[id, why] : std::exchange(suspects_, {}))
      spool_.not_taken(id, why, extent);
  }

  // An unban that overtakes the ban before it would leave the address banned.
  bool is_held(const Prefix &ip) const {
    return std::any_of(held_.begin(), held_.end(), [&](const Prefix &held) { return held.overlaps(ip); });
  }

  Spool &spool_;
  const Config &config_;
  const std::vector<std::unique_ptr<BanTable>> &tables_;
  std::vector<Prefix> held_;      // addresses of what waits before the line that is looked at
  std::vector<Prefix> begin_now_; // addresses of corrected bans
  Clock::time_point read_at_;     // what is waiting, as far as it was read
  std::set<std::int64_t> failed_;
  std::vector<std::pair<std::int64_t, std::string>> suspects_; // refused, and nothing was taken since
  Delivered delivered_;
};

} // namespace

std::string Delivered::why_it_waits() const {
  if (!waits)
    return {};
  return waiting_line.empty() ? waits->what() : fmt::format("{}: {}", waiting_line, waits->what());
}

namespace {

std::string correction_of(const std::vector<std::string> &corrected) {
  return fmt::format("this host's clock cannot be followed for {} from the spool: full time from the arrival in the table ({}{})",
                     corrected.size() == 1 ? "a ban" : fmt::format("{} bans", corrected.size()), corrected.front(),
                     corrected.size() == 1 ? "" : ", …");
}

} // namespace

std::vector<std::string> Delivered::said() const {
  const auto some = [](const std::vector<std::string> &all) {
    return fmt::format("{}{}", all.front(), all.size() == 1 ? "" : fmt::format(" and {} more", all.size() - 1));
  };
  std::vector<std::string> lines;
  if (!lifted.empty())
    lines.push_back(fmt::format("the address was unbanned after this was decided, so it is not in force: {}", some(lifted)));
  if (!corrected.empty())
    lines.push_back(correction_of(corrected));
  return lines;
}

Delivered deliver(Spool &spool, const Config &config, const std::vector<std::unique_ptr<BanTable>> &tables) {
  const auto turn = Turn::attempt(config.spool, "ban", Turn::For::Group);
  return turn ? Delivery(spool, config, tables).run() : Delivered{};
}

} // namespace banpush
