#include "core/reading/rule_path.hpp"

#include "core/bans/ban.hpp"
#include "core/reading/filter_places.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace banpush {

namespace {

struct PathRule {
  std::string name, text; // the lines, each with its end
};

// The rules in the order in which their first lines stand.
using Rules = std::vector<PathRule>;

Rules rules_in(const Path &path, std::string_view text) {
  Rules rules;
  const bool named = path.each.has_group("rule");
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    const auto match = path.each.match(line);
    if (match && (!named || rules.empty() || rules.back().name != match->group("rule").value_or(""))) {
      const std::string name(named ? match->group("rule").value_or("") : line);
      const auto known =
          named ? std::find_if(rules.begin(), rules.end(), [&](const PathRule &one) { return one.name == name; }) : rules.end();
      if (known == rules.end()) {
        rules.push_back({name, {}});
      } else {
        known->text += std::string(line) + "\n";
        continue;
      }
    }
    if (!rules.empty() && (match || !named))
      rules.back().text += std::string(line) + "\n";
  }
  return rules;
}

// As packets meet them.
Rules in_order(const Path &path, Rules rules) {
  const auto turn = [&](const PathRule &rule) {
    return std::find_if(path.first.begin(), path.first.end(), [&](const Pattern &one) { return one.found_in(rule.text); }) -
           path.first.begin();
  };
  if (!path.first.empty())
    std::stable_sort(rules.begin(), rules.end(), [&](const PathRule &a, const PathRule &b) { return turn(a) < turn(b); });
  return rules;
}

bool any_of(const std::vector<Pattern> &patterns, const std::string &text) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const Pattern &one) { return one.found_in(text); });
}

bool all_of(const std::vector<Pattern> &patterns, const std::string &text) {
  return std::all_of(patterns.begin(), patterns.end(), [&](const Pattern &one) { return one.found_in(text); });
}

struct Filter {
  std::string place, rules, name; // the lines of its rules; no name where the path asks for none
  bool is_off = false;
};

struct Filters {
  std::vector<Filter> all;               // in the order in which they begin
  std::unordered_set<std::string> bound; // where the path asks for no place
  std::vector<FilterPlace> places;       // those that are asked for

  const Filter *called(const std::string &name) const {
    const auto found = std::find_if(all.begin(), all.end(), [&](const Filter &one) { return one.name == name; });
    return found == all.end() ? nullptr : &*found;
  }
};

// Whether this is the place, or lies below it.
bool is_within(std::string_view one, std::string_view place) {
  return !place.empty() && one.substr(0, place.size()) == place &&
         (one.size() == place.size() || one[place.size()] == '/' || one[place.size()] == ' ');
}

using IsOff = std::function<bool(std::string_view)>;

// What is switched off decides and binds nothing.
IsOff off_in(const Path &path, std::string_view text) {
  std::vector<std::string> places;
  for (std::size_t at = 0; !path.off.empty() && at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (const auto off = path.off.match(text.substr(at, end - at)))
      places.emplace_back(off->group("filter").value_or(""));
    at = end + 1;
  }
  return [places = std::move(places)](std::string_view one) {
    return std::any_of(places.begin(), places.end(), [&](const std::string &place) { return is_within(one, place); });
  };
}

// By filter, where the lines name theirs; else all is one.
Filters filters_in(const Path &path, std::string_view text, const IsOff &is_off) {
  Filters filters;
  if (!path.each.has_group("filter")) {
    filters.all.push_back({{}, std::string(text), {}});
    return filters;
  }
  std::unordered_map<std::string, std::size_t> places;
  const auto filter = [&](const Pattern::Match &match) -> Filter & {
    const auto [place, is_new] = places.try_emplace(std::string(match.group("filter").value_or("")), filters.all.size());
    if (is_new)
      filters.all.push_back({place->first, {}, {}});
    return filters.all[place->second];
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    if (const auto match = path.each.match(line))
      filter(*match).rules.append(line).append("\n");
    else if (const auto named = path.named.match(line))
      filter(*named).name = named->group("name").value_or("");
    else if (path.place.empty() && !is_off(line))
      for (const Pattern &pattern : path.bound)
        if (const auto bound = pattern.match(line))
          filters.bound.emplace(bound->group("name").value_or(""));
  }
  for (Filter &one : filters.all)
    one.is_off = is_off(one.place);
  return filters;
}

std::string first_line(const std::string &text) {
  const std::size_t from = std::min(text.find_first_not_of(" \t\n"), text.size());
  return shown(text.substr(from, text.find('\n', from) - from), 100);
}

// The chains that rules hand packets to: of each the first rule that may let packets through, if there is one.
class Chains {
public:
  Chains(const Path &path, std::string_view text) : path_(path) {
    for (std::size_t at = 0; !path.chain.empty() && at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      const auto match = path.chain.match(text.substr(at, end - at));
      at = end + 1;
      if (!match)
        continue;
      std::vector<std::string> &rules = rules_[std::string(match->group("chain").value_or(""))];
      if (match->group("rule"))
        rules.emplace_back(match->whole);
    }
  }

