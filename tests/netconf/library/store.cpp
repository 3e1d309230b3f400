#include "store.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace {

std::string name_of(const lyd_node *node) { return LYD_NAME(node); }

std::string uri_of(const lyd_node *node) {
  if (node->schema != nullptr)
    return node->schema->module->ns;
  const char *uri = reinterpret_cast<const lyd_node_opaq *>(node)->name.module_ns;
  return uri == nullptr ? "" : uri;
}

std::string value_of(const lyd_node *node) {
  const char *value = node->schema != nullptr && (node->schema->nodetype & LYD_NODE_TERM) == 0 ? nullptr : lyd_get_value(node);
  const std::string text = value == nullptr ? "" : value;
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::string meta_of(const lyd_node *node, const char *name) {
  const lyd_meta *meta = lyd_find_meta(node->meta, nullptr, name);
  return meta == nullptr ? "" : lyd_get_meta_value(meta);
}

bool is_key(const lyd_node *node) { return node->schema != nullptr && lysc_is_key(node->schema); }

lyd_node *same_as(const lyd_node *wanted, const lyd_node *siblings) {
  if (siblings == nullptr)
    return nullptr;
  lyd_node *found = nullptr;
  const bool many = (wanted->schema->nodetype & (LYS_LIST | LYS_LEAFLIST)) != 0;
  const LY_ERR result =
      many ? lyd_find_sibling_first(siblings, wanted, &found) : lyd_find_sibling_val(siblings, wanted->schema, nullptr, 0, &found);
  return result == LY_SUCCESS ? found : nullptr;
}

// RFC 6241 6.2: what a filter's element selects of a node of its name.
lyd_node *filtered(const lyd_node *wanted, const lyd_node *node) {
  lyd_node *copy = nullptr;
  bool deeper = false;
  for (const lyd_node *one = lyd_child(wanted); one != nullptr; one = one->next) {
    if (lyd_child(one) != nullptr || value_of(one).empty()) {
      deeper = true;
      continue;
    }
    bool matches = false;
    for (const lyd_node *below = lyd_child(node); below != nullptr; below = below->next)
      matches = matches || (name_of(below) == name_of(one) && value_of(below) == value_of(one));
    if (!matches)
      return nullptr;
  }
  if (!deeper) {
    lyd_dup_single(node, nullptr, LYD_DUP_RECURSIVE, &copy);
    return copy;
  }
  lyd_dup_single(node, nullptr, 0, &copy);
  bool some = false;
  for (const lyd_node *below = lyd_child(node); below != nullptr; below = below->next)
    for (const lyd_node *one = lyd_child(wanted); one != nullptr && !is_key(below); one = one->next)
      if (name_of(one) == name_of(below))
        if (lyd_node *found = filtered(one, below)) {
          lyd_insert_child(copy, found);
          some = true;
        }
  if (!some) {
    lyd_free_tree(copy);
    return nullptr;
  }
  return copy;
}

std::size_t entries(const lyd_node *siblings) {
  std::size_t count = 0;
  for (const lyd_node *one = siblings; one != nullptr; one = one->next) {
    const std::string name = name_of(one);
    count += name == "prefix" || name == "source-ipv4-network" || name == "source-ipv6-network" ? 1 : entries(lyd_child(one));
  }
  return count;
}

} // namespace

lyd_node *child(const lyd_node *node, const char *name) {
  for (lyd_node *one = node == nullptr ? nullptr : lyd_child(node); one != nullptr; one = one->next)
    if (name_of(one) == name)
      return one;
  return nullptr;
}

std::string content_of(const lyd_node *any) {
  char *text = nullptr;
  if (lyd_any_value_str(any, &text) != LY_SUCCESS || text == nullptr)
    return {};
  const std::unique_ptr<char, decltype(&std::free)> owned(text, std::free);
  return text;
}

Store::Store(const Store &other) : context_(other.context_) {
  if (other.root_ != nullptr)
    lyd_dup_siblings(other.root_, nullptr, LYD_DUP_RECURSIVE, &root_);
}

Store &Store::operator=(const Store &other) {
  if (this != &other) {
    Store copy(other);
    std::swap(root_, copy.root_);
  }
  return *this;
}

