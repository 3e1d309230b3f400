// What one session says and does: modes, actions, questions. It knows lines and replies; the terminal they
// go through is vty.hpp's.
#pragma once

#include "lab/device/emulated.hpp"

#include <utility>

namespace banpush::lab {

// The lists of a configuration as templates see them: under each kind's name those lists, with `entries`.
// Only what the template names is made. `only` picks one list of a kind: kind and name.
View shown_lists(const Description &description, const Configuration &configuration, const TextTemplate &needs,
                 const std::pair<std::string, std::string> &only);

class Shell {
public:
  // Console: the operator's own, which types straight into the running configuration.
  enum class Origin { Network, Console };
  Shell(Emulated &device, const Fields &login, Origin origin = Origin::Network);
  Shell(const Shell &) = delete;
  Shell &operator=(const Shell &) = delete;
  // Lets go of the lock and of its own candidate.
  ~Shell();

  void greet();
  // One line: a command, or the answer to what it asks.
  void take(const std::string &line);

  std::string take_reply() { return std::exchange(reply_, {}); }
  bool reply_pages() const noexcept { return pages_; }
  std::string prompt() const; // or the question that is open
  bool asks() const noexcept { return asked_.has_value(); }
  bool asks_for_key() const noexcept { return asked_ && asked_->key; }
  bool echoes() const noexcept { return !asked_ || asked_->echo; }
  milliseconds take_wait() { return std::exchange(wait_, milliseconds{0}); }
  enum class Wish { Nothing, Close, Lose, Hang };
  Wish wish() const noexcept { return wish_; }
  const std::string &value(const std::string &name) const; // of the session; empty when there is none
  const std::string &mode() const noexcept { return mode_; }

private:
  struct Asked {
    std::string question;
    bool echo = true, key = false;
    const Action *action = nullptr;
    const Rule *rule = nullptr;
    std::string secret; // what must be typed
    unsigned tries = 0; // left
    Fields groups;
  };
  enum class Target { Running, Own, Shared, Named };

  std::string rendered(const TextTemplate &form, const Fields &groups) const;
  View view(const Fields &groups) const;
  bool truth(const std::string &name, const Fields &groups) const;
  std::string text(const Action &action, const char *key, const Fields &groups) const;

  void command(std::string line);
  bool run_rule(const std::string &mode, const std::string &line);
  bool run_rule_of(const std::string &owner, const std::string &mode, const std::string &line);
  std::string piped(std::string reply, const std::vector<const Pipe *> &pipes, const std::vector<std::string> &texts) const;
  void unknown(const std::string &line);
  void answer(const std::string &line);
  // False when the rest is not to be done.
  bool run(const std::vector<Action> &actions, const Fields &groups);
  bool run(const Action &action, const Fields &groups);
  bool object(const std::string &outcome, const std::optional<Entry> &about, const std::string &kind, const Fields &groups);

  bool show(const Action &action, const Fields &groups);
  bool change(const Action &action, const Fields &groups);
  bool each(const Action &action, const Fields &groups, const ListKind &kind, const std::string &name);
  bool add(const Action &action, const Fields &groups, const ListKind &kind, const std::string &name);
  bool remove(const Action &action, const Fields &groups, const ListKind &kind, const std::string &name);
  bool edit(const Action &action, const Fields &groups);
  bool commit(const Action &action, const Fields &groups);
  bool manage(const Action &action, const Fields &groups);
  void ask(const Action &action, const Fields &groups);
  void enter(const std::string &mode, const Fields &groups);
  void discard();
  bool dirty() const;
  Configuration &target();
  milliseconds length(const Action &action, const Fields &groups) const;

  Emulated &device_;
  Origin origin_;
  std::string mode_, kind_, list_;
  Fields values_, context_;
  std::string reply_;
  bool pages_ = true;
  std::optional<Asked> asked_;
  milliseconds wait_{0};
  Wish wish_ = Wish::Nothing;
  const Rule *rule_ = nullptr;
  std::string line_;
  std::uint64_t commands_ = 1;

  Target target_ = Target::Running;
  std::string candidate_; // the name of a named one
  Configuration own_;
  std::uint64_t own_version_ = 0;
};

} // namespace banpush::lab
