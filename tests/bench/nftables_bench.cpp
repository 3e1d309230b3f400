// nftables on this host, in a network namespace of its own: the first fill beside the program nft given the same
// bytes, the read-back, and one address more at two sizes of the set. Beside it, ipset's own time for as many.
#include "measure.hpp"
#include "transport/exec/local.hpp"
#include "transport/nft/nft_runner.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <set>

using namespace banpush;
using namespace banpush::bench;

namespace {

constexpr std::size_t many = 166'000, chunk = 512;

const std::vector<std::string> nft{"nft", "-f", "-"};

std::vector<std::string> addresses(std::size_t count) {
  Random random(11);
  std::set<std::uint32_t> numbers;
  while (numbers.size() < count)
    numbers.insert(static_cast<std::uint32_t>(0x01000000 + random.below(0xd0000000)));
  std::vector<std::string> all;
  for (const std::uint32_t one : numbers)
    all.push_back(fmt::format("{}.{}.{}.{}", one >> 24U, one >> 16U & 255U, one >> 8U & 255U, one & 255U));
  return all;
}

std::string skeleton(const char *table) {
  return fmt::format(
      "add table inet {0}\nadd set inet {0} hosts4 {{ type ipv4_addr; }}\nadd set inet {0} nets4 {{ type ipv4_addr; flags interval; }}\n",
      table);
}

std::string additions(const char *table, const std::vector<std::string> &all, std::size_t count) {
  std::string text;
  for (std::size_t from = 0; from < count; from += chunk) {
    std::string entries;
    for (std::size_t i = from; i < std::min(count, from + chunk); ++i)
      entries += (entries.empty() ? "" : ", ") + all[i];
    text += fmt::format("add element inet {} hosts4 {{ {} }}\n", table, entries);
  }
  return text;
}

// Intervals of somebody else's, in a table of theirs.
std::string theirs(unsigned count) {
  std::string text = skeleton("theirs");
  for (unsigned from = 0; from < count; from += chunk) {
    std::string entries;
    for (unsigned i = from; i < std::min(count, from + static_cast<unsigned>(chunk)); ++i)
      entries += fmt::format("{}10.{}.{}.0/25", entries.empty() ? "" : ", ", i >> 8U, i & 255U);
    text += "add element inet theirs nets4 { " + entries + " }\n";
  }
  return text;
}

void must(Runner &runner, const std::vector<std::string> &argv, const std::string &input = {}) {
  const Finished done = runner.run({argv, input, std::chrono::seconds(120)});
  if (done.exit != 0) {
    fmt::print("{}: {}\n", argv.front(), done.errors);
    std::exit(1);
  }
}

// The median of several, as other work on the machine makes single ones long.
template <typename Work>
double median(int runs, const Work &work) {
  std::vector<double> all;
  for (int i = 0; i < runs; ++i)
    all.push_back(work());
  std::sort(all.begin(), all.end());
  return all[all.size() / 2];
}

void fill(NftRunner &ours, LocalRunner &program, const std::vector<std::string> &all) {
  const std::string text = additions("T", all, many);
  const auto timed = [&](Runner &runner) {
    must(program, nft, "flush set inet T hosts4\n");
    return seconds([&] { must(runner, nft, text); });
  };
  const double floor = median(5, [&] { return timed(program); }), here = median(5, [&] { return timed(ours); });
  fmt::print("{} addresses in one transaction: nft -f - {:.3f} s; in this process {:.3f} s; ratio {:.2f}\n", many, floor, here,
             here / floor);
  const auto read = [&](Runner &runner) {
    return seconds([&] {
      must(runner, {"nft", "-j", "list", "table", "inet", "T"});
      must(runner, {"nft", "-t", "list", "table", "inet", "T"});
    });
  };
  fmt::print("all of it read back: by programs {:.3f} s; in this process {:.3f} s\n", read(program), median(3, [&] { return read(ours); }));
}

void one_more(NftRunner &ours, LocalRunner &program, std::size_t count) {
  std::vector<double> walls, costs, programs;
  for (unsigned i = 0; i < 200; ++i) {
    const std::string line = fmt::format("add element inet T hosts4 {{ 240.0.{}.{} }}\n", i >> 8U, i & 255U);
    bool shown = false;
    double wall = 0;
    costs.push_back(cpu_seconds([&] {
      wall = seconds([&] {
        must(ours, nft, line);
        const auto there = ours.shown();
        shown = there && there->size() == 1 && there->front().there;
      });
    }));
    walls.push_back(wall);
    if (!shown) {
      fmt::print("not proven to be there: {}", line);
      std::exit(1);
    }
  }
  for (unsigned i = 0; i < 5; ++i)
    programs.push_back(seconds([&] { must(program, nft, fmt::format("add element inet T hosts4 {{ 241.0.0.{} }}\n", i)); }));
  for (auto *samples : {&walls, &costs, &programs})
    std::sort(samples->begin(), samples->end());
  fmt::print(
      "one more beside {:>6}, written and asked for again: {:.3f} ms wall (worst {:.3f}), {:.3f} ms of CPU; nft -f - alone {:.1f} ms\n",
      count, walls[walls.size() / 2] * 1e3, walls.back() * 1e3, costs[costs.size() / 2] * 1e3, programs[programs.size() / 2] * 1e3);
}

void with_ipset(LocalRunner &program, const std::vector<std::string> &all) {
  std::string text = "create T hash:net family inet maxelem 262144\ncreate U hash:net family inet maxelem 262144\n";
  for (std::size_t i = 0; i < many; ++i)
    text += "add U " + all[i] + "\n";
  text += "swap T U\n";
  fmt::print("ipset restore of {}, with a swap: {:.3f} s", many, seconds([&] { must(program, {"ipset", "restore"}, text); }));
  fmt::print("; saved {:.3f} s", seconds([&] { must(program, {"ipset", "save", "T"}); }));
  fmt::print("; one more {:.3f} s\n", seconds([&] { must(program, {"ipset", "-exist", "restore"}, "add T 240.0.0.1\n"); }));
}

} // namespace

int main() {
  if (::unshare(CLONE_NEWNET) != 0) {
    fmt::print("network namespaces are not permitted here: nothing measured\n");
    return 0;
  }
  const std::vector<std::string> all = addresses(many);
  NftRunner ours("here");
  LocalRunner program;
  ours.open();
  for (const std::size_t count : {std::size_t{1'000}, many}) {
    must(program, nft, "flush ruleset\n");
    must(ours, nft, skeleton("T"));
    if (count == many)
      fill(ours, program, all);
    else
      must(ours, nft, additions("T", all, count));
    ours.watch();
    must(ours, {"nft", "-j", "list", "table", "inet", "T"});
    one_more(ours, program, count);
  }
  must(program, nft, theirs(40'000));
  ours.watch();
  must(ours, {"nft", "-j", "list", "table", "inet", "T"});
  fmt::print("with 40,000 intervals in somebody else's table: ");
  one_more(ours, program, many);
  with_ipset(program, all);
}
