#include "core/policy/lossy.hpp"

#include <algorithm>
#include <bit>
#include <limits>

namespace banpush {

namespace {

constexpr std::uint64_t unreachable = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint32_t itself = std::numeric_limits<std::uint32_t>::max();
// Beyond this many points a front is thinned to its convex hull, which keeps the time bounded; only
// then may the result fall short of the optimum.
constexpr std::size_t most_points = 4096;

// One way to treat a subtree: entries saved, what it costs, and the ways of its halves (left == itself:
// the subtree becomes one block).
struct Point {
  std::uint64_t innocents = 0;
  std::uint32_t saved = 0;
  std::uint32_t left = 0, right = 0;
};

// The ways worth considering, cheapest first, each saving more than the one before.
using Front = std::vector<Point>;

struct Node {
  std::size_t first = 0, last = 0;
  Prefix prefix;
  std::uint64_t units = 0;                     // addresses (/64s) that candidates cover
  std::uint32_t left = itself, right = itself; // nodes; itself: a leaf
  std::uint32_t front = itself;                // index of its own front; itself: that of `same_as`, or only the point that saves nothing
  std::uint32_t same_as = itself;              // the only half that has a choice
};

// 2^bits, or all there is.
std::uint64_t power(unsigned bits) noexcept { return bits < 64 ? std::uint64_t{1} << bits : unreachable; }

std::uint64_t size_of(const Prefix &prefix) noexcept {
  const unsigned unit = prefix.family() == Family::IPv4 ? 32 : 64;
  return prefix.length() >= unit ? 1 : power(unit - prefix.length());
}

unsigned common_bits(const Prefix &a, const Prefix &b) noexcept {
  const unsigned most = std::min(a.length(), b.length());
  for (std::size_t i = 0; i < 16; ++i)
    if (const unsigned differ = static_cast<unsigned>(a.bytes()[i]) ^ b.bytes()[i]; differ != 0)
      return std::min(most, static_cast<unsigned>(i) * 8 + static_cast<unsigned>(std::countl_zero(static_cast<std::uint8_t>(differ))));
  return most;
}

class Tree {
public:
  Tree(const std::vector<Candidate> &blocks, const Policy &policy, const PrefixSet &never)
      : blocks_(blocks), policy_(policy), never_(never), most_(policy.aggregate.max_innocents) {
    const auto ipv6 =
        std::partition_point(blocks.begin(), blocks.end(), [](const Candidate &one) { return one.block.prefix.family() == Family::IPv4; });
    const auto middle = static_cast<std::size_t>(ipv6 - blocks.begin());
    if (middle > 0 && middle < blocks.size()) {
      // Both families draw on one budget: a node above both trees that can't become a block.
      const std::uint32_t left = grow(0, middle), right = grow(middle, blocks.size());
      root_ = join({0, blocks.size(), {}, 0, left, right, itself, itself}, false);
    } else {
      root_ = grow(0, blocks.size());
    }
  }

  std::vector<Span> spans() const {
    std::vector<Span> found;
    const Front &front = front_of(root_);
    collect(root_, static_cast<std::uint32_t>(front.size() - 1), found);
    return found;
  }

private:
  const Front &front_of(std::uint32_t node) const {
    static const Front nothing_saved{Point{}};
    while (nodes_[node].same_as != itself)
      node = nodes_[node].same_as;
    return nodes_[node].front == itself ? nothing_saved : fronts_[nodes_[node].front];
  }

  std::uint32_t add(const Node &node) {
    nodes_.push_back(node);
    return static_cast<std::uint32_t>(nodes_.size() - 1);
  }

  std::uint32_t grow(std::size_t first, std::size_t last) {
    Node node;
    node.first = first;
    node.last = last;
    node.prefix = blocks_[first].block.prefix;
    if (last - first == 1) {
      node.units = size_of(node.prefix);
      return add(node);
    }
    node.prefix = node.prefix.with_length(common_bits(node.prefix, blocks_[last - 1].block.prefix));
    const Prefix high = node.prefix.with_length(node.prefix.length() + 1).sibling();
    const auto middle =
        std::lower_bound(blocks_.begin() + static_cast<std::ptrdiff_t>(first), blocks_.begin() + static_cast<std::ptrdiff_t>(last), high,
                         [](const Candidate &one, const Prefix &prefix) { return one.block.prefix < prefix; });
    const auto split = static_cast<std::size_t>(middle - blocks_.begin());
    node.left = grow(first, split);
    node.right = grow(split, last);
    node.units = std::min(size_of(node.prefix), nodes_[node.left].units + nodes_[node.right].units);
    return join(node, may_be_one(node));
  }

