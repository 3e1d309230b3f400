// A mapping being read: it remembers which keys were asked for, and complains about all others.
#pragma once

#include "config/document/document.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace banpush {

class Mapping {
public:
  // Complains, and is empty, when the node is no mapping. `problems` must outlive it.
  Mapping(const Node &node, Problems &problems);

  // The value under the key, which is known from now on; nothing when it is not there. An empty value
  // (`key:` alone) is complained about and not there.
  const Node *find(std::string_view key);
  // The same; an empty value is there.
  const Node *find_even_empty(std::string_view key);

  // The value under the key made typed by one of the functions of values.hpp; its empty value when the
  // key is not there.
  template <class Read, class... More>
  auto get(std::string_view key, Read read, const More &...more)
      -> decltype(read(std::declval<const Node &>(), std::declval<Problems &>(), more...)) {
    const Node *node = find(key);
    if (node == nullptr)
      return {};
    return read(*node, *problems_, more...);
  }
  // The same; complains when the key is not there.
  template <class Read, class... More>
  auto need(std::string_view key, Read read, const More &...more)
      -> decltype(read(std::declval<const Node &>(), std::declval<Problems &>(), more...)) {
    if (node_->kind == Node::Kind::Mapping && node_->at(key) == nullptr)
      miss(key);
    return get(key, read, more...);
  }

  // Complains about every key nobody asked for. To be called last.
  void done() const;

  const Node &node() const noexcept { return *node_; }

private:
  void miss(std::string_view key);

  const Node *node_;
  Problems *problems_;
  std::vector<std::string> known_;
};

} // namespace banpush
