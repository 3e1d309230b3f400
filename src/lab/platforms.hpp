// The emulated platforms there are, and which of them stands for a driver.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace banpush::lab {

struct PlatformFound {
  std::string name, file, about;
  std::vector<std::string> trains;
  std::vector<std::pair<std::string, std::string>> stands_for; // driver, and train; the driver of its own name first
};

// Every NAME/device.yaml of the folders, by name; of two of one name the first.
std::vector<PlatformFound> find_platforms(const std::vector<std::string> &folders);

struct Twin {
  std::string platform, train;
};

// The twin of a driver: `lineage` are its name and those of the drivers it extends, its own first.
std::optional<Twin> twin_of(const std::vector<PlatformFound> &platforms, const std::vector<std::string> &lineage);

} // namespace banpush::lab
