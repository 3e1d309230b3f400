// One case of tests/drivers: what a device said in a session, and what a driver reads in it.
#pragma once

#include "config/driver/driver_file.hpp"
#include "core/plan/plan.hpp"
#include "core/reading/parse.hpp"
#include "core/script/places.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace driver_case {

using namespace banpush;
namespace fs = std::filesystem;

inline const fs::path root = BANPUSH_SOURCE_DIR;

inline std::optional<std::string> text_of(const fs::path &path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline std::vector<std::string> lines_of(const fs::path &path) {
  std::vector<std::string> lines;
  std::istringstream text(text_of(path).value_or(""));
  for (std::string line; std::getline(text, line);)
    if (!line.empty() && line.front() != '#')
      lines.push_back(line);
  return lines;
}

// `name value` a line: params, facts.
inline std::map<std::string, std::string> pairs_of(const fs::path &path) {
  std::map<std::string, std::string> pairs;
  for (const std::string &line : lines_of(path)) {
    const std::size_t blank = std::min(line.find(' '), line.size());
    pairs[line.substr(0, blank)] = blank < line.size() ? line.substr(blank + 1) : std::string();
  }
  return pairs;
}

// What a device said in one session, by what it was asked. The file `said` is made of sections: a line
// `$ argv` or `> line`, then what came back, standard error as `2> …`, an exit status other than 0 as `? N`.
inline std::map<std::string, Reply> said_in(const fs::path &path) {
  std::map<std::string, Reply> said;
  Reply *reply = nullptr;
  std::istringstream text(text_of(path).value_or(""));
  for (std::string line; std::getline(text, line);) {
    if (line.rfind("$ ", 0) == 0 || line.rfind("> ", 0) == 0)
      reply = &said[line];
    else if (reply == nullptr)
      continue;
    else if (line.rfind("2> ", 0) == 0)
      reply->errors += line.substr(3) + "\n";
    else if (line.rfind("? ", 0) == 0)
      reply->exit = std::stoi(line.substr(2));
    else
      reply->text += line + "\n";
  }
  return said;
}

// Where the device's lists are bound, in this case: `attach-INTERFACE DIRECTION` a line.
inline Places places_of(const fs::path &render) {
  Places places;
  for (const std::string &line : lines_of(render))
    if (line.rfind("attach-", 0) == 0)
      places.emplace_back(line.substr(7, line.rfind(' ') - 7), line.substr(line.rfind(' ') + 1));
  return places;
}

// NETCONF is asked by the name of a template; what has none is learnt from the hello.
template <typename Asking>
std::string rpc_of(const Asking &asking) {
  if constexpr (requires { asking.rpc; })
    return asking.rpc.empty() ? "hello" : asking.rpc;
  else
    return "hello";
}

struct Case {
  fs::path folder;
  Places places;
  Driver driver;
  Values values;
  Facts facts;
  std::map<std::string, Reply> said;

  Case(fs::path path, const Driver &of)
      : folder(std::move(path)), places(places_of(folder / "render")), driver(at_places(of, places)),
        values(values_of(of, pairs_of(folder / "params"))), said(said_in(folder / "said")) {
    values["attach"] = places.empty() ? "" : "yes";
    facts.attach.resize(places.size());
    for (const Fact &fact : driver.facts) {
      if (!fact.per_attach)
        if (const Reply *reply = reply_to(fact, values))
          facts.values[fact.name] = learn(fact, values, *reply);
      for (std::size_t i = 0; fact.per_attach && i < places.size(); ++i) {
        Values there = values;
        for (const auto &[name, value] : names_of_place(places[i].first, places[i].second))
          there[name] = value;
        if (const Reply *reply = reply_to(fact, there))
          facts.attach[i][fact.name] = learn(fact, there, *reply);
      }
    }
    for (const auto &[name, value] : pairs_of(folder / "facts"))
      facts.values[name] = value;
    for (const Fact &fact : driver.facts) // known to proofs as attach is
      if (fact.only.empty() && !fact.per_attach)
        values[fact.name] = facts.values[fact.name];
  }

  // Nothing where the session did not ask this.
  template <typename Asking>
  const Reply *reply_to(const Asking &asking, const Values &names) const {
    std::string words = "$";
    for (const std::string &word : asking.run)
      words += " " + expand(word, names);
    auto found = said.find(words);
    if (found == said.end())
      found = said.find("> " + (asking.send.empty() ? rpc_of(asking) : expand(asking.send, names)));
    return found == said.end() ? nullptr : &found->second;
  }

  // Reads and proofs that the session did not ask are left out: the case is not about them.
  Installed installed() const {
    Driver asked = driver;
    asked.reads.clear();
    asked.in_force.clear();
    Answers answers;
    for (const Read &read : driver.reads)
      if (const Reply *reply = reply_to(read, values)) {
        asked.reads.push_back(read);
        answers.reads.push_back(*reply);
      }
    for (const Proof &proof : driver.in_force)
      if (const Reply *reply = reply_to(proof, names_for(proof, values)); reply != nullptr && holds(proof.when, values, {})) {
        asked.in_force.push_back(proof);
        answers.in_force.push_back(*reply);
      }
    return claimed(parse(asked, values, answers), known());
  }

  // What the ledger has, a line each: the block and the list.
  std::vector<BlockIn> known() const {
    std::vector<BlockIn> known;
    for (const std::string &line : lines_of(folder / "ledger")) {
      const std::size_t blank = line.rfind(' ');
      known.emplace_back(Block::parse(line.substr(0, blank)).value(), line.substr(blank + 1));
    }
    std::sort(known.begin(), known.end());
    return known;
  }

  Rendering rendering() const {
    Rendering rendering{driver, driver.transports.front(), values, facts, {}, 0, false, places};
    for (const auto &[name, value] : pairs_of(folder / "render")) {
      if (name == "transport")
        rendering.transport = value == "cli" ? TransportKind::Cli : value == "exec" ? TransportKind::Exec : TransportKind::Netconf;
      else if (name == "confirm")
        rendering.confirm_seconds = static_cast<unsigned>(std::stoul(value));
      else if (name == "save")
        rendering.save = true;
      else if (name.rfind("attach-", 0) == 0)
        continue;
      else
        FAIL("unknown setting " << name << " in " << folder);
    }
    return rendering;
  }
};

inline std::vector<fs::path> folders_in(const fs::path &path) {
  std::vector<fs::path> folders;
  for (const auto &entry : fs::directory_iterator(path))
    if (entry.is_directory())
      folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  return folders;
}

} // namespace driver_case
