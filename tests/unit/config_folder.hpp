// A folder of its own with a configuration in it, gone afterwards.
#pragma once

#include "config/config_file.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace banpush {

class ConfigFolder {
public:
  ConfigFolder() {
    char name[] = "/tmp/banpush-config-XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ConfigFolder(const ConfigFolder &) = delete;
  ConfigFolder &operator=(const ConfigFolder &) = delete;
  ~ConfigFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string &path() const { return path_; }

  std::string write(const std::string &name, const std::string &text, unsigned mode = 0600) const {
    const std::string file = path_ + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    std::ofstream(file) << text;
    std::filesystem::permissions(file, static_cast<std::filesystem::perms>(mode));
    return file;
  }

  // The text as banpush.yaml, with the drivers that are shipped.
  Config load(const std::string &text, Scope scope = {}) const {
    LoadOptions options;
    options.path = write("banpush.yaml", text);
    options.data_dirs = {BANPUSH_SOURCE_DIR};
    options.scope = std::move(scope);
    return load_config(options);
  }

  // What is said of a text that is wrong, this folder's path taken out; "nothing" when it loads.
  std::string complaint(const std::string &text, Scope scope = {}) const {
    try {
      load(text, std::move(scope));
    } catch (const Error &error) {
      CHECK(error.kind() == ErrorKind::Config);
      return without_path(error.what());
    }
    return "nothing";
  }

  std::string without_path(std::string text) const {
    const std::string prefix = path_ + "/";
    for (std::size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at))
      text.erase(at, prefix.size());
    return text;
  }

private:
  std::string path_;
};

} // namespace banpush
