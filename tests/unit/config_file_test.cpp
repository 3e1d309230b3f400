#include "config/config_file.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace banpush;

namespace {

namespace fs = std::filesystem;

// A folder of its own with a configuration in it, gone afterwards.
class Folder {
public:
  Folder() {
    char name[] = "/tmp/banpush-config-XXXXXX";
    path_ = ::mkdtemp(name);
  }
  Folder(const Folder &) = delete;
  Folder &operator=(const Folder &) = delete;
  ~Folder() { fs::remove_all(path_); }

  const std::string &path() const { return path_; }
  std::string write(const std::string &name, const std::string &text, fs::perms mode = fs::perms::owner_read | fs::perms::owner_write) const {
    const std::string file = path_ + "/" + name;
    fs::create_directories(fs::path(file).parent_path());
    std::ofstream(file) << text;
    fs::permissions(file, mode);
    return file;
  }
  Config load(const std::string &text) const {
    LoadOptions options;
    options.path = write("banpush.yaml", text);
    options.data_dirs = {BANPUSH_SOURCE_DIR};
    return load_config(options);
  }
  // What is said of a configuration that is wrong, the folder's name taken out.
  std::string complaint(const std::string &text) const {
    try {
      load(text);
    } catch (const Error &error) {
      CHECK(error.kind() == ErrorKind::Config);
      std::string said = error.what();
      for (std::size_t at = said.find(path_ + "/"); at != std::string::npos; at = said.find(path_ + "/"))
        said.erase(at, path_.size() + 1);
      return said;
    }
    return "(nothing)";
  }

private:
  std::string path_;
};

} // namespace

TEST_CASE("a small configuration gets the standard values") {
  const Folder folder;
  const Config config = folder.load("devices:\n  here: {address: local, driver: linux_nft}\n");
  REQUIRE(config.devices.size() == 1);
  const Device &here = config.devices.front();
  CHECK(here.is_local());
  CHECK(here.policy.protocols.empty());
  CHECK(here.policy.reserved_allowed);
  CHECK(config.policy.protocols == std::vector<std::string>{"tcp"});
  CHECK_FALSE(config.policy.reserved_allowed);
  CHECK(config.tables.front().path == "/var/lib/banpush/bans.db");
  CHECK(config.driver(here).name == "linux_nft");
}

TEST_CASE("a misspelt key is named with its place and the right one") {
  const Folder folder;
  CHECK(folder.complaint("policy:\n  bantme: 1d\n") == "banpush.yaml:2:3: unknown key \"bantme\"; did you mean \"bantime\"?");
}
