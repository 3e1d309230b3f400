// One configuration of the test's server, as a libyang tree: edited as RFC 6241 7.2 says, validated, filtered.
#pragma once

#include <libyang/libyang.h>

#include <stdexcept>
#include <string>

// What an rpc-error says: its tag, and the words.
struct Refused : std::runtime_error {
  Refused(std::string its_tag, const std::string &message) : std::runtime_error(message), tag(std::move(its_tag)) {}
  std::string tag;
};

class Store {
public:
  explicit Store(ly_ctx *context) : context_(context) {}
  Store(const Store &other);
  Store &operator=(const Store &other);
  ~Store() { lyd_free_all(root_); }

  // The content of <config>. Throws Refused, and is spoilt then: edit a copy. `most` entries are room enough; 0 for no bound.
  void edit(const std::string &config, std::size_t most);
  // Throws Refused where the modules forbid what stands there.
  void validate();
  // A copy of what <filter> selects; of all without one. The caller frees it.
  lyd_node *select(const lyd_node *filter) const;
  void save(const std::string &path) const;
  void load(const std::string &path);

private:
  void apply(const lyd_node *edit, lyd_node *parent, const std::string &inherited);
  void apply_one(const lyd_node *edit, lyd_node *parent, const std::string &operation);

  ly_ctx *context_;
  lyd_node *root_ = nullptr;
};

lyd_node *child(const lyd_node *node, const char *name);
// Of an anyxml node; the caller's own copy.
std::string content_of(const lyd_node *any);
