// Prometheus' text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats). What is shown is asked of the service and
// of its state at each scrape, so there is nothing for a registry of counters to keep: the few lines here take the place of
// prometheus-cpp.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace banpush {

class Exposition {
public:
  using Labels = std::vector<std::pair<std::string, std::string>>;
  enum class Type { Gauge, Counter };

  // Begins a metric: all of its values follow.
  void metric(std::string_view name, Type type, std::string_view help);
  void value(double value, const Labels &labels = {});

  const std::string &text() const noexcept { return text_; }

private:
  std::string name_, text_;
};

// The largest of some counts by name, at most so many, and the rest of them as one that is called `other`: names out of the table
// are anybody's, and each would be a series of its own.
std::vector<std::pair<std::string, std::size_t>> largest(std::vector<std::pair<std::string, std::size_t>> counts, std::size_t most);

} // namespace banpush
