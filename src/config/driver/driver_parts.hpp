// The sections of a driver file, one function each; used by driver_file.cpp alone.
#pragma once

#include "config/document/document.hpp"
#include "core/driver/driver.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace banpush {

// What a driver file calls by name, collected before the sections that use the names are read.
struct DriverNames {
  std::vector<TransportKind> transports;
  std::vector<std::string> params, lists, facts, prompts;

  bool speaks(TransportKind kind) const noexcept;
  // Params and lists: all that lines, programs and patterns may name.
  std::vector<std::string> values() const;
  // Facts, params and transports: all that `when` may name.
  std::vector<std::string> conditions() const;
  // LIST_stands, LIST_in_force, LIST_permits and LIST_foreign, for setup.
  std::vector<std::string> states() const;
  // The same names, and those of a place where lists are bound (core/script/places.hpp).
  DriverNames at_place() const;
};

std::vector<std::string> keys_of(const Node *mapping);

// Whether the text may be the name of a param, list, fact or prompt; else a problem at the node.
bool is_driver_name(const Node &key, Problems &problems);

// Lists of names: each must be known, with a suggestion otherwise.
std::vector<std::string> names_of(const Node &node, Problems &problems, const std::vector<std::string> &known, const std::string &what);

// A line or argv word in which {{names}} of params and lists may stand.
std::optional<std::string> line_of(const Node &node, Problems &problems, const DriverNames &names);
std::vector<std::string> program_of(const Node &node, Problems &problems, const DriverNames &names);
// Patterns with {{names}} in them, and patterns where none are filled in.
Pattern bound_pattern_of(const Node &node, Problems &problems, const DriverNames &names);
std::vector<Pattern> bound_patterns_of(const Node &node, Problems &problems, const DriverNames &names);
Pattern fixed_pattern_of(const Node &node, Problems &problems);
std::vector<Pattern> fixed_patterns_of(const Node &node, Problems &problems);
// A param, a fact or attach, or `!` and one.
std::optional<std::string> param_when_of(const Node &node, Problems &problems, const DriverNames &names);
// A fact, param, transport or capability (`:candidate`), or `!` and one of them.
std::optional<std::string> when_of(const Node &node, Problems &problems, const DriverNames &names);

std::map<std::string, Param> params_of(const Node &node, Problems &problems);
std::vector<List> lists_of(const Node &node, Problems &problems, const DriverNames &names);
std::vector<Read> reads_of(const Node &node, Problems &problems, const DriverNames &names);
std::vector<Proof> proofs_of(const Node &node, Problems &problems, const DriverNames &names);
std::vector<Fact> facts_of(const Node &node, Problems &problems, const DriverNames &names);
// `per: attach`: whether something is asked of each place where lists are bound.
bool per_attach_of(const Node &mapping, Problems &problems);
std::vector<Refusal> refusals_of(const Node &node, Problems &problems, const DriverNames &names, const std::vector<Fact> &facts);
// ports or protocols: the platform's words, each with ours.
std::map<std::string, std::string> words_of(const Node &node, Problems &problems);
std::vector<Check> checks_of(const Node &node, Problems &problems, const DriverNames &names);
std::vector<Question> questions_of(const Node &node, Problems &problems, const DriverNames &names);
Window window_of(const Node &node, Problems &problems);
// What a shape must tell: a block, or in a script also the number alone of an entry that was read.
enum class ShapeTells { Block, BlockOrNumber };
std::vector<Shape> shapes_of(const Node &node, Problems &problems, TextFormat format, ShapeTells tells = ShapeTells::Block);
// A JSON pointer with `*` for every member, or an XPath.
std::optional<std::string> path_of(const Node &node, Problems &problems, TextFormat format);
Spoken spoken_of(const Node &node, Problems &problems, const DriverNames &names);

// The parts of every stage named, and where they stand; a stage that is there because its template is
// has no place. `taken_away`: stages an extending driver says it does not have.
struct Stages {
  std::map<Stage, std::vector<Part>> parts;
  std::set<Stage> taken_away;
};
enum class Extends { No, Yes };
Stages stages_of(const Node *node, Problems &problems, const DriverNames &names, const std::map<std::string, Pattern> &prompts,
                 Extends extends);

std::optional<Stage> stage_named(const std::string &name) noexcept;
std::vector<std::string> stage_names();

// Loads the templates of all stages and reads, adds the stages that are there because their template is,
// and checks every name the templates use. `folders`: where to look, the driver's own first; the files of
// those that `is_own` must all be used.
struct TemplateFolder {
  std::string path;
  bool is_own = true;
};
void load_templates(Driver &driver, const DriverNames &names, const Place &place, const std::vector<TemplateFolder> &folders,
                    const std::set<Stage> &taken_away, Problems &problems);

// Names that templates may use beside params, lists and facts.
const std::vector<std::string> &view_names();

} // namespace banpush
