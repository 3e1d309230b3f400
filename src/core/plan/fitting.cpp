#include "core/plan/fitting.hpp"

#include "core/policy/aggregate.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace banpush {

Lists::Lists(const Driver &driver) {
  for (const Family family : {Family::IPv4, Family::IPv6})
    for (const bool host : {false, true})
      for (const bool service : {false, true}) {
        const unsigned width = family == Family::IPv4 ? 32 : 128;
        const Block block{Prefix(family, {}, host ? width : 8), service ? Service{0, 0, 6} : Service{}};
        const List *list = driver.list_for(block.prefix, service);
        found_[place(block, host)] = list == nullptr ? none : static_cast<std::uint16_t>(list - driver.lists.data());
      }
}

namespace {

using Places = std::vector<Candidate>::const_iterator;

// The hosts of a small network.
std::vector<Candidate> as_hosts(const Candidate &network) {
  const Prefix &prefix = network.block.prefix;
  const unsigned count = 1U << (prefix.width() - prefix.length());
  std::vector<Candidate> hosts(count, network);
  Prefix::Bytes bytes = prefix.bytes();
  for (unsigned i = 0; i < count; ++i) {
    hosts[i].block.prefix = Prefix(prefix.family(), bytes, prefix.width());
    hosts[i].worth = network.worth / count;
    ++bytes[prefix.width() / 8 - 1];
  }
  return hosts;
}

class Fitter {
public:
  Fitter(const Driver &driver, const Lists &lists, const std::vector<Candidate> &candidates, const Policy &policy,
         const Installed &installed)
      : driver_(driver), lists_(lists), candidates_(candidates), policy_(policy), installed_(installed) {}

  Fitting run() {
    for (const Foreign &foreign : installed_.foreign)
      give_way_to(foreign);
    if (way_given_.empty() && all_have_lists() && !any_nested())
      return {};
    std::vector<Candidate> kept = with_services_that_fit();
    fitting_.changed.emplace();
    for (const Candidate &one : kept)
      keep(one);
    return std::move(fitting_);
  }

private:
  bool all_have_lists() const {
    return std::none_of(candidates_.begin(), candidates_.end(), [&](const Candidate &one) { return lists_.of(one.block) == Lists::none; });
  }

  // Whether a candidate lies in another, and there is a list that would not have that.
  bool any_nested() const {
    if (std::none_of(driver_.lists.begin(), driver_.lists.end(), [](const List &list) { return list.disjoint; }))
      return false;
    const auto inside = std::adjacent_find(candidates_.begin(), candidates_.end(),
                                           [](const Candidate &a, const Candidate &b) { return a.block.prefix.contains(b.block.prefix); });
    return inside != candidates_.end();
  }

  const List *list_of(const Block &block) const noexcept {
    const std::uint16_t list = lists_.of(block);
    return list == Lists::none ? nullptr : &driver_.lists[list];
  }

  Places at_or_after(const Prefix &prefix) const {
    return std::partition_point(candidates_.begin(), candidates_.end(), [&](const Candidate &one) { return one.block.prefix < prefix; });
  }

  // Marks what the foreign entry blocks already, and what it keeps out of its list.
  void give_way_to(const Foreign &foreign) {
    if (foreign.covers && installed_.is_in_force(foreign.list))
      for (auto one = at_or_after(*foreign.covers); one != candidates_.end() && foreign.covers->contains(one->block.prefix); ++one) {
        const List *list = list_of(one->block);
        if (list == nullptr || !list->longest_match || one->block.prefix == *foreign.covers)
          give_way(one, foreign);
      }
    const List *list = driver_.list(foreign.list);
    const std::optional<Prefix> &whereabouts = foreign.around ? foreign.around : foreign.covers;
    if (list != nullptr && list->each_once && whereabouts)
      for (auto one = at_or_after(*whereabouts); one != candidates_.end() && one->block.prefix == *whereabouts; ++one)
        if (list_of(one->block) == list)
          give_way(one, foreign);
    if (list == nullptr || !list->disjoint || !whereabouts)
      return;
    const auto keep_out = [&](Places one) {
      if (list_of(one->block) == list)
        give_way(one, foreign);
    };
    for (auto one = at_or_after(*whereabouts); one != candidates_.end() && whereabouts->contains(one->block.prefix); ++one)
      keep_out(one);
    for (unsigned length = 0; length < whereabouts->length(); ++length) {
      const Prefix wider = whereabouts->with_length(length);
      for (auto one = at_or_after(wider); one != candidates_.end() && one->block.prefix == wider; ++one)
        keep_out(one);
    }
  }

