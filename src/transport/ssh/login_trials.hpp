// What a login may try, what the server has said of each, and what follows. Nothing here speaks to anybody.
#pragma once

#include "core/error.hpp"
#include "transport/ssh/ssh_agent.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace banpush {

// How a connection ended.
struct Ending {
  std::string words;     // for people: `"Too many authentication failures"`, or what the network said
  bool refuses = false;  // the server's own words: the last credential was refused
  bool answered = false; // the server said why it ends the connection, refusal or not
};
// Of libssh's last error. RFC 4253, 11.1: reason codes; their texts are free.
Ending ending_of(std::string_view error);

// One credential.
struct Trial {
  enum class Kind { KeyFile, AgentKey, Password } kind = Kind::Password;
  enum class Judged { Not, Partly, Refused } judged = Judged::Not;
  std::string name{};      // for people: `key /etc/banpush/id`, `password`
  AgentKey agent_key{};    // AgentKey
  std::string outcome{};   // for people: `refused`
  unsigned unanswered = 0; // how often the connection ended behind it without a word
};

// What the server takes at this moment.
struct Offered {
  bool publickey = false, password = false, keyboard = false;
};

class LoginTrials {
public:
  bool prepared() const noexcept { return prepared_; }
  void prepare(std::vector<Trial> trials, std::vector<std::string> notes);

  // A new connection: what was accepted in part is asked for again, nothing has been judged on it.
  void begin_connection();
  // The first credential not yet judged that the server takes now; null when there is none. Once a server has hung up,
  // a password comes before further keys: few tries are left on the next connection, too.
  Trial *next(const Offered &offered);

  void accepted_in_part(Trial &trial);
  void refused(Trial &trial, const std::string &outcome = "refused");
  // The connection ended, behind this credential or (null) behind none. True: on a new connection something is left to be
  // tried. Each but the last connection had something judged on it, and there are few.
  bool goes_on(Trial *in_flight, const Ending &ending);

  // What is to be made of a login that ended early. Auth: the server has refused a password, or all there was; a password
  // that was not answered twice counts as refused, as trying it on might lock the account. Else Connect: try again.
  ErrorKind kind() const;
  // What was tried and how it went; `nothing`.
  std::string text() const;

  // How often the password went out in the logins before this one, in a row, without an answer; and after this one.
  void remember_unanswered(unsigned times);
  unsigned unanswered() const;

private:
  bool prepared_ = false;
  std::vector<Trial> trials_;
  std::vector<std::string> notes_;
  unsigned connections_ = 0, judged_here_ = 0;
};

} // namespace banpush
