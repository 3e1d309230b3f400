// The tables as the service follows them: open connections, one cheap question each time, and where the answer differs
// what is new is put into what was read; everything is read anew where that cannot be told, and when it is asked for.
#pragma once

#include "app/serve/snapshot.hpp"
#include "app/words/log.hpp"
#include "app/world/logged_in.hpp"
#include "app/world/spool.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace banpush {

class Feed {
public:
  explicit Feed(std::shared_ptr<const Config> config) : config_(std::move(config)) {}

  // Again: what was read is to be looked at with the time that has passed; Whole: read everything. Each whatever the
  // question says.
  enum class Look { Glance, Again, Whole };
  // The tables as they are now; nothing where nothing is new. What waits in the spool is taken to them first. Throws
  // Error (Table, Config), and has closed its connections then.
  std::optional<Moment> look(Look how, std::vector<LogLine> &said);

  // While the tables cannot be had: what waits in the spool; nothing where that is no news, or where policy cannot
  // be told without the tables.
  std::optional<Moment> spooled(std::vector<LogLine> &said);

  // When something changes by itself, as far as that is followed: a ban ends, or who has a place is to be decided anew.
  std::optional<Clock::time_point> next_moment();
  // How often the tables were read whole, and how often what was new was put into what was read.
  struct Count {
    std::uint64_t whole = 0, news = 0;
  };
  Count count() const noexcept { return count_; }
  // Why something waits in the spool; empty: nothing does.
  const std::string &spool_trouble() const noexcept { return spool_trouble_; }
  // How long the last whole reading took, and when it was.
  std::chrono::duration<double> cost() const noexcept { return cost_; }
  Clock::time_point last_whole() const noexcept { return last_whole_; }

private:
  void open();
  void deliver_spool(std::vector<LogLine> &said);
  std::string deliver_from(Spool &spool, std::vector<LogLine> &said);
  std::optional<Moment> spooled_moment(std::vector<LogLine> &said);
  void say_of_spool(const std::string &trouble, std::vector<LogLine> &said);
  bool lay_waiting();
  bool take_news();
  bool logins_matter();
  Moment read_whole(std::vector<LogLine> &said);
  void put_protection(Config &fresh, Fetched &fetched);

  std::shared_ptr<const Config> config_;
  std::vector<std::unique_ptr<BanTable>> tables_;
  std::shared_ptr<Snapshot> current_;       // what is kept up; null: the tables are to be read whole
  std::map<std::string, TableCopy> copies_; // of the last whole reading
  std::size_t hosts_ = 0;                   // that reported, as far as is known
  std::uint64_t number_ = 0;
  Count count_;
  bool wrote_ = false; // by this connection, which its own question does not show
  Clock::time_point last_whole_;
  std::chrono::duration<double> cost_{};
  std::string spooled_;                     // what the last spooled() was of
  std::string spool_trouble_;               // said, and not over yet
  std::map<std::int64_t, KeptRow> waiting_; // of the spool, what the tables have not taken: by the line's number
  std::map<std::int64_t, KeptRow> laid_;    // of that, as current_ has it
  std::string protected_from_;              // the reporters that protection_ was looked up for
  Protection protection_;
  std::vector<Prefix> logins_; // that protection_ has
  Clock::time_point logins_due_;
  Clock::time_point protected_at_;
};

} // namespace banpush