void Store::edit(const std::string &config, std::size_t most) {
  lyd_node *wanted = nullptr;
  if (lyd_parse_data_mem(context_, config.c_str(), LYD_XML, LYD_PARSE_ONLY | LYD_PARSE_STRICT | LYD_PARSE_NO_STATE, 0, &wanted) !=
      LY_SUCCESS)
    throw Refused("invalid-value",
                  std::string(ly_errmsg(context_)) + " at " + (ly_errpath(context_) == nullptr ? "" : ly_errpath(context_)));
  const std::unique_ptr<lyd_node, decltype(&lyd_free_all)> owned(wanted, lyd_free_all);
  apply(wanted, nullptr, "merge");
  if (most != 0 && entries(root_) > most)
    throw Refused("operation-failed", "there is no room for more entries");
}

void Store::apply(const lyd_node *edit, lyd_node *parent, const std::string &inherited) {
  for (const lyd_node *one = edit; one != nullptr; one = one->next)
    if (!is_key(one)) {
      const std::string operation = meta_of(one, "ietf-netconf:operation");
      apply_one(one, parent, operation.empty() ? inherited : operation);
    }
}

void Store::apply_one(const lyd_node *edit, lyd_node *parent, const std::string &operation) {
  lyd_node *there = same_as(edit, parent == nullptr ? root_ : lyd_child(parent));
  const auto forget = [&] {
    if (there == root_)
      root_ = root_->next;
    lyd_free_tree(there);
    there = nullptr;
  };
  if (operation == "remove" || operation == "delete") {
    if (there != nullptr)
      forget();
    else if (operation == "delete")
      throw Refused("data-missing", "there is no such " + name_of(edit));
    return;
  }
  if (operation == "create" && there != nullptr)
    throw Refused("data-exists", name_of(edit) + " is there already");
  if (operation == "replace" && there != nullptr)
    forget();
  const bool is_new = there == nullptr;
  if (is_new) {
    lyd_dup_single(edit, nullptr, LYD_DUP_NO_META, &there);
    if (parent != nullptr)
      lyd_insert_child(parent, there);
    else
      lyd_insert_sibling(root_, there, &root_);
  } else if (edit->schema->nodetype == LYS_LEAF) {
    lyd_change_term(there, lyd_get_value(edit));
  }
  if (meta_of(edit, "yang:insert") == "first") {
    lyd_node *first = nullptr;
    lyd_find_sibling_val(lyd_first_sibling(there), there->schema, nullptr, 0, &first);
    if (first != nullptr && first != there) {
      lyd_unlink_tree(there);
      lyd_insert_before(first, there);
    }
  }
  apply(lyd_child(edit), there, operation == "create" || operation == "replace" ? "merge" : operation);
}

void Store::validate() {
  if (lyd_validate_all(&root_, context_, LYD_VALIDATE_NO_STATE, nullptr) != LY_SUCCESS)
    throw Refused("operation-failed", std::string("validation: ") + ly_errmsg(context_));
}

lyd_node *Store::select(const lyd_node *filter) const {
  lyd_node *found = nullptr;
  if (filter == nullptr) {
    if (root_ != nullptr)
      lyd_dup_siblings(root_, nullptr, LYD_DUP_RECURSIVE, &found);
    return found;
  }
  // As a tree: in its text an element without content would be left out.
  const auto *any = reinterpret_cast<const lyd_node_any *>(filter);
  if (any->value_type != LYD_ANYDATA_DATATREE)
    throw Refused("invalid-value", "the filter is no subtree");
  for (const lyd_node *node = root_; node != nullptr; node = node->next)
    for (const lyd_node *one = any->value.tree; one != nullptr; one = one->next)
      if (name_of(one) == name_of(node) && uri_of(one) == uri_of(node))
        if (lyd_node *part = filtered(one, node))
          lyd_insert_sibling(found, part, &found);
  return found;
}

void Store::save(const std::string &path) const {
  const std::unique_ptr<FILE, decltype(&std::fclose)> file(std::fopen(path.c_str(), "w"), std::fclose);
  if (file)
    lyd_print_file(file.get(), root_, LYD_XML, LYD_PRINT_WITHSIBLINGS);
}

void Store::load(const std::string &path) {
  lyd_free_all(root_);
  root_ = nullptr;
  lyd_parse_data_path(context_, path.c_str(), LYD_XML, LYD_PARSE_ONLY, 0, &root_);
}
