// How SshSession proves who we are: RFC 4252 (none, publickey, password), RFC 4256 (keyboard-interactive).
#include "files/open.hpp"
#include "transport/judgement.hpp"
#include "transport/ssh/login_trials.hpp"
#include "transport/ssh/ssh_key.hpp"
#include "transport/ssh/ssh_session.hpp"
#include "transport/tcp.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fmt/format.h>
#include <libssh/libssh.h>
#include <map>
#include <mutex>
#include <sys/mman.h>

namespace banpush {

namespace {

// The methods the server takes now, by RFC 4252's names.
std::string names(int offered) {
  std::string out;
  for (const auto &[bit, name] :
       {std::pair{SSH_AUTH_METHOD_PUBLICKEY, "publickey"}, std::pair{SSH_AUTH_METHOD_PASSWORD, "password"},
        std::pair{SSH_AUTH_METHOD_INTERACTIVE, "keyboard-interactive"}, std::pair{SSH_AUTH_METHOD_HOSTBASED, "hostbased"},
        std::pair{SSH_AUTH_METHOD_GSSAPI_MIC, "gssapi-with-mic"}})
    if ((offered & bit) != 0)
      out += fmt::format("{}{}", out.empty() ? "" : ", ", name);
  return out.empty() ? "nothing" : out;
}

constexpr std::size_t most_key_bytes = 1UL << 20U;

SshKey load_key(const std::string &file, const std::string &passphrase) {
  const auto text = read_private(file, most_key_bytes);
  if (!text)
    throw Error(ErrorKind::Config, fmt::format("cannot read the private key {}: {}", file, text.error().text));
  ssh_key key = nullptr;
  const int rc = ssh_pki_import_privkey_base64(text->c_str(), passphrase.empty() ? nullptr : passphrase.c_str(), nullptr, nullptr, &key);
  if (rc != SSH_OK || key == nullptr)
    throw Error(ErrorKind::Config, fmt::format("cannot use the private key {}: {}", file,
                                               passphrase.empty() ? "not a private key, or one that needs a `passphrase`"
                                                                  : "not a private key, or the passphrase is wrong"));
  return SshKey(key);
}

// `Password: ` as PAM has it in the languages of devices and hosts (Linux-PAM's translations).
bool asks_for_password(std::string text) {
  for (char &c : text)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  constexpr std::string_view words[] = {"password", "passwort", "mot de passe", "contraseña", "senha",  "wachtwoord",
                                        "lösenord", "hasło",    "heslo",        "parola",     "пароль", "Пароль",
                                        "密码",     "密碼",     "口令",         "パスワード", "암호"};
  return std::any_of(std::begin(words), std::end(words), [&](std::string_view word) { return text.find(word) != std::string::npos; });
}

// A text that a library reads by a path: it has been read from where it stood by our own rules.
class InMemory {
public:
  explicit InMemory(std::string_view text) : file_(::memfd_create("key", MFD_CLOEXEC)) {
    if (!file_ || !write_whole(file_.get(), text))
      throw Error(ErrorKind::Config, "there is no memory for a key");
  }
  std::string path() const { return fmt::format("/proc/self/fd/{}", file_.get()); }

private:
  OpenFile file_;
};

// The public half of a key file, by KEY.pub or by the file itself; nothing where neither can be read.
std::optional<PublicKey> public_half(const std::string &file, const std::string &passphrase) {
  ssh_key key = nullptr;
  for (const std::string &name : {file + ".pub", file})
    if (const auto text = read_whole(name, most_key_bytes))
      if (ssh_pki_import_pubkey_file(InMemory(*text).path().c_str(), &key) == SSH_OK)
        return public_key(SshKey(key).get());
  const auto text = read_whole(file, most_key_bytes);
  const char *secret = passphrase.empty() ? nullptr : passphrase.c_str();
  if (!text || ssh_pki_import_privkey_base64(text->c_str(), secret, nullptr, nullptr, &key) != SSH_OK)
    return std::nullopt;
  return public_key(SshKey(key).get());
}

// Passwords that went out and were not answered, by whom and where, as long as that is in a row: many a device hangs up on a
// wrong one without a word, and each time counts where accounts are locked.
class Unanswered {
public:
  unsigned times(const std::string &whom) {
    const std::lock_guard lock(lock_);
    const auto found = times_.find(whom);
    return found == times_.end() ? 0 : found->second;
  }
  void set(const std::string &whom, unsigned times) {
    const std::lock_guard lock(lock_);
    if (times == 0)
      times_.erase(whom);
    else
      times_[whom] = times;
  }

private:
  std::mutex lock_;
  std::map<std::string, unsigned> times_;
};
Unanswered unanswered_passwords;

// One connection's part of a login.
class LogIn {
public:
  LogIn(SshSession &session, const Credentials &credentials, Dialogue &dialogue, LoginTrials &trials, const Cancellation &cancellation)
      : session_(session), credentials_(credentials), dialogue_(dialogue), trials_(trials), cancellation_(cancellation),
        login_(session.target().login) {}