  // Why packets may not come back from what the rule hands them to. Empty: they do, or are dropped there. Nothing: it calls no
  // chain that is shown.
  std::optional<std::string> passing(const std::string &rule) {
    const auto call = path_.calls.match(rule);
    const auto chain = call ? rules_.find(std::string(call->group("chain").value_or(""))) : rules_.end();
    return chain == rules_.end() ? std::nullopt : std::optional<std::string>(passing_in(chain->first, chain->second));
  }

private:
  const std::string &passing_in(const std::string &name, const std::vector<std::string> &rules) {
    const auto [known, is_new] = passing_.try_emplace(name);
    if (!is_new)
      return known->second; // also of one that is being looked at: a chain does not come back to itself
    std::string &passing = known->second;
    for (const std::string &rule : rules) {
      if (any_of(path_.drops, rule) || any_of(path_.returns, rule))
        continue;
      const auto further = this->passing(rule);
      if (further && further->empty())
        continue;
      passing = further ? *further : rule;
      break;
    }
    return passing;
  }

  const Path &path_;
  std::unordered_map<std::string, std::vector<std::string>> rules_;
  std::unordered_map<std::string, std::string> passing_;
};

PathRuling walk_one(const Path &path, std::string_view text, Chains &chains) {
  PathRuling ruling;
  for (const PathRule &rule : in_order(path, rules_in(path, text))) {
    if (all_of(path.ours, rule.text) && !any_of(path.ours_lacks, rule.text))
      return ruling;
    if (ruling.says == PathRuling::Says::Not || any_of(path.drops, rule.text))
      continue; // what comes behind one that lets everything through decides nothing: only whether ours is there is asked
    if (any_of(path.passes, rule.text)) {
      ruling = {PathRuling::Says::Not, first_line(rule.text), {}};
      continue;
    }
    if (ruling.says != PathRuling::Says::InForce)
      continue;
    const auto passing = chains.passing(rule.text);
    if (!passing || !passing->empty())
      ruling = {PathRuling::Says::Unclear, first_line(rule.text) + (passing ? ": " + first_line(*passing) : std::string()), {}};
  }
  return {PathRuling::Says::Not, {}, {}};
}

// What the rules of a filter come to at one place, behind the filters that packets meet there first.
PathRuling behind_others(const Path &path, PathRuling ruling, const Filters &filters, const FilterPlace &place, const std::string &filter,
                         Chains &chains) {
  if (ruling.says != PathRuling::Says::InForce)
    return ruling;
  for (const std::string &name : place.filters) {
    if (name == filter)
      break;
    const Filter *other = filters.called(name);
    if (other == nullptr)
      return {PathRuling::Says::Unclear, shown(name, 100) + ", which is met first", {}};
    if (other->is_off)
      continue;
    for (const PathRule &rule : in_order(path, rules_in(path, other->rules))) {
      const auto passing = any_of(path.drops, rule.text) ? std::optional<std::string>("") : chains.passing(rule.text);
      if (!passing || !passing->empty())
        return {PathRuling::Says::Unclear, shown(name, 100) + ": " + first_line(rule.text), {}};
    }
  }
  return ruling;
}

int rank(const PathRuling &one) {
  if (one.says == PathRuling::Says::Unclear)
    return one.unbound.empty() ? 3 : 2;
  return one.says == PathRuling::Says::InForce ? 4 : one.rule.empty() ? 0 : 1;
}

// What a filter with our rule comes to where it is bound.
PathRuling where_bound(const Path &path, const PathRuling &ruling, const Filters &filters, const std::string &filter, Chains &chains) {
  PathRuling best{PathRuling::Says::Unclear, {}, shown(filter, 100)};
  if (path.place.empty())
    return filters.bound.contains(filter) ? ruling : best;
  for (const FilterPlace &place : filters.places)
    if (std::find(place.filters.begin(), place.filters.end(), filter) != place.filters.end())
      if (PathRuling there = behind_others(path, ruling, filters, place, filter, chains); rank(there) > rank(best))
        best = std::move(there);
  return best;
}

} // namespace

// Where several filters have such a rule, or several places bind one, that counts which says most.
PathRuling walk(const Path &path, std::string_view text) {
  PathRuling best{PathRuling::Says::Not, {}, {}};
  const IsOff is_off = off_in(path, text);
  Filters filters = filters_in(path, text, is_off);
  if (!path.place.empty()) {
    filters.places = places_in(path, text, is_off);
    std::vector<std::string> names;
    for (const FilterPlace &place : filters.places)
      if (!place.name.empty() && std::find(names.begin(), names.end(), place.name) == names.end())
        names.push_back(place.name);
    std::erase_if(filters.places, [](const FilterPlace &place) { return !place.is_asked; });
    if (filters.places.empty() && !path.at.empty())
      return {PathRuling::Says::Nowhere, {}, {}, std::move(names)};
  }
  Chains chains(path, text);
  for (const Filter &filter : filters.all) {
    if (filter.is_off)
      continue;
    PathRuling ruling = walk_one(path, filter.rules, chains);
    if (ruling.says != PathRuling::Says::Not && !path.bound.empty())
      ruling = where_bound(path, ruling, filters, filter.name, chains);
    if (rank(ruling) > rank(best))
      best = std::move(ruling);
  }
  return best;
}

} // namespace banpush
