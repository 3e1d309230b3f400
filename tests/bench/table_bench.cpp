// The ban table as a service meets it: two million rows read whole and made into what fifty devices want,
// against the C client's plain reading of the same query; and what ten more rows cost from then on.
#include "../bans/mariadb_server.hpp"
#include "bans/ban_table.hpp"
#include "core/plan/live_selection.hpp"
#include "measure.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <future>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <mysql.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace banpush;
using namespace banpush::bench;

namespace {

constexpr std::size_t devices = 50;
constexpr std::size_t policies = 3; // edge, distribution, access: devices of equal policy share what can be shared

// What the product asks, word for word.
constexpr const char *query = "SELECT hostname, created, name, protocol, port, ip, TIMESTAMPDIFF(SECOND, created, NOW()) FROM `fail2ban`";

// 166,000 addresses, the first ones with thousands of rows; the last year; a few jails and hosts.
std::string fill(std::size_t rows) {
  return fmt::format(
      "CREATE TABLE fail2ban (id INT NOT NULL AUTO_INCREMENT, hostname VARCHAR(255) CHARACTER SET utf8mb4 NOT NULL, created DATETIME NOT "
      "NULL, name TEXT CHARACTER SET utf8mb4 NOT NULL, protocol VARCHAR(16) CHARACTER SET utf8mb4 NOT NULL, port VARCHAR(32) CHARACTER SET "
      "utf8mb4 NOT NULL, ip VARCHAR(64) CHARACTER SET utf8mb4 NOT NULL, PRIMARY KEY (id), KEY hostname (hostname, ip)) ENGINE=InnoDB;\n"
      "INSERT INTO fail2ban (hostname, created, name, protocol, port, ip) SELECT CONCAT('web', seq % 8), NOW() - INTERVAL (seq * 16) "
      "SECOND, "
      "ELT(1 + seq % 5, 'sshd', 'postfix-sasl', 'dovecot', 'recidive', 'nginx-http-auth'), 'tcp', ELT(1 + seq % 3, '22', '25', '80,443'), "
      "CONCAT(1 + a % 223, '.', (a * 7919) % 256, '.', (a * 104729) DIV 256 % 256, '.', (a * 15485863) DIV 65536 % 256) FROM (SELECT seq, "
      "FLOOR(166000 * POW(RAND(seq), 3)) AS a FROM seq_1_to_{}) AS made;\n",
      rows);
}

Policy policy_of(std::size_t number) {
  Policy policy;
  policy.bantime = 400 * day;
  if (number == 1)
    policy.quorum = Quorum{2, 3, hour, 0};
  if (number == 2)
    policy.jails = {{"recidive", permanent, false, 3}, {"postfix*", day, false, 1}};
  return policy;
}

Driver driver_with_one_list() {
  Driver driver;
  driver.name = "bench";
  driver.lists.emplace_back();
  driver.lists.back().name = "all";
  return driver;
}

Bans read(const TableSource &source, const std::string &password) {
  const auto table = open_table(source, password);
  Bans bans;
  table->each([&](const RawBan &row) { bans.add(row); });
  return bans;
}

// One whole pass up to what each device wants. As in a pass, each device has a thread, and those of one policy wait
// for one computation of its candidates.
std::size_t cold(const TableSource &source, const std::string &password) {
  Bans bans = read(source, password);
  bans.settle();
  const Driver driver = driver_with_one_list();
  const auto of_policy = [&](std::size_t number) {
    const Policy policy = policy_of(number);
    const Candidates all = candidates(bans, policy, {});
    std::size_t wanted = 0;
    for (std::size_t device = number; device < devices; device += policies)
      wanted += select(driver, all, bans, policy, {1500, 500}, {}).wanted.size();
    return wanted;
  };
  std::vector<std::future<std::size_t>> working;
  for (std::size_t one = 0; one < policies; ++one)
    working.push_back(std::async(std::launch::async, of_policy, one));
  std::size_t wanted = 0;
  for (std::future<std::size_t> &one : working)
    wanted += one.get();
  return wanted;
}

// The plain client: every row fetched, nothing done with it.
std::size_t plain(const TableSource &source, const std::string &password) {
  MYSQL *connection = mysql_init(nullptr);
  std::size_t rows = 0;
  if (mysql_real_connect(connection, nullptr, source.user.c_str(), password.c_str(), source.database.c_str(), 0, source.socket.c_str(),
                         0) != nullptr &&
      mysql_query(connection, query) == 0)
    if (MYSQL_RES *result = mysql_use_result(connection)) {
      while (mysql_fetch_row(result) != nullptr)
        ++rows;
      mysql_free_result(result);
    }
  mysql_close(connection);
  return rows;
}

struct Cost {
  double seconds = 0, processor = 0, megabytes = 0;
};

// In a process of its own, so that its memory is its own.
template <typename Work>
Cost in_a_child(Work work) {
  Cost cost;
  rusage usage{};
  cost.seconds = seconds([&] {
    const pid_t child = fork();
    if (child == 0)
      _exit(work() > 0 ? 0 : 1);
    int status = 0;
    wait4(child, &status, 0, &usage);
    if (status != 0)
      cost.processor = -1;
  });
  if (cost.processor == 0)
    cost.processor = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                     static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  cost.megabytes = static_cast<double>(usage.ru_maxrss) / 1024;
  return cost;
}

void compare_cold_reads(const TableSource &source, const std::string &password, std::size_t rows) {
  Cost theirs{1e9, 1e9, 0}, ours{1e9, 1e9, 0};
  for (int run = 0; run < 5; ++run) { // in turns, so that both meet the same machine
    const Cost a = in_a_child([&] { return plain(source, password); }), b = in_a_child([&] { return cold(source, password); });
    if (a.processor < 0 || b.processor < 0) {
      std::puts("cold read: failed");
      return;
    }
    theirs = a.seconds < theirs.seconds ? a : theirs;
    ours = b.seconds < ours.seconds ? b : ours;
  }
  std::puts(fmt::format("cold read of {} rows and policy for {} devices: {:.2f} s ({:.2f} s CPU, {:.0f} MB); the C client alone {:.2f} s "
                        "({:.2f} s CPU); ratio {:.2f} (goal: 1.30 or less, under 200 MB)",
                        rows, devices, ours.seconds, ours.processor, ours.megabytes, theirs.seconds, theirs.processor,
                        ours.seconds / theirs.seconds)
                .c_str());
}

struct Standing {
  LiveCandidates candidates;
  std::deque<LiveSelection> selections;
};

// What a poll that finds ten new rows costs, from the rows to what each of the devices gets.
void measure_deltas(const TableSource &source, const std::string &password, std::size_t rows) {
  LiveBans live(read(source, password));
  const Driver driver = driver_with_one_list();
  Limits limits;
  limits.storm.reset(); // five hundred within a minute are one
  std::deque<Standing> standing;
  for (std::size_t one = 0; one < policies; ++one) {
    standing.push_back({LiveCandidates(live, policy_of(one), {}), {}});
    LiveCandidates &candidates = standing.back().candidates;
    for (std::size_t device = one; device < devices; device += policies) {
      const Capacity capacity = device < 5 ? Capacity{} : Capacity{1500, 500}; // five hold everything
      const Candidates &found = candidates.whole();
      standing.back().selections.emplace_back(driver, candidates.policy(), limits, capacity, found,
                                              select(driver, found, live.rows(), candidates.policy(), capacity, {}), Installed{});
    }
  }
  Random random(7);
  Seconds elapsed = 1;
  std::size_t added = 0;
  double worst = 0, sum = 0;
  constexpr int polls = 50;
  for (int poll = 0; poll < polls; ++poll, ++elapsed) {
    std::array<std::string, 10> addresses;
    for (std::string &address : addresses) {
      const std::uint64_t bits = random.bits();
      address = fmt::format("{}.{}.{}.{}", 1 + (bits & 0xff) % 223, bits >> 8U & 0xffU, bits >> 16U & 0xffU, bits >> 24U & 0xffU);
    }
    const double taken = cpu_seconds([&] {
      for (const std::string &address : addresses) {
        RawBan row;
        row.ip = address;
        row.name = "sshd";
        row.hostname = "web1";
        row.protocol = "tcp";
        row.port = "22";
        row.created = "2026-01-01 00:00:00";
        live.put(row, elapsed);
      }
      for (Standing &one : standing) {
        const CandidateChange change = one.candidates.update(elapsed);
        for (LiveSelection &selection : one.selections)
          added += selection.update(change, elapsed).add.size();
      }
    });
    worst = std::max(worst, taken);
    sum += taken;
  }
  std::puts(fmt::format("ten more rows on top of {}: {:.2f} ms of CPU on the average, {:.2f} ms at worst, for {} policies and {} devices "
                        "(goal: under 20); {} entries came of {} such polls",
                        rows, 1000 * sum / polls, 1000 * worst, policies, devices, added, polls)
                .c_str());
}

} // namespace

int main() {
  std::setvbuf(stdout, nullptr, _IOLBF, 0); // each line as it is measured
  try {
    test::MariaDbServer server({"--option=--innodb-buffer-pool-size=512M"});
    for (const std::size_t rows : {2'000'000U, 200'000U}) { // the large one first: a child's memory counts what its parent holds
      const TableSource source = server.over_socket(server.new_database(fill(rows)));
      if (rows == 2'000'000)
        compare_cold_reads(source, server["password"], rows);
      measure_deltas(source, server["password"], rows);
    }
  } catch (const std::exception &error) {
    std::puts(fmt::format("table: skipped: {}", error.what()).c_str());
  }
  return 0;
}