  // False: the server hung up, and on a new connection something is left to be tried.
  bool run() {
    trials_.begin_connection();
    int rc = finish([&] { return ssh_userauth_none(handle(), nullptr); });
    while (rc != SSH_AUTH_SUCCESS) {
      if (rc == SSH_AUTH_ERROR)
        return !ended();
      if (!trials_.prepared())
        prepare();
      in_flight_ = trials_.next(offered());
      if (in_flight_ == nullptr)
        refuse();
      rc = attempt(*in_flight_);
      if (rc != SSH_AUTH_ERROR && password_sent_)
        unanswered_passwords.set(whom(), 0);
      if (rc == SSH_AUTH_DENIED)
        trials_.refused(*in_flight_);
      if (rc == SSH_AUTH_PARTIAL)
        trials_.accepted_in_part(*in_flight_);
    }
    dialogue_.note(
        fmt::format("logged in as {}{}", login_.username, in_flight_ == nullptr ? " without a question" : " by " + in_flight_->name));
    return true;
  }

private:
  ssh_session handle() const { return session_.handle(); }

  // A server that is silent behind a password may have judged it all the same.
  int finish(const std::function<int()> &call) {
    try {
      return session_.finish(call, SSH_AUTH_AGAIN, session_.target().timeout, fmt::format("login as {}", login_.username));
    } catch (const Error &error) {
      if (!password_sent_ || in_flight_ == nullptr || cancellation_.cancelled())
        throw;
      trials_.goes_on(in_flight_, {});
      note_unanswered();
      throw Error(trials_.kind(), fmt::format("{} to the password{}", error.what(), counts_as_refused()));
    }
  }

  // All that may be tried. Where a key is configured the agent is asked for that one only (ssh_config(5), IdentitiesOnly):
  // every other key would be one of the few tries that a server allows.
  void prepare() {
    std::vector<Trial> trials;
    std::vector<std::string> notes;
    const bool agent = login_.agent || (login_.key.empty() && credentials_.password.empty() && std::getenv("SSH_AUTH_SOCK") != nullptr);
    if (agent && offered().publickey)
      add_agent_keys(trials, notes);
    if (!login_.key.empty() && trials.empty()) {
      Trial key{Trial::Kind::KeyFile};
      key.name = "key " + login_.key;
      trials.push_back(std::move(key));
    }
    if (!credentials_.password.empty()) {
      Trial password;
      password.name = "password";
      trials.push_back(std::move(password));
    }
    trials_.prepare(std::move(trials), std::move(notes));
    trials_.remember_unanswered(unanswered_passwords.times(whom()));
  }

