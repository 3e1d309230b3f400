#include "core/policy/aggregate.hpp"

#include "core/policy/lossy.hpp"

#include <algorithm>
#include <map>

namespace banpush {

namespace {

unsigned shortest(const Policy &policy, Family family) noexcept { return family == Family::IPv4 ? policy.shortest4 : policy.shortest6; }

bool by_block(const Candidate &a, const Candidate &b) noexcept { return a.block < b.block; }

// A list of candidates that becomes shorter from the front, as a stack; each knows whether it was merged.
class Stack {
public:
  explicit Stack(std::vector<Candidate> items) : items_(std::move(items)), merged_(items_.size()) {}

  std::size_t size() const noexcept { return items_.size(); }
  Candidate &operator[](std::size_t i) noexcept { return items_[i]; }
  bool empty() const noexcept { return top_ == 0; }
  Candidate &top() noexcept { return items_[top_ - 1]; }
  bool top_is_merged() const noexcept { return merged_[top_ - 1]; }
  void mark_top() noexcept { merged_[top_ - 1] = true; }
  void pop() noexcept { --top_; }
  void push(const Candidate &candidate) noexcept {
    items_[top_] = candidate;
    merged_[top_++] = false;
  }

  Aggregated done() && {
    Aggregated result;
    items_.resize(top_);
    for (std::size_t i = 0; i < top_; ++i)
      if (merged_[i])
        result.merged.push_back(i);
    result.blocks = std::move(items_);
    return result;
  }

private:
  std::vector<Candidate> items_;
  std::vector<bool> merged_;
  std::size_t top_ = 0;
};

// What `other` brings to the block that takes its place as well. `until` is the caller's.
void take_in(Candidate &block, const Candidate &other) noexcept {
  if (other.age < block.age) {
    block.age = other.age;
    block.jail = other.jail;
  }
  block.bans += other.bans;
  block.hosts = std::max(block.hosts, other.hosts);
  block.history += other.history;
  block.since = std::max(block.since, other.since);
  block.worth += other.worth;
}

// Blocks of one service, sorted.
Aggregated exact(std::vector<Candidate> blocks, const Policy &policy) {
  const bool halves = policy.aggregate.mode != Aggregate::Mode::None;
  Stack stack(std::move(blocks));
  for (std::size_t i = 0; i < stack.size(); ++i) {
    Candidate next = stack[i];
    if (!stack.empty() && stack.top().block.prefix.contains(next.block.prefix)) {
      const bool same = stack.top().block.prefix == next.block.prefix;
      take_in(stack.top(), next);
      // The wider ban runs on its own time; equal prefixes (parts of wider bans) for as long as one does.
      if (same)
        stack.top().until = std::max(stack.top().until, next.until);
      stack.mark_top();
      continue;
    }
    bool merged = false;
    const unsigned least = shortest(policy, next.block.prefix.family());
    while (halves && !stack.empty() && next.block.prefix.length() > least &&
           stack.top().block.prefix.length() == next.block.prefix.length() && stack.top().block.prefix == next.block.prefix.sibling()) {
      const Seconds until = std::min(next.until, stack.top().until);
      Candidate whole = stack.top();
      take_in(whole, next);
      whole.until = until;
      whole.block.prefix = whole.block.prefix.with_length(whole.block.prefix.length() - 1);
      next = whole;
      merged = true;
      stack.pop();
    }
    stack.push(next);
    if (merged)
      stack.mark_top();
  }
  return std::move(stack).done();
}

// Members in ascending order as one block with the given prefix.
Candidate joined(const std::vector<Candidate> &blocks, const Span &span) {
  Candidate whole = blocks[span.first];
  whole.block.prefix = span.prefix;
  for (std::size_t i = span.first + 1; i < span.last; ++i) {
    take_in(whole, blocks[i]);
    whole.until = std::min(whole.until, blocks[i].until);
  }
  return whole;
}

Aggregated lossy(Aggregated before, const Policy &policy, const PrefixSet &never) {
  Aggregated after;
  auto merged = before.merged.begin();
  for (const Span &span : widest_use(before.blocks, policy, never)) {
    const bool inherits = merged != before.merged.end() && *merged < span.last;
    while (merged != before.merged.end() && *merged < span.last)
      ++merged;
    if (span.last - span.first > 1 || inherits)
      after.merged.push_back(after.blocks.size());
    after.blocks.push_back(joined(before.blocks, span));
    after.innocents += span.innocents;
  }
  return after;
}

} // namespace

Aggregated aggregate(std::vector<Candidate> blocks, const Policy &policy, const PrefixSet &never) {
  if (!std::is_sorted(blocks.begin(), blocks.end(), by_block))
    std::sort(blocks.begin(), blocks.end(), by_block);
  std::map<Service, std::vector<Candidate>> others;
  const auto of_any = [](const Candidate &one) { return one.block.service.is_any(); };
  const auto whole = std::is_partitioned(blocks.begin(), blocks.end(), of_any)
                         ? std::partition_point(blocks.begin(), blocks.end(), of_any)
                         : std::stable_partition(blocks.begin(), blocks.end(), of_any);
  for (auto one = whole; one != blocks.end(); ++one)
    others[one->block.service].push_back(*one);
  blocks.erase(whole, blocks.end());

  Aggregated result = exact(std::move(blocks), policy);
  if (policy.aggregate.mode == Aggregate::Mode::Lossy)
    result = lossy(std::move(result), policy, never);
  if (others.empty())
    return result;

  std::vector<Prefix> covered;
  for (const Candidate &one : result.blocks)
    covered.push_back(one.block.prefix);
  const PrefixSet for_all(std::move(covered));
  std::vector<std::pair<Candidate, bool>> all;
  const auto keep = [&](const Aggregated &part) {
    for (std::size_t i = 0, next = 0; i < part.blocks.size(); ++i) {
      const bool merged = next < part.merged.size() && part.merged[next] == i;
      next += merged ? 1 : 0;
      if (part.blocks[i].block.service.is_any() || !for_all.covers(part.blocks[i].block.prefix))
        all.emplace_back(part.blocks[i], merged);
    }
  };
  keep(result);
  for (auto &[service, with_service] : others)
    keep(exact(std::move(with_service), policy));
  std::sort(all.begin(), all.end(), [](const auto &a, const auto &b) { return by_block(a.first, b.first); });
  result.blocks.clear();
  result.merged.clear();
  for (const auto &[one, merged] : all) {
    if (merged)
      result.merged.push_back(result.blocks.size());
    result.blocks.push_back(one);
  }
  return result;
}

} // namespace banpush