  bool may_be_one(const Node &node) const {
    const Prefix &prefix = node.prefix;
    const std::uint64_t size = size_of(prefix);
    return prefix.length() >= (prefix.family() == Family::IPv4 ? policy_.shortest4 : policy_.shortest6) && size - node.units <= most_ &&
           static_cast<double>(node.units) >= policy_.aggregate.density * static_cast<double>(size) && !never_.overlap(prefix) &&
           (policy_.reserved_allowed || !reserved(prefix));
  }

  // Makes the node's front of those of its halves.
  std::uint32_t join(Node node, bool may_be_one) {
    const Front &left = front_of(node.left), &right = front_of(node.right);
    Front front;
    if (left.size() == 1 && right.size() == 1) {
      front.push_back({left[0].innocents + right[0].innocents, left[0].saved + right[0].saved, 0, 0});
    } else if (right.size() == 1 && right[0].saved == 0 && !may_be_one) {
      node.same_as = node.left;
    } else if (left.size() == 1 && left[0].saved == 0 && !may_be_one) {
      node.same_as = node.right;
    } else {
      front = sums(left, right);
    }
    if (may_be_one)
      add_itself(front, {size_of(node.prefix) - node.units, static_cast<std::uint32_t>(node.last - node.first - 1), itself, itself});
    if (front.size() > most_points)
      thin(front);
    if (node.same_as == itself && (front.size() > 1 || front[0].saved > 0)) {
      node.front = static_cast<std::uint32_t>(fronts_.size());
      fronts_.push_back(std::move(front));
    }
    return add(node);
  }

  Front sums(const Front &left, const Front &right) const {
    std::vector<Point> best(left.back().saved + right.back().saved + 1, Point{unreachable, 0, 0, 0});
    for (std::uint32_t i = 0; i < left.size(); ++i)
      for (std::uint32_t j = 0; j < right.size(); ++j) {
        const std::uint64_t innocents = left[i].innocents + right[j].innocents;
        if (innocents > most_)
          break;
        Point &point = best[left[i].saved + right[j].saved];
        if (innocents < point.innocents)
          point = {innocents, left[i].saved + right[j].saved, i, j};
      }
    Front front;
    // From the most saved down, a point is kept when it is cheaper than all that save more.
    for (auto point = best.rbegin(); point != best.rend(); ++point)
      if (point->innocents != unreachable && (front.empty() || point->innocents < front.back().innocents))
        front.push_back(*point);
    std::reverse(front.begin(), front.end());
    return front;
  }

  static void add_itself(Front &front, const Point &point) {
    while (!front.empty() && front.back().innocents >= point.innocents)
      front.pop_back();
    front.push_back(point);
  }

  static void thin(Front &front) {
    Front hull;
    for (const Point &point : front) {
      const auto above = [&](const Point &a, const Point &b) {
        return static_cast<double>(b.saved - a.saved) * static_cast<double>(point.innocents - a.innocents) <=
               static_cast<double>(point.saved - a.saved) * static_cast<double>(b.innocents - a.innocents);
      };
      while (hull.size() > 1 && above(hull[hull.size() - 2], hull.back()))
        hull.pop_back();
      hull.push_back(point);
    }
    front.swap(hull);
  }

  void collect(std::uint32_t at, std::uint32_t choice, std::vector<Span> &found) const {
    const Node &node = nodes_[at];
    if (node.left == itself) {
      found.push_back({node.first, node.last, node.prefix, 0});
      return;
    }
    if (node.same_as != itself) {
      collect(node.left, node.same_as == node.left ? choice : 0, found);
      collect(node.right, node.same_as == node.right ? choice : 0, found);
      return;
    }
    const Point &point = front_of(at)[choice];
    if (point.left == itself) {
      found.push_back({node.first, node.last, node.prefix, point.innocents});
      return;
    }
    collect(node.left, point.left, found);
    collect(node.right, point.right, found);
  }

  const std::vector<Candidate> &blocks_;
  const Policy &policy_;
  const PrefixSet &never_;
  std::uint64_t most_;
  std::vector<Node> nodes_;
  std::vector<Front> fronts_;
  std::uint32_t root_ = 0;
};

} // namespace

std::vector<Span> widest_use(const std::vector<Candidate> &blocks, const Policy &policy, const PrefixSet &never) {
  if (blocks.empty())
    return {};
  return Tree(blocks, policy, never).spans();
}

} // namespace banpush