  void add_agent_keys(std::vector<Trial> &trials, std::vector<std::string> &notes) const {
    std::vector<AgentKey> keys;
    try {
      keys = agent_keys(session_.target().timeout, cancellation_);
    } catch (const Error &error) {
      if (cancellation_.cancelled())
        throw;
      notes.push_back(fmt::format("the agent ({})", error.what()));
      return;
    }
    const auto only = login_.key.empty() ? std::nullopt : public_half(login_.key, credentials_.passphrase);
    constexpr std::size_t most_keys = 32; // each takes a round trip, and servers hang up after six
    for (AgentKey &key : keys) {
      if (trials.size() == most_keys)
        break;
      if (!login_.key.empty() && !(only && key.key == *only))
        continue;
      Trial trial{Trial::Kind::AgentKey};
      trial.name = fmt::format("key {} of the agent", key.comment.empty() ? key.key.fingerprint : in_one_line(key.comment, 60));
      trial.agent_key = std::move(key);
      trials.push_back(std::move(trial));
    }
    if (trials.empty())
      notes.push_back(login_.key.empty() ? "the agent (it holds no key)" : fmt::format("the agent (it does not hold {})", login_.key));
  }

  Offered offered() {
    if (const int methods = ssh_userauth_list(handle(), nullptr); methods != 0)
      methods_ = methods;
    return {(methods_ & SSH_AUTH_METHOD_PUBLICKEY) != 0, (methods_ & SSH_AUTH_METHOD_PASSWORD) != 0,
            (methods_ & SSH_AUTH_METHOD_INTERACTIVE) != 0};
  }

  int attempt(Trial &trial) {
    switch (trial.kind) {
    case Trial::Kind::KeyFile: {
      const SshKey key = load_key(login_.key, credentials_.passphrase);
      return finish([&] { return ssh_userauth_publickey(handle(), nullptr, key.get()); });
    }
    case Trial::Kind::AgentKey: return sign_by_agent(trial.agent_key);
    case Trial::Kind::Password: break;
    }
    // One way only: the same password twice counts twice where accounts are locked.
    if (!offered().password) {
      trial.name = "keyboard-interactive password";
      return answer_questions();
    }
    password_sent_ = true;
    return finish([&] { return ssh_userauth_password(handle(), nullptr, credentials_.password.c_str()); });
  }

  // The server is asked first whether it would take the key: libssh loses some memory for each key that an agent tells it of.
  int sign_by_agent(const AgentKey &key) {
    ssh_key half = nullptr;
    if (ssh_pki_import_pubkey_base64(key.key.base64.c_str(), ssh_key_type_from_name(key.key.type.c_str()), &half) != SSH_OK)
      return SSH_AUTH_DENIED;
    const SshKey public_key(half);
    if (const int rc = finish([&] { return ssh_userauth_try_publickey(handle(), nullptr, half); }); rc != SSH_AUTH_SUCCESS)
      return rc;
    if (!relay_) {
      relay_.emplace(session_.target().timeout, cancellation_);
      ssh_set_agent_socket(handle(), relay_->take_end());
    }
    relay_->hold(key);
    const NoSigpipe no_sigpipe; // libssh writes to the relay
    const int rc = finish([&] { return ssh_userauth_agent(handle(), nullptr); });
    // The server would have it, but the agent does not sign with it: the next one, then.
    return rc == SSH_AUTH_ERROR && session_.connected() ? static_cast<int>(SSH_AUTH_DENIED) : rc;
  }