  void give_way(Places one, const Foreign &foreign) {
    way_given_.resize(candidates_.size());
    const auto place = static_cast<std::size_t>(one - candidates_.begin());
    if (!way_given_[place])
      leave_out(one->block.prefix, Verdict::Foreign, fmt::format("an entry of somebody else holds it: {}", shown(foreign.text, 60)));
    way_given_[place] = true;
  }

  // What gives way to nobody. Services that no list holds become any; what then lies in one another is merged again.
  std::vector<Candidate> with_services_that_fit() const {
    std::vector<Candidate> kept;
    bool reduced = false;
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      if (!way_given_.empty() && way_given_[i])
        continue;
      kept.push_back(candidates_[i]);
      Block &block = kept.back().block;
      if (!block.service.is_any() && lists_.of(block) == Lists::none) {
        block.service = {};
        reduced = true;
      }
    }
    if (!reduced)
      return kept;
    Policy exactly;
    exactly.aggregate.mode = policy_.aggregate.mode == Aggregate::Mode::None ? Aggregate::Mode::None : Aggregate::Mode::Exact;
    exactly.shortest4 = policy_.shortest4;
    exactly.shortest6 = policy_.shortest6;
    return aggregate(std::move(kept), exactly, {}).blocks;
  }

  void keep(const Candidate &candidate) {
    const Prefix &prefix = candidate.block.prefix;
    if (const List *list = list_of(candidate.block)) {
      if (lies_in_ours(prefix, *list))
        leave_out(prefix, Verdict::Covered, "lies in a wider entry of the same list");
      else
        fitting_.changed->push_back(candidate);
    } else if (!prefix.is_host() && prefix.width() - prefix.length() <= 8 && lists_.for_hosts(candidate.block) != Lists::none) {
      for (const Candidate &host : as_hosts(candidate))
        fitting_.changed->push_back(host);
    } else {
      leave_out(prefix, Verdict::NotHeld,
                fmt::format("driver {} has no list for {} {}", driver_.name, prefix.family() == Family::IPv4 ? "IPv4" : "IPv6",
                            prefix.is_host() ? "hosts" : "networks"));
    }
  }

  // Candidates come sorted, the wider first.
  bool lies_in_ours(const Prefix &prefix, const List &list) {
    if (!list.disjoint)
      return false;
    last_in_.resize(driver_.lists.size());
    std::optional<Prefix> &last = last_in_[static_cast<std::size_t>(&list - driver_.lists.data())];
    if (last && last->contains(prefix))
      return true;
    last = prefix;
    return false;
  }

  void leave_out(const Prefix &prefix, Verdict verdict, std::string reason) {
    fitting_.left_out.push_back({prefix, verdict, std::move(reason)});
  }

  const Driver &driver_;
  const Lists &lists_;
  const std::vector<Candidate> &candidates_;
  const Policy &policy_;
  const Installed &installed_;
  std::vector<bool> way_given_; // by place; empty while nothing gives way
  std::vector<std::optional<Prefix>> last_in_;
  Fitting fitting_;
};

} // namespace

Fitting fit(const Driver &driver, const Lists &lists, const std::vector<Candidate> &candidates, const Policy &policy,
            const Installed &installed) {
  return Fitter(driver, lists, candidates, policy, installed).run();
}

} // namespace banpush
