#include "lab/platforms.hpp"

#include "config/document/document.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

namespace banpush::lab {

namespace {

PlatformFound platform_of(const std::string &name, const std::string &file, const Node &top) {
  PlatformFound found{name, file, {}, {}, {{name, ""}}};
  if (const Node *about = top.at("about"))
    found.about = about->text;
  if (const Node *trains = top.at("trains"))
    for (const Node &train : trains->keys)
      found.trains.push_back(train.text);
  if (const Node *others = top.at("stands_for"))
    for (std::size_t i = 0; i < others->keys.size(); ++i)
      found.stands_for.emplace_back(others->keys[i].text, others->items[i].text);
  return found;
}

} // namespace

std::vector<PlatformFound> find_platforms(const std::vector<std::string> &folders) {
  namespace fs = std::filesystem;
  std::vector<PlatformFound> all;
  std::set<std::string> seen;
  for (const std::string &folder : folders) {
    std::error_code ignored;
    for (const auto &entry : fs::directory_iterator(folder, ignored)) {
      const std::string name = entry.path().filename().string(), file = (entry.path() / "device.yaml").string();
      if (fs::exists(file, ignored) && seen.insert(name).second)
        all.push_back(platform_of(name, file, read_document(file)));
    }
  }
  std::sort(all.begin(), all.end(), [](const PlatformFound &a, const PlatformFound &b) { return a.name < b.name; });
  return all;
}

std::optional<Twin> twin_of(const std::vector<PlatformFound> &platforms, const std::vector<std::string> &lineage) {
  for (const std::string &driver : lineage)
    for (const PlatformFound &platform : platforms)
      for (const auto &[name, train] : platform.stands_for)
        if (name == driver)
          return Twin{platform.name, train};
  return std::nullopt;
}

} // namespace banpush::lab