  // Only a single hidden question for a password is answered; what else a server may ask (a code, a new
  // password) is not ours to guess. Some only tell something, and that without end.
  int answer_questions() {
    constexpr int most_rounds = 10;
    bool answered = false;
    int rc = finish([&] { return ssh_userauth_kbdint(handle(), nullptr, nullptr); });
    for (int round = 0; rc == SSH_AUTH_INFO; ++round) {
      const int questions = ssh_userauth_kbdint_getnprompts(handle());
      if (questions > 0) {
        char echo = 0;
        const char *asked = ssh_userauth_kbdint_getprompt(handle(), 0, &echo);
        const std::string question = asked == nullptr ? "" : asked;
        if (questions != 1 || echo != 0 || answered || !is_for_password(question))
          refuse(fmt::format("keyboard-interactive (the server asks \"{}\", which banpush does not answer{})", in_one_line(question),
                             questions == 1 && echo == 0 && !answered
                                 ? "; where that is the question for the password, `password_question` on this device names it"
                                 : ""));
        ssh_userauth_kbdint_setanswer(handle(), 0, credentials_.password.c_str());
        answered = password_sent_ = true;
      } else if (round == most_rounds) {
        refuse(fmt::format("keyboard-interactive (the server has sent {} rounds of words without a question)", most_rounds));
      }
      rc = finish([&] { return ssh_userauth_kbdint(handle(), nullptr, nullptr); });
    }
    return rc;
  }

  bool is_for_password(const std::string &question) const {
    return asks_for_password(question) || login_.password_question.found_in(question) ||
           session_.target().password_question.found_in(question);
  }

  std::string who() const {
    return fmt::format("{}: login as {} at {}", session_.target().name, login_.username, place(session_.address(), session_.target().port));
  }

  [[noreturn]] void refuse(const std::string &instead = {}) {
    const std::string tried = trials_.text(), all = instead.empty() ? tried : tried == "nothing" ? instead : tried + ", " + instead;
    offered();
    throw Error(ErrorKind::Auth, fmt::format("{} refused: tried {}; the server offers {}{}", who(), all, names(methods_),
                                             all == "nothing" ? "; there is no `key`, `agent` or `password` that fits" : ""));
  }

  // An error in the middle of the login. Throws unless, on a new connection, something is left to be tried.
  bool ended() {
    const std::string said = ssh_get_error(handle());
    if (session_.connected() && password_sent_)
      throw Error(ErrorKind::Auth, fmt::format("{} failed: the server wants something else after the password; it may have expired{}{}",
                                               who(), said.empty() ? "" : ": ", in_one_line(said)));
    Ending ending = ending_of(said);
    if (in_flight_ != nullptr && in_flight_->kind == Trial::Kind::Password && !password_sent_)
      in_flight_ = nullptr; // the server had not asked for it
    if (trials_.goes_on(in_flight_, ending)) {
      dialogue_.note(
          fmt::format("{}: the connection ended ({}) after {}; once more with what is left", who(), ending.words, trials_.text()));
      return true;
    }
    note_unanswered();
    const ErrorKind kind = trials_.kind();
    const std::string tried = trials_.text();
    throw Error(kind, fmt::format("{} {}: tried {}; the connection ended: {}{}", who(),
                                  kind == ErrorKind::Auth ? "refused" : "broke off before the server had decided", tried, ending.words,
                                  counts_as_refused()));
  }

  std::string whom() const { return fmt::format("{}@{}:{}", login_.username, session_.address(), session_.target().port); }
  void note_unanswered() const {
    if (const unsigned times = trials_.unanswered(); times != 0)
      unanswered_passwords.set(whom(), times);
  }
  const char *counts_as_refused() const {
    return trials_.unanswered() >= 2 ? "; that was so before, too, and counts as a refusal: the account might be locked" : "";
  }

  SshSession &session_;
  const Credentials &credentials_;
  Dialogue &dialogue_;
  LoginTrials &trials_;
  const Cancellation &cancellation_;
  const Login &login_;
  std::optional<AgentRelay> relay_; // libssh's end of it goes with the session
  Trial *in_flight_ = nullptr;      // of trials_
  bool password_sent_ = false;      // on this connection
  int methods_ = 0;                 // that the server offered last
};

} // namespace

bool SshSession::log_in(const Credentials &credentials, LoginTrials &trials) {
  try {
    return LogIn(*this, credentials, *dialogue_, trials, cancellation_).run();
  } catch (const Error &error) {
    if (error.kind() != ErrorKind::Config)
      throw;
    throw Error(ErrorKind::Config, fmt::format("{}: {}", target_.name, error.what()));
  }
}

} // namespace banpush
