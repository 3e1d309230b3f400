// What the documentation must not forget.
#include "config/driver/driver_parts.hpp"
#include "config/policy.hpp"
#include "config_folder.hpp"

#include <sstream>

using namespace banpush;

namespace {

std::string text_of_file(const std::string &name) {
  std::ifstream file(std::string(BANPUSH_SOURCE_DIR) + "/" + name);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void collect_keys(const Node &node, std::vector<std::string> &keys) {
  const bool names_of_peoples_own = node.name == "jails" || node.name == "hosts" || node.name == "groups" || node.name == "devices" ||
                                    node.name == "params" || node.name == "tokens";
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    if (!names_of_peoples_own)
      keys.push_back(node.keys[i].text);
    collect_keys(node.items[i], keys);
  }
  if (node.kind == Node::Kind::List)
    for (const Node &item : node.items)
      collect_keys(item, keys);
}

} // namespace

TEST_CASE("every key of the example, of policy and of limits is documented") {
  const std::string docs = text_of_file("docs/configuration.md");
  REQUIRE_FALSE(docs.empty());
  std::vector<std::string> keys = policy_keys();
  keys.insert(keys.end(), limit_keys().begin(), limit_keys().end());
  collect_keys(parse_document("example", text_of_file("config/banpush.yaml")), keys);
  for (const std::string &key : keys) {
    INFO(key);
    CHECK((docs.find("`" + key + "`") != std::string::npos || docs.find(key + ":") != std::string::npos));
  }
}

TEST_CASE("every name a template may use and every stage is documented") {
  const std::string docs = text_of_file("docs/driver-format.md");
  REQUIRE_FALSE(docs.empty());
  std::vector<std::string> names = view_names();
  for (const std::string &stage : stage_names())
    names.push_back(stage);
  for (const std::string &name : names) {
    INFO(name);
    CHECK(docs.find("`" + name + "`") != std::string::npos);
  }
}
