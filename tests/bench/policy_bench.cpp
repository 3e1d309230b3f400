// Policy: exact collapse against FireHOL's iprange, candidates of two million rows for fifty devices,
// and what share of next month's bans the chosen entries meet.
#include "core/plan/plan.hpp"
#include "measure.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace banpush;
using namespace banpush::bench;

extern char **environ;

namespace {

// The same job as `iprange FILE`: read, collapse, print.
int collapse(const char *path) {
  std::string text;
  {
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status {};
    if (file < 0 || fstat(file, &status) != 0)
      return 1;
    text.resize(static_cast<std::size_t>(status.st_size));
    for (std::size_t got = 0; got < text.size();) {
      const ssize_t more = read(file, text.data() + got, text.size() - got);
      if (more <= 0)
        return 1;
      got += static_cast<std::size_t>(more);
    }
    close(file);
  }
  std::vector<Prefix> prefixes;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (const auto prefix = Prefix::parse(std::string_view(text).substr(at, end - at)))
      prefixes.push_back(*prefix);
    at = end + 1;
  }
  text.clear();
  for (const Prefix &prefix : PrefixSet(std::move(prefixes)).collapsed()) {
    text += prefix.is_host() ? prefix.address() : prefix.text();
    text += '\n';
  }
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

// Runs a program with its output into a file; whole process, in seconds.
double process(const std::vector<std::string> &argv, const std::string &output) {
  std::vector<char *> arguments;
  for (const std::string &argument : argv)
    arguments.push_back(const_cast<char *>(argument.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  int status = -1;
  const double taken = seconds([&] {
    pid_t child = 0;
    if (posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ) == 0)
      waitpid(child, &status, 0);
  });
  posix_spawn_file_actions_destroy(&actions);
  return status == 0 ? taken : -1;
}

std::string contents(const std::string &path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

void compare_with_iprange(const char *self) {
  char folder[] = "/tmp/policy_bench.XXXXXX";
  if (mkdtemp(folder) == nullptr)
    return;
  const std::string in = std::string(folder) + "/in", theirs = std::string(folder) + "/iprange", ours = std::string(folder) + "/ours";
  {
    Random random(1);
    std::string text;
    for (int i = 0; i < 1'000'000; ++i) {
      const std::uint64_t bits = random.bits();
      text += fmt::format("{}.{}.{}.{}\n", 1 + (bits & 0xff) % 223, bits >> 8U & 0xffU, bits >> 16U & 0xffU, bits >> 24U & 0xffU);
    }
    std::ofstream(in) << text;
  }
  double best_theirs = 1e9, best_ours = 1e9;
  for (int run = 0; run < 7; ++run) { // in turns, so that both meet the same machine
    best_theirs = std::min(best_theirs, process({"iprange", in}, theirs));
    best_ours = std::min(best_ours, process({self, "collapse", in}, ours));
  }
  if (best_theirs < 0)
    std::puts("collapse: skipped, there is no iprange here");
  else
    std::puts(
        fmt::format("collapse of 1,000,000 lines, whole process: {:.3f} s, iprange {:.3f} s, ratio {:.2f} (goal: 0.50 or less); output {}",
                    best_ours, best_theirs, best_ours / best_theirs, contents(ours) == contents(theirs) ? "equal" : "DIFFERENT")
            .c_str());
  for (const std::string &path : {in, theirs, ours})
    unlink(path.c_str());
  rmdir(folder);
}

double resident_megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

Driver one_list() {
  Driver driver;
  driver.name = "bench";
  driver.lists.emplace_back();
  driver.lists.back().name = "all";
  return driver;
}

// Two million rows as in a table that has grown for years: 166,000 addresses, a few with thousands of rows.
Bans grown_table(std::size_t rows, std::size_t addresses) {
  Random random(2);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < addresses; ++i) {
    const std::uint64_t bits = random.bits();
    texts.push_back(
        i % 1000 == 0 ? fmt::format("2001:db8:{:x}::{:x}", bits & 0xffffU, bits >> 16U & 0xffffU)
                      : fmt::format("{}.{}.{}.{}", 1 + (bits & 0xff) % 223, bits >> 8U & 0xffU, bits >> 16U & 0xffU, bits >> 24U & 0xffU));
  }
  static const char *const jails[] = {"sshd", "postfix-sasl", "dovecot", "recidive", "nginx-http-auth"};
  static const char *const hosts[] = {"web1", "web2", "mail", "bastion", "db3", "lab", "git", "vpn"};
  Bans bans;
  for (std::size_t i = 0; i < rows; ++i) {
    const double position = random.uniform();
    RawBan raw;
    raw.ip = texts[i < addresses ? i : static_cast<std::size_t>(position * position * position * static_cast<double>(addresses))];
    raw.created = "2024-05-01 10:00:00";
    raw.name = jails[random.below(5)];
    raw.hostname = hosts[random.below(8)];
    raw.protocol = "tcp";
    raw.port = "ssh";
    raw.age = static_cast<Seconds>(random.uniform() * 400 * day);
    bans.add(raw);
  }
  return bans;
}

void two_million_rows() {
  Bans bans;
  const double adding = cpu_seconds([&] { bans = grown_table(2'000'000, 166'000); });
  const double settling = cpu_seconds([&] { bans.settle(); });
  Policy policy;
  policy.bantime = permanent;
  const std::vector<NamedPrefix> protect{{Prefix::require("198.51.100.1"), "address of edge1"}};
  Candidates all;
  const double once = best_of(3, [&] { all = candidates(bans, policy, protect); });
  const Driver driver = one_list();
  std::size_t wanted = 0;
  const double selecting = cpu_seconds([&] {
    for (int device = 0; device < 50; ++device)
      wanted += select(driver, all, bans, policy, {4000, 1000}, {}).wanted.size();
  });
  std::puts(fmt::format("2,000,000 rows, {} addresses: made and added in {:.3f} s, ordered {:.3f} s, candidates {:.3f} s, fifty selections "
                        "of 4,000 {:.3f} s ({} entries); {:.0f} MB",
                        all.wanted.size(), adding, settling, once, selecting, wanted, resident_megabytes())
                .c_str());
  Policy elaborate = policy;
  elaborate.quorum = Quorum{2, 3, hour, 0.5};
  elaborate.escalate = Escalate{};
  elaborate.bantime = week;
  elaborate.aggregate = {Aggregate::Mode::Lossy, 2048, 0.25};
  const double costly = best_of(2, [&] { candidates(bans, elaborate, protect); });
  std::puts(fmt::format("  with quorum, escalation and lossy merging {:.3f} s", costly).c_str());
}

// ---- What share of next month's bans would have met a standing entry ----

constexpr double year = 365;
constexpr int reporters = 8;

struct Offender {
  std::string ip;
  int bans = 0;
};

struct Event {
  std::uint32_t offender = 0;
  float day = 0;
  std::uint8_t host = 0;
};

std::vector<Offender> offenders(const std::string &path) {
  std::vector<Offender> all;
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    const std::size_t comma = line.find(',');
    const auto prefix = Prefix::parse(line.substr(0, comma));
    if (prefix && !reserved(*prefix) && comma != std::string::npos)
      all.push_back({line.substr(0, comma), std::atoi(line.c_str() + comma + 1)});
  }
  return all;
}

std::vector<Event> uniformly(const std::vector<Offender> &all, Random &random) {
  std::vector<Event> events;
  for (std::uint32_t i = 0; i < all.size(); ++i)
    for (int n = 0; n < all[i].bans; ++n)
      events.push_back({i, static_cast<float>(random.uniform() * year), 0});
  return events;
}

// Each has one to three bursts in the year, some days long.
std::vector<Event> in_bursts(const std::vector<Offender> &all, Random &random) {
  std::vector<Event> events;
  for (std::uint32_t i = 0; i < all.size(); ++i) {
    std::vector<double> starts(1 + random.below(3));
    for (double &start : starts)
      start = random.uniform() * year;
    for (int n = 0; n < all[i].bans; ++n)
      events.push_back(
          {i, static_cast<float>(std::fmod(starts[random.below(starts.size())] + random.exponential(5 + random.uniform() * 10), year)), 0});
  }
  return events;
}

// The gaps between returns have a heavy tail (Pareto, 0.8), within a part of the year.
std::vector<Event> with_heavy_tails(const std::vector<Offender> &all, Random &random) {
  std::vector<Event> events;
  for (std::uint32_t i = 0; i < all.size(); ++i) {
    std::vector<double> gaps;
    double sum = 0;
    for (int n = 0; n < all[i].bans; ++n)
      sum += gaps.emplace_back(n == 0 ? 0 : std::pow(1 - random.uniform(), -1 / 0.8));
    const double span = year * random.uniform();
    double day_of = random.uniform() * (year - span);
    for (const double gap : gaps)
      events.push_back({i, static_cast<float>(day_of += sum > 0 ? gap / sum * span : 0), 0});
  }
  return events;
}

// All of a network are at work in the same phases: some 12 days of every 57.
std::vector<Event> network_by_network(const std::vector<Offender> &all, Random &random, unsigned length) {
  std::map<Prefix, std::vector<std::pair<double, double>>> phases;
  std::vector<Event> events;
  for (std::uint32_t i = 0; i < all.size(); ++i) {
    auto &active = phases[Prefix::require(all[i].ip).with_length(length)];
    for (double start = -random.exponential(30); active.empty() && start < year;) {
      while (start < year) {
        const double end = start + random.exponential(12);
        if (end > 0)
          active.emplace_back(std::max(0.0, start), std::min(year, end));
        start = end + random.exponential(45);
      }
    }
    double sum = 0;
    for (const auto &[start, end] : active)
      sum += end - start;
    for (int n = 0; n < all[i].bans; ++n) {
      double at = random.uniform() * sum;
      for (const auto &[start, end] : active) {
        if (at <= end - start) {
          events.push_back({i, static_cast<float>(start + at), 0});
          break;
        }
        at -= end - start;
      }
    }
  }
  return events;
}

struct Shares {
  double oracle = 0, worth = 0, newest = 0, count = 0, all = 0;
};

// What the best `budget` by a score meet.
template <typename Score>
double met_by(std::size_t offenders, std::size_t budget, const std::vector<int> &next, Score score) {
  std::vector<std::pair<double, std::uint32_t>> ranks;
  for (std::uint32_t i = 0; i < offenders; ++i)
    if (const double points = score(i); points > -1e17)
      ranks.emplace_back(-points, i);
  const std::size_t taken = std::min(budget, ranks.size());
  std::partial_sort(ranks.begin(), ranks.begin() + static_cast<std::ptrdiff_t>(taken), ranks.end());
  double met = 0;
  for (std::size_t i = 0; i < taken; ++i)
    met += next[ranks[i].second];
  return met;
}

// By banpush itself: the rows until that day, its candidates, its selection.
double met_by_worth(const std::vector<Offender> &all, const std::vector<Event> &events, double today, std::size_t budget,
                    const std::vector<int> &next) {
  static const char *const hosts[reporters] = {"a", "b", "c", "d", "e", "f", "g", "h"};
  Bans bans;
  for (const Event &event : events) {
    if (event.day >= today)
      continue;
    RawBan raw;
    raw.ip = all[event.offender].ip;
    raw.name = "sshd";
    raw.hostname = hosts[event.host];
    raw.protocol = "tcp";
    raw.age = static_cast<Seconds>((today - event.day) * day);
    bans.add(raw);
  }
  Policy policy;
  policy.bantime = permanent;
  policy.aggregate.mode = Aggregate::Mode::None; // the others have no merging either
  std::map<Prefix, std::uint32_t> index;
  for (std::uint32_t i = 0; i < all.size(); ++i)
    index.emplace(Prefix::require(all[i].ip), i);
  double met = 0;
  for (const Wanted &one : select(one_list(), candidates(bans, policy, {}), bans, policy, {budget, budget}, {}).wanted)
    met += next[index.at(one.candidate.block.prefix)];
  return met;
}

Shares shares(const std::vector<Offender> &all, const std::vector<Event> &events, std::size_t budget) {
  Shares sum;
  for (double today = 180; today <= 330; today += 50) {
    std::vector<int> past(all.size()), next(all.size());
    std::vector<double> latest(all.size(), -1e18);
    for (const Event &event : events) {
      if (event.day < today) {
        ++past[event.offender];
        latest[event.offender] = std::max(latest[event.offender], static_cast<double>(event.day));
      } else if (event.day < today + 30) {
        ++next[event.offender];
        ++sum.all;
      }
    }
    sum.oracle += met_by(all.size(), budget, next, [&](std::uint32_t i) { return static_cast<double>(next[i]); });
    sum.newest += met_by(all.size(), budget, next, [&](std::uint32_t i) { return latest[i]; });
    sum.count += met_by(all.size(), budget, next, [&](std::uint32_t i) { return past[i] == 0 ? -1e18 : past[i] + latest[i] / 1e4; });
    sum.worth += met_by_worth(all, events, today, budget, next);
  }
  return sum;
}

using Model = std::vector<Event> (*)(const std::vector<Offender> &, Random &);

// Every table, model and size with several seeds: the mean of each share, and how often worth came first.
void coverage(const std::string &folder) {
  const std::vector<std::pair<const char *, Model>> models{
      {"uniform", [](const auto &all, Random &random) { return uniformly(all, random); }},
      {"bursts", [](const auto &all, Random &random) { return in_bursts(all, random); }},
      {"heavy-tailed returns", [](const auto &all, Random &random) { return with_heavy_tails(all, random); }},
      {"/24 that move together", [](const auto &all, Random &random) { return network_by_network(all, random, 24); }},
      {"/16 that move together", [](const auto &all, Random &random) { return network_by_network(all, random, 16); }}};
  constexpr std::uint64_t seeds[] = {3, 71, 2024};
  int best = 0, good = 0, cases = 0;
  double worst = 1e9;
  for (const char *name : {"real_2023", "real_2024"}) {
    const std::vector<Offender> all = offenders(folder + "/" + name + ".csv");
    if (all.empty()) {
      std::puts(fmt::format("coverage: skipped, {}/{}.csv is not there (BANPUSH_BENCH_BANS names the folder)", folder, name).c_str());
      continue;
    }
    for (const auto &[model, play] : models)
      for (const std::size_t budget : {1000U, 4000U}) {
        Shares mean;
        double least = 1e9;
        for (const std::uint64_t seed : seeds) {
          Random random(seed);
          std::vector<Event> events = play(all, random);
          for (Event &event : events)
            event.host = static_cast<std::uint8_t>(random.below(reporters));
          const Shares one = shares(all, events, budget);
          const double ratio = one.worth / std::max(one.newest, one.count);
          ++cases;
          best += ratio >= 1 ? 1 : 0;
          good += ratio >= 0.95 ? 1 : 0;
          least = std::min(least, ratio);
          constexpr double count = std::size(seeds);
          mean.worth += one.worth / one.all / count;
          mean.newest += one.newest / one.all / count;
          mean.count += one.count / one.all / count;
          mean.oracle += one.oracle / one.all / count;
        }
        worst = std::min(worst, least);
        std::puts(
            fmt::format("{} {:23} {} entries: worth {:.3f}  newest {:.3f}  count {:.3f}  oracle {:.3f}  worth/better {:.3f}, at least "
                        "{:.3f}{}",
                        name, model, budget, mean.worth, mean.newest, mean.count, mean.oracle,
                        mean.worth / std::max(mean.newest, mean.count), least, least < 0.95 ? "  BELOW 0.95" : "")
                .c_str());
        std::fflush(stdout);
      }
  }
  if (cases > 0)
    std::puts(fmt::format("worth is best in {} of {} cases ({} seeds) and at least 0.95 of the better baseline in {}; {:.3f} at worst",
                          best, cases, std::size(seeds), good, worst)
                  .c_str());
}

} // namespace

int main(int argc, char **argv) {
  if (argc == 3 && std::string(argv[1]) == "collapse")
    return collapse(argv[2]);
  compare_with_iprange("/proc/self/exe");
  two_million_rows();
  const char *folder = std::getenv("BANPUSH_BENCH_BANS");
  coverage(folder != nullptr ? folder : BANPUSH_SOURCE_DIR "/../shared/bans");
  return 0;
}
